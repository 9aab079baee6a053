"""Verifiers over served models: what a format shows the model, and the scores in its reply.

A verifier format is a table of tasks/models/verifiers.toml. The model stands behind `ServedModel`,
so the same reading serves this process's vLLM and a server behind HTTP. Their layouts are those of
the published code (METHOD §3).
"""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from tasks.models.chat import Message, load_chat
from tasks.models.format_tables import (
    Named,
    check_fields,
    first_wrong,
    format_name,
    take_over,
)
from tasks.models.formats import Format
from tasks.models.scores import (
    Prefixes,
    Read,
    next_token_reader,
    read_labels,
    read_likelihood,
    read_values,
)
from tasks.models.tokenizers import beginning, encoder, load_tokenizer, step_token
from warehouse.errors import UserError

_KEY = "verifier.format"

TEMPLATE_DATE = date(2024, 7, 26)
"""What Llama-3.1's own template says unless given a date: reward models were trained on that."""


Kind = Literal[
    "label-head",
    "value-head",
    "next-token",
    "sequence",
    "likelihood",
    "stated",
]
"""Where a score stands, as verifiers.toml explains."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class VerifierFormat:
    """A table of tasks/models/verifiers.toml, which explains the keys."""

    name: str
    kind: Kind
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
    thinking: bool = False

    @property
    def generates(self) -> bool:
        """Whether it is asked for log-probabilities of tokens, not for the outputs of a head."""
        return self.kind in ("next-token", "likelihood")

    @property
    def reads_thinking(self) -> bool:
        """Whether it is shown what a completion thinks; the generator itself wrote such text."""
        return self.thinking or self.kind == "likelihood"

    @property
    def identity(self) -> dict[str, Any]:
        """The table as it decides scores: part of a verifier's version."""
        table = dataclasses.asdict(self)
        # Versions from before this key have it nowhere.
        if not self.thinking:
            del table["thinking"]
        return table


def load_verifier_format(named: Named) -> VerifierFormat:
    """The format of a name, or of a study's own table; UserError lists what is known."""
    table = take_over(named, _known_formats(), _KEY)
    if isinstance(named, str):
        return VerifierFormat(name=named, **table)
    keys = [field.name for field in dataclasses.fields(VerifierFormat)]
    try:
        own = TypeAdapter(VerifierFormat).validate_python({"name": format_name(named), **table})
    except ValidationError as error:
        raise UserError(first_wrong(error, f"study: {_KEY}", ["like", *keys])) from error
    # A chat's template writes the first token itself.
    bos = set[str]() if own.chat else {"bos"}
    check_fields(f"study: {_KEY}.question", own.question, needed={"question"}, others=bos)
    check_fields(f"study: {_KEY}.step", own.step, needed={"step"}, others=set())
    return own


