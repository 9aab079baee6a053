"""The tree of everything drawn for a question: a node is a prefix, its children are draws."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from tasks.benchmarks.question import Question
from tasks.models.steps import Split, Steps
from tasks.protocols import Confidence, Draw, Stop, TokenIds, running_key, text_key


class Kept(NamedTuple):
    """A draw as it is stored."""

    key: str
    """Of the node that it makes."""
    step_keys: Sequence[str]
    step_ends: Sequence[int] | None
    """Characters of its text at which its steps end; None: to be found again from its tokens."""
    text: str
    token_ids: TokenIds | None
    """None: of a text model, or not read, because nothing will go on from it."""
    length: float
    """Token ids that it has, read or not; NaN of a text model."""
    stop: Stop
    tokens: float
    """Generated, as the engine counts them; NaN: not told."""
    confidence: Confidence | None = None

    @property
    def draw(self) -> Draw:
        """As the engine gave it."""
        drawn = Draw(self.token_ids, self.text, self.stop, self.tokens)
        return drawn._replace(confidence=self.confidence)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A prefix of a completion: the question's prompt and the steps so far.

    It holds what was written since its parent alone; what is written in all is read along its line.
    """

    question: Question
    key: str
    """`key_of` its token ids: names the prefix in memo, journal and warehouse."""
    parent: Node | None = None
    """What it goes on from; None: it is the question's prompt."""
    own_ids: TokenIds | None = None
    """Token ids since its parent, or of the prompt; None where they were not read."""
    written: str = ""
    """What the model wrote since its parent."""
    ends: Sequence[int] = ()
    """Characters of it at which its own steps end."""
    own_keys: Sequence[str] = ()
    """Key at the end of each of its own steps; an ended completion's last one is its own key."""
    depth: int = 0
    """Steps up to here."""
    stop: Stop | None = None
    """Why the last draw stopped; None at the root."""
    generated_tokens: float = 0
    """Tokens generated on the way here, end-of-text token included; NaN: not told."""
    length: float = 0
    """Tokens of the prompt and of what was generated; NaN of a text model."""
    is_text: bool = False
    """Whether its model is known by its texts alone, so that nobody counts its tokens here."""
    confidence: Confidence | None = None
    """How sure the model was of what was written since its parent; None: nobody told."""
    given: int = 0
    """Of its token ids, the last ones that nobody drew: they were written for the model."""
    running: hashlib.blake2b | None = None
    """Where a node can go on, what its key is the digest of, if that is known."""

    def line(self) -> list[Node]:
        """The nodes from the root to this one."""
        nodes: list[Node] = [self]
        while nodes[-1].parent is not None:
            nodes.append(nodes[-1].parent)
        nodes.reverse()
        return nodes

    @property
    def token_ids(self) -> TokenIds:
        """Prompt and everything generated; of a text model the prompt's bytes alone."""
        ids = array("i")
        for node in self.line():
            if node.own_ids is None and not node.is_text:
                raise ValueError(f"expected the token ids of {node.key} to be read, got none")
            ids += node.own_ids or array("i")
        return ids

    @property
    def text(self) -> str:
        """Everything generated, without the prompt."""
        return "".join(node.written for node in self.line())

    @property
    def own_steps(self) -> list[str]:
        """The steps since its parent; the first has what was begun before."""
        texts = [self.written[start:end] for start, end in pairwise([0, *self.ends])]
        if texts and self.parent:
            texts[0] = self.parent.begun + texts[0]
        return texts

    @property
    def begun(self) -> str:
        """What is written of the next step: white space, or the heading that ended the last one."""
        if self.ends:
            return self.written[self.ends[-1] :]
        before = self.parent.begun if self.parent else ""
        return before + self.written

    @property
    def steps(self) -> tuple[str, ...]:
        """All steps up to here."""
        return tuple(text for node in self.line() for text in node.own_steps)

    @property
    def step_keys(self) -> tuple[str, ...]:
        """Key at the end of every step."""
        return tuple(key for node in self.line() for key in node.own_keys)

    @property
    def ended(self) -> bool:
        """Whether the model ended it: a whole completion, which may have an answer."""
        return self.stop == "end"

    @property
    def extendable(self) -> bool:
        """Whether it can go on: it neither ended nor was cut at the token limit."""
        return self.stop in (None, "step")

    def cut(self) -> Node:
        """The same node, counted as cut at the token limit."""
        return dataclasses.replace(self, stop="limit")

    def shorten(self, kept: int, steps: Steps) -> Node:
        """As if its draw had been cut after so many tokens; another node, whatever its text.

        A key of its own: the same tokens that ended by themselves may have an answer.
        """
        assert self.parent is not None
        cut = Draw(self.read_ids[:kept], "", "limit", kept)
        node = extend(self.parent, cut, split_draw(self.parent, cut, steps))
        return dataclasses.replace(node, key=text_key(node.key, "cut"))

    @property
    def read_ids(self) -> TokenIds:
        """Token ids since its parent; ValueError where they were not read."""
        if self.own_ids is None:
            raise ValueError(f"expected the token ids of {self.key} to be read, got none")
        return self.own_ids

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        mine = (self.key, self.stop, self.written)
        return mine == (other.key, other.stop, other.written)

    def __hash__(self) -> int:
        return hash(self.key)


