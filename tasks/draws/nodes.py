"""The tree of everything drawn for a question: a node is a prefix, its children are draws."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.benchmarks.question import Question
from tasks.models.steps import Split, Steps
from tasks.protocols import Draw, Stop, key_of, keys_of


@dataclass(frozen=True, slots=True)
class Node:
    """A prefix of a completion: the question's prompt and the steps so far."""

    question: Question
    token_ids: tuple[int, ...]
    """Prompt and everything generated."""
    key: str
    """`key_of(token_ids)`: names the prefix in memo, journal and warehouse."""
    steps: tuple[str, ...] = ()
    step_keys: tuple[str, ...] = ()
    """Key at the end of every step; an ended completion's last one is its own key."""
    begun: str = ""
    """What is written of the next step: white space, or the heading that ended the last one."""
    stop: Stop | None = None
    """Why the last draw stopped; None at the root."""
    generated_tokens: int = 0
    """Tokens generated on the way here, end-of-text token included."""

    @property
    def text(self) -> str:
        """Everything generated, without the prompt."""
        return "".join(self.steps) + self.begun

    @property
    def ended(self) -> bool:
        """Whether the model ended it: a whole completion, which may have an answer."""
        return self.stop == "end"

    @property
    def extendable(self) -> bool:
        """Whether it can go on: it neither ended nor was cut at the token limit."""
        return self.stop in (None, "step")


def root(question: Question, prompt: tuple[int, ...]) -> Node:
    """The node of a question before anything was generated."""
    return Node(question=question, token_ids=prompt, key=key_of(prompt))


def split_draw(node: Node, draw: Draw, steps: Steps) -> Split:
    """The steps that a draw adds to a node."""
    return steps.split(
        draw.token_ids,
        begun=node.begun,
        start=node.generated_tokens == 0,
        last=draw.stop != "step",
    )


def extend(node: Node, draw: Draw, split: Split) -> Node:
    """The child that a draw makes of a node, by the steps that it adds."""
    token_ids = node.token_ids + draw.token_ids
    offset = len(node.token_ids)
    # A draw of several steps gives each of its step ends a key: a completion drawn in one piece is
    # so a child at each of its prefixes, and a score of a step is found whoever drew it.
    *step_keys, key = keys_of(token_ids, [*(offset + end for end in split.ends), len(token_ids)])
    return Node(
        question=node.question,
        token_ids=token_ids,
        key=key,
        steps=node.steps + tuple(split.texts),
        step_keys=(*node.step_keys, *step_keys),
        begun=split.begun,
        stop=draw.stop,
        generated_tokens=node.generated_tokens + draw.tokens,
    )