@functools.cache
def _known_formats() -> dict[str, dict[str, Any]]:
    file = Path(__file__).with_name("verifiers.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


Show = Callable[[str, Sequence[str]], Prefixes]
"""Question and steps to what the model is shown."""


class Reading(NamedTuple):
    """A verifier format bound to the tokenizer of a model folder."""

    verifier_format: VerifierFormat
    show: Show
    read: Read


def load_reading(named: Named, folder: Path, *, format: Format) -> Reading:
    """The named verifier format over the model in a folder; UserError when they do not fit.

    `format` is the run's generator's; `likelihood` writes as it does, the others have their own
    layout.
    """
    verifier_format = load_verifier_format(named)
    name = verifier_format.name
    if verifier_format.kind == "stated":
        raise UserError(
            f"verifier: format {name!r} is for scores that came with a log, which no model gives; "
            "name the format of the model's family"
        )
    if verifier_format.kind == "likelihood":
        return Reading(verifier_format, _as_written(format), read_likelihood)
    if verifier_format.kind == "next-token":
        show = _by_turns(verifier_format, folder)
        tokens = (verifier_format.good, verifier_format.bad)
        read = next_token_reader(folder, tokens, name=name)
        return Reading(verifier_format, show, read)
    if verifier_format.kind == "sequence":
        return Reading(verifier_format, _as_dialogue(verifier_format, folder), read_values)
    show = _with_step_tokens(verifier_format, folder)
    read = read_labels if verifier_format.kind == "label-head" else read_values
    return Reading(verifier_format, show, read)


def _with_step_tokens(verifier_format: VerifierFormat, folder: Path) -> Show:
    """The question, then every step closed by the step token.

    The parts are tokenized one by one, as the published code does: a step's last characters never
    merge with the step token. Inside a step that token would be read as a step's end; it is left
    out there, unless it is a mere line break.
    """
    tokenizer = load_tokenizer(folder)
    tag = step_token(folder, tokenizer, verifier_format.step_token)
    tag_text = tokenizer.decode([tag])
    opening = _opening(verifier_format, folder)
    encode = encoder(tokenizer)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        token_ids = list(encode(opening(question)))
        prefixes: Prefixes = []
        for step in steps:
            text = step.strip("\n")
            if tag_text.strip():
                text = text.replace(tag_text, "")
            token_ids = [*token_ids, *encode(text), tag]
            prefixes.append(token_ids)
        return prefixes

    return show


def _opening(verifier_format: VerifierFormat, folder: Path) -> Callable[[str], str]:
    """Question to the text that stands before the first step."""
    bos = beginning(folder)
    if not verifier_format.chat:
        return lambda question: verifier_format.question.format(bos=bos, question=question)
    chat = load_chat(folder, _KEY, today=TEMPLATE_DATE)

    def opening(question: str) -> str:
        asked = verifier_format.question.format(question=question)
        return chat(_first_turns(verifier_format, asked))

    return opening


def _first_turns(verifier_format: VerifierFormat, content: str) -> list[Message]:
    """The dialogue up to the user's first turn, with the format's system prompt if it has one."""
    user = Message("user", content)
    if not verifier_format.system:
        return [user]
    return [Message("system", verifier_format.system), user]


def _by_turns(verifier_format: VerifierFormat, folder: Path) -> Show:
    """For every step the text up to the place of its judgement.

    Tokenized from the start each time: no merge hides the place, and nothing inside a step is taken
    for it.
    """
    tokenizer = load_tokenizer(folder)
    texts_of = _dialogues if verifier_format.chat else _plain
    texts = texts_of(verifier_format, folder)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        return [tokenizer.encode(text) for text in texts(question, steps)]

    return show


Texts = Callable[[str, Sequence[str]], list[str]]
"""Question and steps to one text a step, up to the place of its judgement."""


def _plain(verifier_format: VerifierFormat, folder: Path) -> Texts:
    """The question and the steps so far as one text, the place of the last judgement at its end."""
    opening = _opening(verifier_format, folder)

    def texts(question: str, steps: Sequence[str]) -> list[str]:
        first, *later = _write(verifier_format, steps)
        several = [opening(question) + first]
        for step in later:
            several.append(several[-1] + verifier_format.separator + step)
        return several

    return texts


def _dialogues(verifier_format: VerifierFormat, folder: Path) -> Texts:
    """A turn of the user for every step, each but the last answered as a good one.

    The published models were trained on such turns; what they said of earlier steps is not shown.
    """
    chat = load_chat(folder, _KEY, today=TEMPLATE_DATE)

    def texts(question: str, steps: Sequence[str]) -> list[str]:
        first, *later = _write(verifier_format, steps)
        asked = verifier_format.question.format(question=question)
        turns = _first_turns(verifier_format, asked + first)
        dialogues = [chat(turns)]
        for step in later:
            turns += [Message("assistant", verifier_format.good), Message("user", step)]
            dialogues.append(chat(turns))
        return dialogues

    return texts


def _write(verifier_format: VerifierFormat, steps: Sequence[str]) -> list[str]:
    # The line breaks that end a step are the generator's; the format has its own separators.
    stripped = [step.strip("\n") for step in steps]
    return [verifier_format.step.format(step=step) for step in stripped]


def _as_dialogue(verifier_format: VerifierFormat, folder: Path) -> Show:
    """The question and the whole completion as one dialogue."""
    tokenizer = load_tokenizer(folder)
    chat = load_chat(folder, _KEY, today=TEMPLATE_DATE)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        asked = verifier_format.question.format(question=question)
        completion = "".join(steps).strip("\n")
        turns = [*_first_turns(verifier_format, asked), Message("assistant", completion)]
        return [tokenizer.encode(chat(turns))]

    return show


def _as_written(format: Format) -> Show:
    """The generator's prompt, then the same with one step more each."""
    encode = encoder(format.tokenizer)

    def show(question: str, steps: Sequence[str]) -> Prefixes:
        prefixes = [list(encode(format.render(question)))]
        for step in steps:
            prefixes.append([*prefixes[-1], *encode(step)])
        return prefixes

    return show
