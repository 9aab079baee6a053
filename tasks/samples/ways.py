"""Ways of drawing: what makes two pools of draws by one model on one task, beside its sampling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple


class Way(NamedTuple):
    """How draws were asked for; they make one pool only where it is the same."""

    digest: str = ""
    """Of all that differs between ways: prompts, arguments, settings beside the sampling ones."""
    word: str = ""
    """What a reader tells the way by, e.g. `8-shot`; "" where the source has no word for it."""

    @property
    def name(self) -> str:
        """What stands beside a task that was drawn in several ways."""
        return self.word or self.digest[:8]


def digest_of(*parts: object) -> str:
    """Sixteen hexadecimal digits of any values; the order of names in objects does not count."""
    written = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:16]


class Prompts:
    """What the runs seen so far asked: those that asked each document the same are of one way."""

    def __init__(self) -> None:
        self._ways: dict[Hashable, list[tuple[Way, dict[str, str]]]] = {}

    def assign(self, of: Hashable, asked: Mapping[str, str], word: str) -> Way:
        """The way of a run, from what it asked by document, among the runs of the same `of`.

        Runs over other documents, as over parts of a benchmark, are of one way.
        """
        several = self._ways.setdefault(of, [])
        for way, known in several:
            other_word = word and way.word and word != way.word
            alike = [known.get(name, prompt) == prompt for name, prompt in asked.items()]
            if all(alike) and not other_word:
                known.update(asked)
                return way
        way = Way(digest_of(asked), word)
        several.append((way, dict(asked)))
        return way


def folders_apart(folders: Iterable[Path]) -> dict[Path, str]:
    """The part of each path in which several folders differ, e.g. `qwen` and `llama`.

    "" where there is one folder alone, or where a path is what all others begin with.
    """
    distinct = list(dict.fromkeys(folders))
    if len(distinct) < 2:
        return dict.fromkeys(distinct, "")
    parts = [folder.parts for folder in distinct]
    begin = _alike(parts)
    # What is left is compared from its end: a name may be both the first and the last.
    rest = [part[begin:] for part in parts]
    end = _alike([part[::-1] for part in rest])
    differing = ["/".join(part[: len(part) - end]) for part in rest]
    return dict(zip(distinct, differing, strict=True))


def _alike(paths: list[tuple[str, ...]]) -> int:
    """How many parts all paths begin with."""
    count = 0
    for names in zip(*paths, strict=False):
        if len(set(names)) > 1:
            break
        count += 1
    return count
