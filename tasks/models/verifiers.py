"""Verifiers over served models: what a format shows the model, and the scores in its reply.

A verifier format is a table of tasks/models/verifiers.toml. The model stands behind `ServedModel`, so the same reading serves
this process's vLLM and a server behind HTTP.
"""

from __future__ import annotations

import asyncio
import math
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tasks.models.formats import (
    Format,
    Message,
    beginning,
    load_chat,
    load_tokenizer,
    step_token,
    token_id,
)
from tasks.protocols import ServedModel, StepScore, VerifierFailure
from warehouse.errors import UserError

TEMPLATE_DATE = "26 Jul 2024"
"""What Llama-3.1's own template says when nobody gives it a date: reward models were trained on that."""


@dataclass(frozen=True, slots=True)
class VerifierFormat:
    """A table of tasks/models/verifiers.toml, which explains the keys."""

    name: str
    kind: Literal["label-head", "value-head", "next-token", "sequence", "likelihood"]
    scores_steps: bool
    chat: bool = False
    system: str = ""
    question: str = "{question}"
    step: str = "{step}"
    separator: str = ""
    step_token: str = ""
    good: str = ""
    bad: str = ""
    head: str = ""
    architecture: str = ""

    @property
    def generates(self) -> bool:
        """Whether the model is asked for log-probabilities of tokens, not for the outputs of a head."""
        return self.kind in ("next-token", "likelihood")


def load_verifier_format(name: str) -> VerifierFormat:
    """The named format; UserError lists the known ones."""
    tables = tomllib.loads(Path(__file__).with_name("verifiers.toml").read_text(encoding="utf-8"))
    if name not in tables:
        raise UserError(
            f"study: unknown verifier.format {name!r}; known are {', '.join(sorted(tables))}"
        )
    return VerifierFormat(name=name, **tables[name])


Prefixes = list[list[int]]
"""Token ids up to each place where a score is read; every one begins with the one before."""

Show = Callable[[str, Sequence[str]], Prefixes]
"""Question and steps to what the model is shown."""

Read = Callable[[ServedModel, Prefixes], Awaitable[list[float]]]
"""The scores at the end of every prefix."""


class Reading(NamedTuple):
    """A verifier format bound to the tokenizer of a model folder."""

    verifier_format: VerifierFormat
    show: Show
    read: Read


def load_reading(name: str, folder: Path, *, format: Format) -> Reading:
    """The named verifier format over the model in a folder; UserError when they do not fit.

    `format` is the run's generator's; `likelihood` writes as it does, the others have their own layout.
    """
    verifier_format = load_verifier_format(name)
    if verifier_format.kind == "likelihood":
        return Reading(verifier_format, _as_written(format), _read_likelihood)
    if verifier_format.kind == "next-token":
        return Reading(
            verifier_format,
            _by_turns(verifier_format, folder),
            _next_token_reader(verifier_format, folder),
        )
    if verifier_format.kind == "sequence":
        return Reading(verifier_format, _as_dialogue(verifier_format, folder), _read_values)
    return Reading(
        verifier_format,
        _with_step_tokens(verifier_format, folder),
        _read_labels if verifier_format.kind == "label-head" else _read_values,
    )


