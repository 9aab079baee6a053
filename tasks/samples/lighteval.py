"""lighteval: `details/{model}/{time}/details_{task}_{time}.parquet`, one row a question.

Columns are `doc`, `model_response` and `metric` (its documents write them between underscores).
`metric` is about all draws of a question together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.samples.assembly import Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.parts import OddRowError, list_of, name_of, part_of
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import count_of, number_of, text_of, with_thinking

FORMAT = "lighteval"
NO_TEXT = "log-likelihoods of given answers, no completions: nothing was drawn"
ODD_TEXT = "a completion is no text"
NO_PARTS = "the row lacks the question or the responses"

_NAME = re.compile(r"details_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d.-]+)$")
_COLUMNS = ("doc", "model_response", "metric")


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return (
        _column(start.row, "doc") is not None and _column(start.row, "model_response") is not None
    )


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; the same task at two times is two runs of one log."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        origin = _origin(path)
        assembly = assemblies.of(origin, path)
        for row in read_rows(path, refusals):
            try:
                _take(assembly, path, row, refusals)
            except OddRowError as odd:
                refusals.add(str(odd), row.place)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _column(values: Values, name: str) -> Any:
    value = values.get(name, values.get(f"__{name}__"))
    if not isinstance(value, str):
        return value
    try:
        # Some versions write structures as JSON.
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _take(assembly: Assembly, path: Path, row: Row, refusals: Refusals) -> None:
    document = _column(row.values, "doc")
    response = _column(row.values, "model_response")
    if not isinstance(document, dict) or not isinstance(response, dict):
        refusals.add(NO_PARTS, row.place)
        return
    texts = list_of(response, "text")
    # A log-likelihood has figures in the place of texts.
    if not texts:
        refusals.add(NO_TEXT, row.place)
        return
    asked = text_of(document.get("query"))
    # Without an id what is asked is all that tells questions apart.
    name = name_of(document, "id") or asked
    question = question_of(name, asked, _targets(document))
    if not assembly.ask(question, row.place):
        return
    metric = _column(row.values, "metric")
    # Of several draws it is a figure of them together.
    stated = _stated(metric) if len(texts) == 1 else ()
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            refusals.add(ODD_TEXT, row.place)
            continue
        thinking = _part(response.get("reasonings"), position)
        drawn = _part(response.get("output_tokens"), position)
        sample = Sample(
            name,
            0,
            with_thinking(thinking, text_of(text)),
            tokens=_length(drawn),
            prompt_tokens=_length(response.get("input_tokens")),
            stated=stated,
            place=row.place,
        )
        assembly.draw(path, (position,), sample)


def _targets(document: Values) -> list[str]:
    """The choices that are right, the only ones or among others."""
    choices = list_of(document, "choices")
    index = document.get("gold_index")
    places = index if isinstance(index, list) else [index]
    right: list[str] = []
    for place in places:
        if isinstance(place, int) and 0 <= place < len(choices):
            target = text_of(choices[place])
            # Choices begin with the space that their log-likelihood is asked for with.
            right.append(target.strip())
    return right


def _part(several: Any, position: int) -> Any:
    """What a list says of one draw; None where it does not speak of each."""
    if not isinstance(several, list) or position >= len(several):
        return None
    return several[position]


def _length(tokens: Any) -> int | None:
    """How many tokens a list has."""
    # Answers of a remote model come without their tokens.
    return len(tokens) if isinstance(tokens, list) and tokens else None


def _stated(metric: Any) -> tuple[Stated, ...]:
    """What the source says of the one draw of a question."""
    if not isinstance(metric, dict):
        return ()
    stated: list[Stated] = []
    for name, value in metric.items():
        # A table has the metrics of all its rows as columns: an empty one is another row's.
        if value is not None:
            stated.append(Stated(name, number_of(value)))
    return tuple(stated)


def _origin(path: Path) -> Origin:
    match = _NAME.match(path.stem)
    # The number of examples in the prompt stands behind a bar, which no other format writes.
    task = match["task"].replace("|", ":") if match else path.stem
    parts = path.resolve().parts
    if "details" not in parts:
        return Origin(task=task)
    last = len(parts) - 1 - parts[::-1].index("details")
    # Between the two: the model, whose name may have a slash; the folder of the time is the last.
    model = "/".join(parts[last + 1 : -2])
    results = Path(*parts[:last], "results", model)
    drawn = _parameters(results, match["time"] if match else "")
    return Origin(
        model=model or None,
        task=task,
        temperature=number_of(drawn.get("temperature")),
        top_p=number_of(drawn.get("top_p")),
        top_k=count_of(drawn.get("top_k")),
        max_tokens=count_of(drawn.get("max_new_tokens")),
    )


def _parameters(folder: Path, time: str) -> Values:
    """How the model was asked, as the summary of the same time says; empty without one."""
    file = folder / f"results_{time}.json"
    if not file.is_file():
        return {}
    try:
        summary = {"summary": json.loads(file.read_bytes())}
        general = part_of(part_of(summary, "summary"), "config_general")
        # Where it stands moved between versions.
        own = part_of(general, "generation_parameters")
        model = part_of(general, "model_config")
        return own or part_of(model, "generation_parameters")
    except (ValueError, RecursionError):
        # It adds settings only: half of one tells none, nor does an odd one.
        return {}
