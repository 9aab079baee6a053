"""EvalScope: `predictions/<model>/<dataset>_<subset>.jsonl`, and the same under `reviews/`.

`index` is unique a draw, a question is a `group_id`, and lines stand in the order in which they
were answered. Predictions hold tokens and endings, reviews the target and what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.samples.assembly import TWICE, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
    id_of,
    last_asked,
    number_of,
    targets_of,
    text_of,
    with_thinking,
)

FORMAT = "evalscope"
NO_INDEX = "the line has no index"
NO_TEXT = "the line has no completion"


@dataclass
class _Task:
    """The rows of one model on one subset, by their index."""

    model: str | None
    name: str
    path: Path
    predictions: dict[int, Row] = field(default_factory=dict[int, Row])
    reviews: dict[int, Row] = field(default_factory=dict[int, Row])
    refusals: Refusals = field(default_factory=Refusals)


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return "index" in start.row and ("model_output" in start.row or "sample_score" in start.row)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; predictions and reviews of one name are put together."""
    tasks: dict[tuple[Path, str, str], _Task] = {}
    assemblies = Assemblies(FORMAT)
    for path in paths:
        model = path.resolve().parent.name
        root = path.resolve().parent.parent.parent
        task = tasks.setdefault((root, model, path.stem), _Task(model, path.stem, path))
        for row in read_rows(path, task.refusals):
            _note(task, row)
        assemblies.of(_origin(task), path)
    for task in tasks.values():
        _put_together(assemblies, task)
        assemblies.refuse(task.path, task.refusals, _origin(task))
    return assemblies.logs()


def _origin(task: _Task) -> Origin:
    return Origin(model=task.model, task=task.name)


def _note(task: _Task, row: Row) -> None:
    index = count_of(row.values.get("index"))
    if index is None:
        task.refusals.add(NO_INDEX, row.place)
        return
    if row.values.get("model"):
        # The folder's name has no slash: the row has the whole name.
        task.model = text_of(row.values["model"])
    rows = task.predictions if "model_output" in row.values else task.reviews
    if rows.setdefault(index, row) is not row:
        task.refusals.add(TWICE, row.place)


def _put_together(assemblies: Assemblies, task: _Task) -> None:
    assembly = assemblies.of(_origin(task), task.path)
    by_text: dict[str, str] = {}
    for index in sorted(task.predictions | task.reviews):
        prediction, review = task.predictions.get(index), task.reviews.get(index)
        row = prediction or review
        assert row is not None
        score = review.values.get("sample_score") or {} if review else {}
        asked = _asked(prediction, review)
        # Older logs name no group: draws of one question are asked the same.
        group = score.get("group_id")
        name = by_text.setdefault(asked, str(index)) if group is None else id_of(group)
        targets = targets_of(review.values.get("target")) if review else []
        if assembly.ask(question_of(name, asked, targets), row.place):
            _draw(assembly, task, name, index, score)


def _asked(prediction: Row | None, review: Row | None) -> str:
    given = review.values.get("input") if review else None
    messages = prediction.values.get("messages") if prediction else None
    return last_asked(given) if given else last_asked(messages or [])


def _draw(assembly: Assembly, task: _Task, name: str, index: int, score: dict[str, Any]) -> None:
    prediction = task.predictions.get(index)
    row = prediction or task.reviews[index]
    output = prediction.values.get("model_output") or {} if prediction else {}
    choices = output.get("choices") or []
    choice = choices[0] if choices else {}
    read = score.get("score") or {}
    text = _text(choice) if choice else text_of(read.get("prediction"))
    usage = output.get("usage") or {}
    tokens = count_of(usage.get("output_tokens"))
    if not text and not tokens:
        task.refusals.add(NO_TEXT, row.place)
        return
    sample = Sample(
        name,
        0,
        text,
        stop=ending_of(choice.get("stop_reason")),
        tokens=tokens,
        prompt_tokens=count_of(usage.get("input_tokens")),
        thinking_tokens=count_of(usage.get("reasoning_tokens")),
        stated=tuple(_stated(read)),
        place=row.place,
    )
    assembly.draw(task.path.parent.parent.parent, (index,), sample)


def _text(choice: dict[str, Any]) -> str:
    """The completion of a message: a text, or parts of which some are thinking."""
    content = (choice.get("message") or {}).get("content")
    if not isinstance(content, list):
        return text_of(content)
    parts = [part for part in content if isinstance(part, dict)]
    thinking = [text_of(part.get("reasoning")) for part in parts if part.get("reasoning")]
    said = [text_of(part.get("text")) for part in parts if part.get("text")]
    return with_thinking("\n".join(thinking), "\n".join(said))


def _stated(read: dict[str, Any]) -> list[Stated]:
    extracted = read.get("extracted_prediction")
    answer = None if extracted is None else text_of(extracted)
    value = read.get("value")
    named = value if isinstance(value, dict) else {"score": value}
    return [Stated(name, number_of(one), answer) for name, one in named.items() if one is not None]
