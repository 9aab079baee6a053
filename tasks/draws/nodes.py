"""The tree of everything drawn for a question: a node is a prefix, its children are draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from tasks.benchmarks.question import Question
from tasks.models.steps import Split, Steps
from tasks.protocols import Draw, Stop, key_of, keys_of, text_key


@dataclass(frozen=True, slots=True)
class Node:
    """A prefix of a completion: the question's prompt and the steps so far."""

    question: Question
    token_ids: tuple[int, ...]
    """Prompt and everything generated; of a text model the prompt's bytes alone."""
    key: str
    """`key_of(token_ids)`: names the prefix in memo, journal and warehouse."""
    steps: tuple[str, ...] = ()
    step_keys: tuple[str, ...] = ()
    """Key at the end of every step; an ended completion's last one is its own key."""
    begun: str = ""
    """What is written of the next step: white space, or the heading that ended the last one."""
    stop: Stop | None = None
    """Why the last draw stopped; None at the root."""
    generated_tokens: float = 0
    """Tokens generated on the way here, end-of-text token included; NaN: not told."""
    is_text: bool = False
    """Whether its model is known by its texts alone, so that nobody counts its tokens here."""

    @property
    def text(self) -> str:
        """Everything generated, without the prompt."""
        return "".join(self.steps) + self.begun

    @property
    def length(self) -> float:
        """Tokens of the prompt and of what was generated; NaN of a text model."""
        return math.nan if self.is_text else len(self.token_ids)

    @property
    def ended(self) -> bool:
        """Whether the model ended it: a whole completion, which may have an answer."""
        return self.stop == "end"

    @property
    def extendable(self) -> bool:
        """Whether it can go on: it neither ended nor was cut at the token limit."""
        return self.stop in (None, "step")


def root(question: Question, prompt: tuple[int, ...], *, is_text: bool = False) -> Node:
    """The node of a question before anything was generated."""
    return Node(question=question, token_ids=prompt, key=key_of(prompt), is_text=is_text)


def split_draw(node: Node, draw: Draw, steps: Steps) -> Split:
    """The steps that a draw adds to a node."""
    if draw.token_ids is None:
        return steps.split_text(draw.text)
    return steps.split(
        draw.token_ids,
        begun=node.begun,
        start=node.generated_tokens == 0,
        last=draw.stop != "step",
    )


def extend(node: Node, draw: Draw, split: Split) -> Node:
    """The child that a draw makes of a node, by the steps that it adds."""
    if draw.token_ids is None:
        return _complete(node, draw, split)
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


def _complete(node: Node, draw: Draw, split: Split) -> Node:
    """The whole completion that a draw without token ids makes of a question's node."""
    # Its keys are of its text: the last step's end is the completion's own.
    written = accumulate(split.texts)
    # Cut or not is a fact of the draw: the same text that ended by itself may have an answer.
    said = draw.text if draw.stop == "end" else f"{draw.text}|{draw.stop}"
    step_keys = [text_key(node.key, text) for text in written]
    return Node(
        question=node.question,
        token_ids=node.token_ids,
        key=text_key(node.key, said),
        steps=tuple(split.texts),
        step_keys=tuple(step_keys),
        begun=split.begun,
        stop=draw.stop,
        generated_tokens=draw.tokens,
        is_text=True,
    )
