"""How a model writes: prompt, thinking, steps and answer, over its own tokenizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.benchmarks.question import Question
from tasks.grading.extraction import end_of_first_answer
from tasks.models.chat import NO_OPTIONS
from tasks.models.format_tables import SELECTION, Named, format_table, selection_words
from tasks.models.prompts import load_prompts
from tasks.models.steps import Separator, Steps, steps_of
from tasks.models.stops import cut_at_stop
from tasks.models.thinking import (
    FORCED_END,
    GO_ON,
    NO_THINKING,
    Thinking,
    begins_thinking,
    choose_marks,
    known_marks,
)
from tasks.models.tokenizers import Tokenizer, beginning, end_of_text, load_tokenizer
from tasks.protocols import Draw

_NUMBER = re.compile(r"[^\n\d]*(\d{1,9})(?!\d)", re.ASCII)
"""The first number on a line."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format's table (tasks/models/format_tables.py) bound to a tokenizer."""

    tokenizer: Tokenizer
    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    select: Callable[[str, Sequence[str]], str]
    """Question text and attempts, one of which is to be named, to prompt text."""
    markers: tuple[str, ...]
    """What an answer follows, in order."""
    steps: Steps
    end_of_text: frozenset[int]
    thinking: Thinking = NO_THINKING
    thinks: bool = False
    """Whether its models think first, so that most of a completion is thinking."""
    forced_end: str = FORCED_END
    """What is written where thinking is cut; `{end}` stands for the mark that ends it."""
    go_on: str = GO_ON
    """What is written in the place of that mark for a model to think on."""
    selection_marker: str = SELECTION["selection_marker"]
    """What the number of the attempt follows that a model names."""
    stops: tuple[str, ...] = ()
    """Texts at which a completion is over, besides the tokens that end it."""
    first_answer: bool = False
    """Whether a completion is over with its first answer: what follows it is invented."""
    note: str = ""
    """What of its prompts is otherwise than its table says; empty: nothing."""
    is_text: bool = False
    """Whether it is a text model's: prompts are dialogues as JSON, completions have no tokens."""

    def prompt(self, question: Question) -> tuple[int, ...]:
        """Token ids of the question's prompt."""
        text = self.render(question.text)
        return tuple(self.tokenizer.encode(text))

    def revision(self, question: Question, attempts: Sequence[str]) -> str:
        """Text of the prompt that asks for one more attempt; of the plain one for the first."""
        if not attempts:
            return self.render(question.text)
        return self.revise(question.text, attempts)

    def named(self, text: str, count: int) -> int | None:
        """Place of the attempt that a text names, from 0; None: it names none of so many.

        The number that follows the last marker on its line.
        """
        said = self.thinking.final(text) or ""
        _, marker, rest = said.rpartition(self.selection_marker)
        number = _NUMBER.match(rest) if marker else None
        place = int(number[1]) - 1 if number else -1
        return place if 0 <= place < count else None

    def final(self, text: str) -> str | None:
        """What a completion says after its thinking, where its answer is; None while it thinks."""
        said = self.thinking.final(text)
        if said is None or not self.first_answer:
            return said
        return said[: end_of_first_answer(said, self.markers)]

    def cut(self, draw: Draw, prefix: Sequence[int]) -> Draw:
        """The draw after a prefix of token ids, up to the first text that ends a completion."""
        return cut_at_stop(draw, prefix, stops=self.stops, writing=self.steps.writing)


def load_format(
    named: Named,
    folder: Path,
    *,
    kind: str = "math",
    options: Mapping[str, Any] = NO_OPTIONS,
) -> Format:
    """A format over the tokenizer in a model folder, for questions with answers of a kind.

    `options` is what a study says to the model's chat template.
    """
    table: dict[str, Any] = {**format_table(named), **selection_words(named)}
    tokenizer = load_tokenizer(folder)
    ends = end_of_text(tokenizer, folder, chat=table["chat"])
    prompts = load_prompts(table, folder, kind=kind, beginning=beginning(folder), options=options)
    prompt = prompts.render("?")
    thinking = thinking_of(table, prompt)
    separator = separator_of(table, thinking)
    return Format(
        tokenizer=tokenizer,
        render=prompts.render,
        revise=prompts.revise,
        select=prompts.select,
        markers=markers_of(table),
        steps=steps_of(tokenizer.writing, separator, never=ends),
        end_of_text=ends,
        thinking=thinking,
        thinks=_thinks(table, thinking, prompt),
        forced_end=table.get("forced_end", FORCED_END),
        go_on=table.get("go_on", GO_ON),
        selection_marker=table["selection_marker"],
        stops=tuple(table.get("stop", ())),
        first_answer=bool(table.get("first_answer", False)),
        note=prompts.note,
    )


def _thinks(table: Mapping[str, Any], thinking: Thinking, prompt: str) -> bool:
    """Whether models think first: a format may say so, and a template begin or leave it out."""
    # Told not to think, templates write thinking that is over: `<think>\n\n</think>`.
    is_over = any(prompt.rstrip().endswith(mark.end) for mark in thinking.marks)
    return thinking.is_begun or ("thinking" in table and not is_over)


def markers_of(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The answer marker of a table, or several in order."""
    named = table["answer_marker"]
    return tuple(named) if isinstance(named, list) else (str(named),)


def thinking_of(table: Mapping[str, Any], prompt: str) -> Thinking:
    """The thinking that completions of some prompt may hold; a prompt may begin it."""
    # Chat models may think whatever their format says, and no answer is read out of that.
    families = list(known_marks()) if table["chat"] else []
    marks = choose_marks(table.get("thinking", families))
    return Thinking(marks, begins_thinking(prompt, marks))


def separator_of(table: Mapping[str, Any], thinking: Thinking) -> Separator:
    """What stands between the steps of a table's texts; marks of thinking alone are no step."""
    silent = tuple(mark for marks in thinking.marks for mark in marks)
    return Separator(
        silent=silent,
        text=str(table["step_separator"]),
        blanks=str(table.get("step_blanks", "")),
        heading=str(table.get("step_heading", "")),
    )