@dataclass(frozen=True, slots=True)
class ServedVerifier:
    """A Verifier: a reading over a served model.

    A format that scores no steps is shown the whole completion and gives every step that one score, with
    the tokens of the whole: right for a selector, useless to a search.
    """

    reading: Reading
    served: ServedModel
    longest: int
    """Tokens that the model can be shown."""

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step; VerifierFailure for an empty step, too many tokens or a reply without a number."""
        if not steps:
            return []
        parts = steps if self.reading.verifier_format.scores_steps else ["".join(steps)]
        for number, part in enumerate(parts, start=1):
            if not part.strip():
                raise VerifierFailure(f"expected text in every step, step {number} is {part!r}")
        prefixes = self.reading.show(question, parts)
        if len(prefixes[-1]) > self.longest:
            raise VerifierFailure(
                f"expected at most {self.longest} tokens, got {len(prefixes[-1])}"
            )
        scores = await self.reading.read(self.served, prefixes)
        found = [
            StepScore(score, len(p))
            for score, p in zip(scores, prefixes[-len(parts) :], strict=True)
        ]
        return found if self.reading.verifier_format.scores_steps else found * len(steps)


def _with_step_tokens(verifier_format: VerifierFormat, folder: Path) -> Show:
    """The question, then every step closed by the step token.

    The parts are tokenized one by one, as the published code does: a step's last characters never merge
    with the step token. Inside a step that token would be read as a step's end; it is left out there,
    unless it is a mere line break.
    """
    tokenizer = load_tokenizer(folder)
    tag = step_token(folder, tokenizer, verifier_format.step_token)
    inside = tokenizer.decode([tag])
    opening = _opening(verifier_format, folder)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        token_ids = tokenizer.encode(opening(question))
        prefixes: Prefixes = []
        for step in steps:
            text = step.strip("\n")
            token_ids = [
                *token_ids,
                *tokenizer.encode(text.replace(inside, "") if inside.strip() else text),
                tag,
            ]
            prefixes.append(token_ids)
        return prefixes

    return show


def _opening(verifier_format: VerifierFormat, folder: Path) -> Callable[[str], str]:
    """Question to the text that stands before the first step."""
    bos = beginning(folder)
    if not verifier_format.chat:
        return lambda question: verifier_format.question.format(bos=bos, question=question)
    chat = load_chat(folder, "verifier.format", date=TEMPLATE_DATE)
    return lambda question: chat(
        _first_turns(verifier_format, verifier_format.question.format(question=question))
    )


def _first_turns(verifier_format: VerifierFormat, content: str) -> list[Message]:
    system = [Message("system", verifier_format.system)] if verifier_format.system else []
    return [*system, Message("user", content)]


def _by_turns(verifier_format: VerifierFormat, folder: Path) -> Show:
    """For every step the text up to the place of its judgement.

    Tokenized from the start each time: no merge hides the place, and nothing inside a step is taken for it.
    """
    tokenizer = load_tokenizer(folder)
    texts = (
        _dialogues(verifier_format, folder)
        if verifier_format.chat
        else _plain(verifier_format, folder)
    )
    return lambda question, steps: [tokenizer.encode(text) for text in texts(question, steps)]


def _plain(
    verifier_format: VerifierFormat, folder: Path
) -> Callable[[str, Sequence[str]], list[str]]:
    opening = _opening(verifier_format, folder)

    def texts(question: str, steps: Sequence[str]) -> list[str]:
        written = [verifier_format.step.format(step=step.strip("\n")) for step in steps]
        return [
            opening(question) + verifier_format.separator.join(written[: n + 1])
            for n in range(len(written))
        ]

    return texts


def _dialogues(
    verifier_format: VerifierFormat, folder: Path
) -> Callable[[str, Sequence[str]], list[str]]:
    chat = load_chat(folder, "verifier.format", date=TEMPLATE_DATE)

    def texts(question: str, steps: Sequence[str]) -> list[str]:
        written = [verifier_format.step.format(step=step.strip("\n")) for step in steps]
        turns = _first_turns(
            verifier_format, verifier_format.question.format(question=question) + written[0]
        )
        found = [chat(turns)]
        for step in written[1:]:
            turns += [Message("assistant", verifier_format.good), Message("user", step)]
            found.append(chat(turns))
        return found

    return texts


def _as_dialogue(verifier_format: VerifierFormat, folder: Path) -> Show:
    """The question and the whole completion as one dialogue."""
    tokenizer = load_tokenizer(folder)
    chat = load_chat(folder, "verifier.format", date=TEMPLATE_DATE)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        turns = _first_turns(verifier_format, verifier_format.question.format(question=question))
        return [tokenizer.encode(chat([*turns, Message("assistant", "".join(steps).strip("\n"))]))]

    return show


def _as_written(format: Format) -> Show:
    """The generator's prompt, then the same with one step more each."""

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        prefixes = [list(format.tokenizer.encode(format.render(question)))]
        for step in steps:
            prefixes.append(prefixes[-1] + list(format.tokenizer.encode(step)))
        return prefixes

    return show


async def _read_labels(served: ServedModel, prefixes: Prefixes) -> list[float]:
    rows = await _rows(served, prefixes, width=2)
    return [_sigmoid(good - bad) for bad, good in rows]


async def _read_values(served: ServedModel, prefixes: Prefixes) -> list[float]:
    return [_sigmoid(value) for (value,) in await _rows(served, prefixes, width=1)]


async def _rows(served: ServedModel, prefixes: Prefixes, *, width: int) -> list[list[float]]:
    rows = await served.head_rows(prefixes[-1], [len(prefix) - 1 for prefix in prefixes])
    shape = [len(row) for row in rows]
    if shape != [width] * len(prefixes):
        raise VerifierFailure(
            f"expected {len(prefixes)} rows of {width} outputs, got rows of {shape}; is verifier.format right?"
        )
    return rows


def _next_token_reader(verifier_format: VerifierFormat, folder: Path) -> Read:
    tokenizer = load_tokenizer(folder)
    advice = f"verifier.format {verifier_format.name!r} does not fit the model in {folder}"
    wanted = [
        token_id(tokenizer, text, advice) for text in (verifier_format.good, verifier_format.bad)
    ]

    async def read(served: ServedModel, prefixes: Prefixes) -> list[float]:
        pairs = await asyncio.gather(*(served.next_logprobs(prefix, wanted) for prefix in prefixes))
        return [_sigmoid(good - bad) for good, bad in pairs]

    return read


async def _read_likelihood(served: ServedModel, prefixes: Prefixes) -> list[float]:
    """exp of the mean log-probability of what was written, at the end of every prefix but the prompt."""
    logprobs = await served.token_logprobs(prefixes[-1])
    start = len(prefixes[0])
    written = [logprobs[start - 1 : len(prefix) - 1] for prefix in prefixes[1:]]
    return [min(1.0, math.exp(_finite(math.fsum(part) / len(part)))) for part in written]


def _sigmoid(value: float) -> float:
    """1 / (1 + exp(-value)), without overflow on either side."""
    small = math.exp(-abs(_finite(value)))
    return 1 / (1 + small) if value >= 0 else small / (1 + small)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise VerifierFailure(f"expected a finite number from the model, got {value}")
    return value