def root(question: Question, prompt: Sequence[int], *, is_text: bool = False) -> Node:
    """The node of a question before anything was generated."""
    running = running_key(prompt)
    return Node(
        question=question,
        key=running.hexdigest(),
        own_ids=array("i", prompt),
        length=math.nan if is_text else len(prompt),
        is_text=is_text,
        running=running,
    )


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
    begun = len(node.begun)
    ends = [end - begun for end in accumulate(map(len, split.texts))]
    written = ("".join(split.texts) + split.begun)[begun:]
    if draw.token_ids is None:
        # Its keys are of its text: the last step's end is the completion's own. Cut or not is a
        # fact of the draw: the same text that ended by itself may have an answer.
        said = draw.text if draw.stop == "end" else f"{draw.text}|{draw.stop}"
        keys = [*_text_keys(node, split), text_key(node.key, said)]
        running = None
    else:
        # A draw of several steps gives each of its step ends a key: a completion drawn in one
        # piece is so a child at each of its prefixes, and a score of a step is found whoever drew
        # it.
        running = (node.running or running_key(node.token_ids)).copy()
        keys = list(_keys(running, draw.token_ids, [*split.ends, len(draw.token_ids)]))
    *own_keys, key = keys
    return Node(
        question=node.question,
        key=key,
        parent=node,
        own_ids=draw.token_ids,
        written=written,
        ends=array("i", ends),
        own_keys=own_keys,
        depth=node.depth + len(ends),
        stop=draw.stop,
        generated_tokens=node.generated_tokens + draw.tokens,
        length=node.length + len(draw.token_ids or ()),
        is_text=draw.token_ids is None,
        confidence=draw.confidence,
        running=running if draw.stop == "step" else None,
    )


def _text_keys(node: Node, split: Split) -> Iterator[str]:
    for text in accumulate(split.texts):
        yield text_key(node.key, text)


def _keys(running: hashlib.blake2b, token_ids: TokenIds, ends: Sequence[int]) -> Iterator[str]:
    """The key after the first so many token ids, for ascending ends, in one pass over them."""
    for start, end in pairwise([0, *ends]):
        running.update(token_ids[start:end].tobytes())
        yield running.hexdigest()


def restore(node: Node, kept: Kept, steps: Steps) -> Node:
    """The child that a stored draw makes of a node: no token is read where its steps are stored."""
    ends = kept.step_ends
    if ends is None:
        return extend(node, kept.draw, split_draw(node, kept.draw, steps))
    return Node(
        question=node.question,
        key=kept.key,
        parent=node,
        own_ids=kept.token_ids,
        written=kept.text,
        ends=ends,
        own_keys=kept.step_keys,
        depth=node.depth + len(ends),
        stop=kept.stop,
        generated_tokens=node.generated_tokens + kept.tokens,
        length=node.length + kept.length,
        is_text=node.is_text,
        confidence=kept.confidence,
    )
