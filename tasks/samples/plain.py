"""Our own sample logs, JSON Lines or Parquet: one row a draw.

| key | what stands in it |
| --- | --- |
| `question_id`, `text` | which question, and the completion; the only two that must be there |
| `question`, `target` | what is asked and the reference answer, left out with a benchmark beside |
| `draw` | which of the question's draws it is; left out: in the order of the rows |
| `stop` | `end` or `limit` |
| `tokens`, `prompt_tokens`, `thinking_tokens` | counts; thinking is a part of `tokens` |
| `scores` or `score`, `verifier` | a verifier's: one a step or one for the whole; its name |
| `correct`, `answer` | what the source says of the draw: right or wrong, and the answer it read |
| `stated` | the same for several metrics: `[{"metric": …, "value": …, "answer": …}]` |
| `role` | `proposer` or `difficulty` |
| `model`, `task` | whose draws of what; rows of several make several logs |
| `temperature`, `top_p`, `top_k`, `max_tokens` | how it was drawn |
| `level`, `accepted`, `choices`, `tests`, `group`, `metadata` | the rest of a question |

Other keys are left alone. A row that holds something else in one of these is counted and not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.benchmarks.question import Question
from tasks.samples.assembly import Assemblies, Assembly, Origin
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import count_of, id_of, number_of, numbers_of, text_of

FORMAT = "plain"
STOPS = (None, "end", "limit")
ROLES = (None, "proposer", "difficulty")
_COUNTS = ("tokens", "prompt_tokens", "thinking_tokens", "draw", "top_k", "max_tokens", "level")
_NUMBERS = ("temperature", "top_p")
_LISTS = ("accepted", "choices", "tests", "stated")


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return "question_id" in start.row and "text" in start.row and start.path.suffix != ".eval"


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files, one a model, task and way of drawing."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        for row in read_rows(path, refusals):
            fault = next(_faults(row.values), None)
            if fault:
                refusals.add(fault, row.place)
                continue
            _take(assemblies.of(_origin(row.values), path), path, row)
        assemblies.refuse(path, refusals, Origin(task=path.stem))
    return assemblies.logs()


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
        if value is not None and count_of(value) is None:
            yield f"{name} is no count"
    for name in _NUMBERS:
        value = values.get(name)
        if value is not None and number_of(value) is None:
            yield f"{name} is no number"
    for name in _LISTS:
        if not isinstance(values.get(name), (list, type(None))):
            yield f"{name} is no list"
    if numbers_of(_scores(values)) is None:
        yield "a score is no finite number"


def _scores(values: Values) -> object:
    scores = values.get("scores")
    return values.get("score") if scores is None else scores


def _origin(values: Values) -> Origin:
    return Origin(
        model=values.get("model"),
        task=values.get("task"),
        temperature=number_of(values.get("temperature")),
        top_p=number_of(values.get("top_p")),
        top_k=count_of(values.get("top_k")),
        max_tokens=count_of(values.get("max_tokens")),
    )


def _take(assembly: Assembly, path: Path, row: Row) -> None:
    """Adds the draw of one row."""
    values = row.values
    question = _question(values)
    if not assembly.ask(question, row.place):
        return
    sample = _sample(row)
    if sample.scores:
        assembly.verifier = values.get("verifier") or "score"
    draw = count_of(values.get("draw"))
    if draw is None:
        assembly.draw_next(path, sample)
    else:
        assembly.draw(path, (draw,), sample)


def _question(values: Values) -> Question:
    metadata: dict[str, str] = {}
    for name, value in (values.get("metadata") or {}).items():
        # A column of a table has every row's names: those that are empty here are another's.
        if value is not None:
            metadata[name] = text_of(value)
    return Question(
        id_of(values["question_id"]),
        text_of(values.get("question")),
        text_of(values.get("target")),
        level=count_of(values.get("level")),
        accepted=_texts(values.get("accepted")),
        choices=_texts(values.get("choices")),
        tests=_texts(values.get("tests")),
        group=values.get("group"),
        metadata=metadata,
    )


def _texts(values: Sequence[object] | None) -> tuple[str, ...]:
    return tuple(text_of(value) for value in values or ())


def _sample(row: Row) -> Sample:
    values = row.values
    return Sample(
        question_id=id_of(values["question_id"]),
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
    for one in values.get("stated") or ():
        metric = text_of(one.get("metric"))
        value = number_of(one.get("value"))
        stated.append(Stated(metric, value, one.get("answer")))
    correct, answer = values.get("correct"), values.get("answer")
    if correct is not None or answer is not None:
        stated.append(Stated("correct", number_of(correct), answer))
    return stated
