"""Every Eval Ever: `{uuid}_samples.jsonl` beside its summary `{uuid}.json`.

A row may hold several draws (`output.raw`); its score and tokens are then those of all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.samples.assembly import Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
    id_of,
    number_of,
    numbers_of,
    targets_of,
    text_of,
    with_thinking,
)

FORMAT = "every-eval-ever"
SEVERAL_TURNS = "a conversation of several turns or with tools: no single completion"
NO_TEXT = "the row has no output"
FAILED = "the row has an error and an empty output"

NAMELESS = "unknown"
"""The model or task of a log that has none: the layout asks for a name."""
DETAILS = "ttc_"
"""Before the names under which our own writer keeps in `metadata` what the layout has no place
for."""


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return {"sample_id", "evaluation", "input"} <= set(start.row)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files, one a model, evaluation and way of drawing."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        drawn = _settings(path)
        for row in read_rows(path, refusals):
            _take(assemblies, path, row, drawn, refusals)
        assemblies.refuse(path, refusals, Origin(task=path.stem))
    return assemblies.logs()


def _settings(path: Path) -> dict[str, Any]:
    """How it was drawn, as the summary beside a file says; empty without one."""
    file = path.with_name(path.name.replace("_samples.jsonl", ".json"))
    if file == path or not file.is_file():
        return {}
    try:
        results = json.loads(file.read_bytes()).get("evaluation_results") or [{}]
    except ValueError:
        return {}
    return (results[0].get("generation_config") or {}).get("generation_args") or {}


def _take(
    assemblies: Assemblies, path: Path, row: Row, drawn: dict[str, Any], refusals: Refusals
) -> None:
    values = row.values
    if values.get("interaction_type", "single_turn") != "single_turn":
        refusals.add(SEVERAL_TURNS, row.place)
        return
    output = values.get("output") or {}
    texts = _listed(output.get("raw"))
    if not texts:
        refusals.add(NO_TEXT, row.place)
        return
    if values.get("error") and not any(texts):
        refusals.add(FAILED, row.place)
        return
    assembly = assemblies.of(_origin(values, drawn), path)
    asked = values.get("input") or {}
    name = id_of(values["sample_id"])
    targets = targets_of(asked.get("reference"))
    choices = tuple(text_of(choice) for choice in asked.get("choices") or ())
    question = question_of(name, text_of(asked.get("raw")), targets, choices=choices)
    if assembly.ask(question, row.place):
        _draw(assembly, path, name, row, texts)


def _listed(value: Any) -> list[Any]:
    """A list; the first version of the layout had one text in its place."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _origin(values: dict[str, Any], drawn: dict[str, Any]) -> Origin:
    return Origin(
        model=_named(values.get("model_id")),
        task=_named(values.get("evaluation_name")),
        temperature=number_of(drawn.get("temperature")),
        top_p=number_of(drawn.get("top_p")),
        top_k=count_of(drawn.get("top_k")),
        max_tokens=count_of(drawn.get("max_tokens")),
    )


def _named(name: str | None) -> str | None:
    return None if name == NAMELESS else name


def _draw(assembly: Assembly, path: Path, name: str, row: Row, texts: list[Any]) -> None:
    values = row.values
    traces = _listed((values.get("output") or {}).get("reasoning_trace"))
    details = values.get("metadata") or {}
    place = count_of(details.get(f"{DETAILS}draw"))
    for position, text in enumerate(texts):
        trace = traces[position] if position < len(traces) else None
        sample = Sample(name, 0, with_thinking(trace, text_of(text)), place=row.place)
        if len(texts) == 1:
            sample = _with_own(sample, values, details)
        if sample.scores:
            assembly.verifier = details.get(f"{DETAILS}verifier")
        if place is None:
            assembly.draw_next(path, sample)
        else:
            assembly.draw(path, (place, position), sample)


def _with_own(sample: Sample, values: dict[str, Any], details: dict[str, Any]) -> Sample:
    """The sample with what a row says of its one draw."""
    usage = values.get("token_usage") or {}
    thought = usage.get("reasoning_tokens", details.get(f"{DETAILS}thinking_tokens"))
    scores = json.loads(details.get(f"{DETAILS}scores", "[]"))
    return replace(
        sample,
        stop=ending_of(details.get(f"{DETAILS}stop")),
        tokens=count_of(usage.get("output_tokens", details.get(f"{DETAILS}tokens"))),
        prompt_tokens=count_of(usage.get("input_tokens", details.get(f"{DETAILS}prompt_tokens"))),
        thinking_tokens=count_of(thought),
        scores=numbers_of(scores) or (),
        stated=_stated(values, details),
        role=details.get(f"{DETAILS}role"),
    )


def _stated(values: dict[str, Any], details: dict[str, Any]) -> tuple[Stated, ...]:
    kept = details.get(f"{DETAILS}stated")
    if kept is not None:
        return tuple(Stated(*one) for one in json.loads(kept))
    evaluation = values.get("evaluation") or {}
    read = [one for one in values.get("answer_attribution") or () if one.get("is_terminal", True)]
    answer = text_of(read[-1].get("extracted_value")) if read else None
    score = number_of(evaluation.get("score"))
    correct = number_of(evaluation.get("is_correct"))
    stated = [("score", score), ("is_correct", correct)]
    return tuple(Stated(name, value, answer) for name, value in stated if value is not None)
