"""EvalScope: `predictions/<model>/<dataset>_<subset>.jsonl`, and the same under `reviews/`.

`index` is unique a draw, a question is a `group_id`, and lines stand in the order in which they
were answered. Predictions hold tokens and endings, reviews the target and what was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.benchmarks.question import Question
from tasks.samples.assembly import TWICE, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.parts import OddRowError, name_of, objects_of, part_of
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
    last_asked,
    number_of,
    parts_text,
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
        # <root>/predictions/<model>/<task>.jsonl, and the same under reviews.
        folder = path.resolve().parent
        model, root = folder.name, folder.parent.parent
        key = (root, model, path.stem)
        task = tasks.setdefault(key, _Task(model, path.stem, path))
        for row in read_rows(path, task.refusals):
            try:
                _note(task, row)
            except OddRowError as odd:
                task.refusals.add(str(odd), row.place)
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
    # The folder's name has no slash: the row has the whole name.
    task.model = name_of(row.values, "model") or task.model
    rows = task.predictions if "model_output" in row.values else task.reviews
    known = rows.setdefault(index, row)
    # Both files are opened to append: a run that went on may have written a line again.
    if known is not row:
        task.refusals.add(TWICE, row.place)


def _put_together(assemblies: Assemblies, task: _Task) -> None:
    assembly = assemblies.of(_origin(task), task.path)
    by_text: dict[str, str] = {}
    indexes = task.predictions.keys() | task.reviews.keys()
    # Lines stand in the order of the answers, indexes in that of the questions.
    for index in sorted(indexes):
        try:
            question = _question(task, index, by_text)
            if assembly.ask(question, _place(task, index)):
                _draw(assembly, task, question.question_id, index)
        except OddRowError as odd:
            task.refusals.add(str(odd), _place(task, index))


def _question(task: _Task, index: int, by_text: dict[str, str]) -> Question:
    """What the draw of an index answers; `by_text` holds the first index of what was asked."""
    review = _values(task.reviews, index)
    score = part_of(review, "sample_score")
    asked = _asked(_values(task.predictions, index), review)
    # Older logs name no group: draws of one question are asked the same.
    first = by_text.setdefault(asked, str(index))
    name = name_of(score, "group_id") or first
    targets = targets_of(review.get("target"))
    return question_of(name, asked, targets)


def _values(rows: dict[int, Row], index: int) -> Values:
    """What the row of an index holds; empty where there is none."""
    row = rows.get(index)
    return row.values if row else {}


def _place(task: _Task, index: int) -> str:
    """Where a draw stands: with the predictions where these are there."""
    row = task.predictions.get(index) or task.reviews[index]
    return row.place


def _asked(prediction: Values, review: Values) -> str:
    """What the sample asks, without what the prompt puts around it where the review has it."""
    given = review.get("input")
    if given:
        return last_asked(given)
    messages = prediction.get("messages")
    return last_asked(messages or [])


def _draw(assembly: Assembly, task: _Task, name: str, index: int) -> None:
    """Adds one draw, of what predictions and reviews say of it."""
    prediction = _values(task.predictions, index)
    review = _values(task.reviews, index)
    output = part_of(prediction, "model_output")
    choices = objects_of(output, "choices") or [{}]
    choice = choices[0]
    score = part_of(review, "sample_score")
    read = part_of(score, "score")
    usage = part_of(output, "usage")
    tokens = count_of(usage.get("output_tokens"))
    # Reviews repeat the text, so that they can stand alone.
    text = _text(choice) if choice else text_of(read.get("prediction"))
    place = _place(task, index)
    if not text and not tokens:
        task.refusals.add(NO_TEXT, place)
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
        place=place,
    )
    # An index is of one work folder; another one has draws of its own under the same.
    root = task.path.parent.parent.parent
    assembly.draw(root, (index,), sample)


def _text(choice: Values) -> str:
    """The completion of a message: a text, or parts of which some are thinking."""
    message = part_of(choice, "message")
    content = message.get("content")
    if not isinstance(content, list):
        return text_of(content)
    thinking: list[str] = []
    for part in content:
        if isinstance(part, dict) and part.get("reasoning"):
            thinking.append(text_of(part["reasoning"]))
    return with_thinking("\n".join(thinking), parts_text(content))


def _stated(read: Values) -> list[Stated]:
    """What a review says, a figure a metric."""
    extracted = read.get("extracted_prediction")
    answer = None if extracted is None else text_of(extracted)
    value = read.get("value")
    named = value if isinstance(value, dict) else {"score": value}
    return [Stated(name, number_of(one), answer) for name, one in named.items() if one is not None]
