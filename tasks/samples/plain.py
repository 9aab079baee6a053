"""Our own sample logs, JSON Lines or Parquet: one row a draw.

| key | what stands in it |
| --- | --- |
| `question_id`, `text` | which question, and the completion; the only two that must be there |
| `question`, `target` | what is asked and the reference answer, left out with a benchmark beside |
| `draw` | which of the question's draws it is; left out: in the order of the rows |
| `stop` | `end` or `limit` |
| `tokens`, `prompt_tokens`, `thinking_tokens` | counts, -1 unknown; thinking is in `tokens` |
| `scores` or `score`, `verifier` | a verifier's: one a step or one for the whole; its name |
| `correct`, `answer` | what the source says of the draw: right or wrong, and the answer it read |
| `stated` | the same for several metrics: `[{"metric": …, "value": …, "answer": …}]` |
| `role` | `proposer` or `difficulty` |
| `model`, `task` | whose draws of what; rows of several make several logs |
| `temperature`, `top_p`, `top_k`, `max_tokens` | how it was drawn |
| `level`, `accepted`, `choices`, `tests`, `group`, `metadata` | the rest of a question |

Other keys are left alone. A row that holds something else in one of these is counted and not taken.
Rows without `draw` that a file holds twice over count once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.benchmarks.question import Question
from tasks.samples.assembly import TWICE, Assemblies, Assembly, Origin
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.parts import OddRowError, list_of, name_of, objects_of, part_of
from tasks.samples.repeats import second_halves
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import count_of, number_of, numbers_of, text_of
from warehouse.errors import UserError

FORMAT = "plain"
STOPS = (None, "end", "limit")
ROLES = (None, "proposer", "difficulty")
_COUNTS = ("tokens", "prompt_tokens", "thinking_tokens", "draw", "top_k", "max_tokens", "level")
_PLACES = ("draw", "level")
_NUMBERS = ("temperature", "top_p")


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return "question_id" in start.row and "text" in start.row and start.path.suffix != ".eval"


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files, one a model, task and way of drawing."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        rows = list(read_rows(path, refusals))
        again = _written_twice(rows)
        for row in rows:
            fault = next(_faults(row.values), None)
            if row.place in again:
                fault = TWICE
            if fault:
                refusals.add(fault, row.place)
                continue
            try:
                _take(assemblies, path, row)
            except OddRowError as odd:
                refusals.add(str(odd), row.place)
        assemblies.refuse(path, refusals, Origin(task=path.stem))
    return assemblies.logs()


def _written_twice(rows: Sequence[Row]) -> set[str]:
    """The places of the second half of a file that holds all of its rows twice over."""
    if any(row.values.get("draw") is not None for row in rows):
        return set()
    return second_halves(rows, lambda row: row.values.get("question_id"))


def _faults(values: Values) -> Iterator[str]:
    """What a row holds that is not what its key is for."""
    if values.get("question_id") in (None, ""):
        yield "question_id is missing"
    if not isinstance(values.get("text"), str):
        yield "text is no text"
    if values.get("stop") not in STOPS:
        yield "stop is not end or limit"
    if values.get("role") not in ROLES:
        yield "role is not proposer or difficulty"
    # What is there and cannot be read is a mistake of the writer's, not a missing value.
    for name in _COUNTS:
        value = values.get(name)
        # Tools write -1 for what they do not know, and for no limit.
        is_unknown = value is None or (value == -1 and name not in _PLACES)
        if not is_unknown and count_of(value) is None:
            yield f"{name} is no count"
    for name in _NUMBERS:
        value = values.get(name)
        if value is not None and number_of(value) is None:
            yield f"{name} is no number"
    if numbers_of(_scores(values)) is None:
        yield "a score is no finite number"


def _scores(values: Values) -> object:
    scores = values.get("scores")
    return values.get("score") if scores is None else scores


def _origin(values: Values) -> Origin:
    return Origin(
        model=name_of(values, "model"),
        task=name_of(values, "task"),
        temperature=number_of(values.get("temperature")),
        top_p=number_of(values.get("top_p")),
        top_k=count_of(values.get("top_k")),
        max_tokens=count_of(values.get("max_tokens")),
    )


def _take(assemblies: Assemblies, path: Path, row: Row) -> None:
    """Adds the draw of one row; OddRowError, before anything is noted, where a part is odd."""
    values = row.values
    origin = _origin(values)
    question = _question(values)
    sample = _sample(row, question.question_id)
    verifier = name_of(values, "verifier")
    assembly = assemblies.of(origin, path)
    if not assembly.ask(question, row.place):
        return
    if sample.scores:
        _note_verifier(assembly, verifier, row.place)
    draw = count_of(values.get("draw"))
    if draw is None:
        assembly.draw_next(path, sample)
    else:
        assembly.draw(path, (draw,), sample)


def _note_verifier(assembly: Assembly, verifier: str | None, place: str) -> None:
    """Notes whose scores the draws have; UserError for those of a second verifier."""
    verifier = verifier or assembly.verifier or "score"
    if assembly.verifier not in (None, verifier):
        raise UserError(
            f"{place}: expected scores of one verifier for a model on a task, got those of "
            f"{assembly.verifier!r} and {verifier!r}; import the rows of one verifier"
        )
    assembly.verifier = verifier


def _question(values: Values) -> Question:
    name = name_of(values, "question_id")
    if name is None:
        raise OddRowError("question_id is missing")
    metadata: dict[str, str] = {}
    for key, value in part_of(values, "metadata").items():
        # A column of a table has every row's names: those that are empty here are another's.
        if value is not None:
            metadata[key] = text_of(value)
    return Question(
        name,
        text_of(values.get("question")),
        text_of(values.get("target")),
        level=count_of(values.get("level")),
        accepted=_texts(values, "accepted"),
        choices=_texts(values, "choices"),
        tests=_texts(values, "tests"),
        group=name_of(values, "group"),
        metadata=metadata,
    )


def _texts(values: Values, name: str) -> tuple[str, ...]:
    return tuple(text_of(value) for value in list_of(values, name))


def _sample(row: Row, question_id: str) -> Sample:
    values = row.values
    return Sample(
        question_id=question_id,
        draw=0,
        text=text_of(values["text"]),
        stop=values.get("stop"),
        tokens=count_of(values.get("tokens")),
        prompt_tokens=count_of(values.get("prompt_tokens")),
        thinking_tokens=count_of(values.get("thinking_tokens")),
        scores=numbers_of(_scores(values)) or (),
        stated=tuple(_stated(values)),
        role=values.get("role"),
        place=row.place,
    )


def _stated(values: Values) -> list[Stated]:
    """What a row says of its draw, in the long form and in the short one."""
    stated: list[Stated] = []
    for one in objects_of(values, "stated"):
        metric = text_of(one.get("metric"))
        value = number_of(one.get("value"))
        stated.append(Stated(metric, value, _answer(one)))
    correct, answer = values.get("correct"), _answer(values)
    if correct is not None or answer is not None:
        stated.append(Stated("correct", number_of(correct), answer))
    return stated


def _answer(values: Values) -> str | None:
    answer = values.get("answer")
    return None if answer is None else text_of(answer)
