"""What a strategy may ask for while it searches, metered by role."""

from __future__ import annotations

from typing import Protocol

from tasks.nodes import Node


class Tools(Protocol):
    """The only way from a strategy to models: whatever goes through it is counted."""

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        """The first n children of the node, each ending at the next step's end."""
        ...

    async def score(self, node: Node) -> float | None:
        """The verifier's score at the node's last step; None when the verifier failed."""
        ...
