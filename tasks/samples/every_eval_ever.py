"""Every Eval Ever: `{uuid}_samples.jsonl` beside its summary `{uuid}.json`.

A row may hold several draws (`output.raw`); its score and tokens are then those of all of them.
Converters write a row for every metric or filter of a draw: the draw counts once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.benchmarks.question import Question
from tasks.samples.assembly import Assemblies, Assembly, Origin, question_of
from tasks.samples.every_eval_ever_rows import DETAILS, drawn_once, listed
from tasks.samples.log import Role, Sample, SampleLog, Stated
from tasks.samples.parts import OddRowError, list_of, name_of, objects_of, part_of
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
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


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return {"sample_id", "evaluation", "input"} <= set(start.row)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files, one a model, evaluation and way of drawing."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        drawn = _settings(path)
        rows = list(read_rows(path, refusals))
        for row in drawn_once(rows, refusals):
            try:
                _take(assemblies, path, row, drawn, refusals)
            except OddRowError as odd:
                refusals.add(str(odd), row.place)
        assemblies.refuse(path, refusals, Origin(task=path.stem))
    return assemblies.logs()


def _settings(path: Path) -> Values:
    """How it was drawn, as the summary beside a file says; empty without one."""
    file = path.with_name(path.name.replace("_samples.jsonl", ".json"))
    if file == path or not file.is_file():
        return {}
    try:
        summary = {"summary": json.loads(file.read_bytes())}
        results = objects_of(part_of(summary, "summary"), "evaluation_results") or [{}]
        # All results of a summary are of one run of one model.
        config = part_of(results[0], "generation_config")
        return part_of(config, "generation_args")
    except (ValueError, RecursionError):
        # It adds settings only: half of one tells none, nor does an odd one.
        return {}


def _take(assemblies: Assemblies, path: Path, row: Row, drawn: Values, refusals: Refusals) -> None:
    values = row.values
    if values.get("interaction_type", "single_turn") != "single_turn":
        refusals.add(SEVERAL_TURNS, row.place)
        return
    output = part_of(values, "output")
    texts = listed(output.get("raw"))
    if not texts:
        refusals.add(NO_TEXT, row.place)
        return
    if values.get("error") and not any(texts):
        refusals.add(FAILED, row.place)
        return
    assembly = assemblies.of(_origin(values, drawn), path)
    question = _question(values)
    if assembly.ask(question, row.place):
        _draw(assembly, path, row, texts)


def _question(values: Values) -> Question:
    asked = part_of(values, "input")
    choices = list_of(asked, "choices")
    return question_of(
        _name(values),
        text_of(asked.get("raw")),
        targets_of(asked.get("reference")),
        choices=[text_of(choice) for choice in choices],
    )


def _name(values: Values) -> str:
    name = name_of(values, "sample_id")
    if name is None:
        raise OddRowError("sample_id is missing")
    return name


def _origin(values: Values, drawn: Values) -> Origin:
    return Origin(
        model=_named(name_of(values, "model_id")),
        task=_named(name_of(values, "evaluation_name")),
        temperature=number_of(drawn.get("temperature")),
        top_p=number_of(drawn.get("top_p")),
        top_k=count_of(drawn.get("top_k")),
        max_tokens=count_of(drawn.get("max_tokens")),
    )


def _named(name: str | None) -> str | None:
    return None if name == NAMELESS else name


def _draw(assembly: Assembly, path: Path, row: Row, texts: list[Any]) -> None:
    """Adds the draws of a row."""
    values = row.values
    name = _name(values)
    output = part_of(values, "output")
    traces = listed(output.get("reasoning_trace"))
    details = _details(values)
    place = count_of(details.get("draw"))
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise OddRowError("output holds what is no text")
        trace = traces[position] if position < len(traces) else None
        whole = with_thinking(trace, text_of(text))
        sample = Sample(name, 0, whole, place=row.place)
        # Score and counts are of the row: of one draw where it holds one.
        if len(texts) == 1:
            sample = _with_own(sample, values, details)
        if sample.scores:
            assembly.verifier = name_of(details, "verifier")
        if place is None:
            assembly.draw_next(path, sample)
        else:
            assembly.draw(path, (place, position), sample)


def _details(values: Values) -> Values:
    """What our own writer kept of a row, by its names without what stands before them."""
    metadata = part_of(values, "metadata")
    return {
        name.removeprefix(DETAILS): value
        for name, value in metadata.items()
        if name.startswith(DETAILS)
    }


def _with_own(sample: Sample, values: Values, details: Values) -> Sample:
    """The sample with what a row says of its one draw."""
    usage = part_of(values, "token_usage")
    # The schema wants all counts or none: our writer keeps those that stand alone apart.
    drawn = usage.get("output_tokens", details.get("tokens"))
    given = usage.get("input_tokens", details.get("prompt_tokens"))
    thought = usage.get("reasoning_tokens", details.get("thinking_tokens"))
    scores = _json_of(details, "scores")
    return replace(
        sample,
        stop=ending_of(details.get("stop")),
        tokens=count_of(drawn),
        prompt_tokens=count_of(given),
        thinking_tokens=count_of(thought),
        scores=numbers_of(scores) or (),
        stated=_stated(values, details),
        role=_role(details),
    )


def _json_of(details: Values, name: str) -> list[Any]:
    """A list that our own writer keeps as a text."""
    written = details.get(name, "[]")
    try:
        kept = json.loads(written)
    except (TypeError, ValueError, RecursionError) as error:
        raise OddRowError(f"{DETAILS}{name} is no JSON") from error
    return list_of({name: kept}, name)


def _role(details: Values) -> Role | None:
    role = details.get("role")
    if role not in (None, "proposer", "difficulty"):
        raise OddRowError(f"{DETAILS}role is not proposer or difficulty")
    return role


def _stated(values: Values, details: Values) -> tuple[Stated, ...]:
    if "stated" in details:
        return tuple(_kept(one) for one in _json_of(details, "stated"))
    evaluation = part_of(values, "evaluation")
    answer = _answer(values)
    stated: list[Stated] = []
    for name in ("score", "is_correct"):
        value = number_of(evaluation.get(name))
        if value is not None:
            stated.append(Stated(name, value, answer))
    return tuple(stated)


def _kept(one: Any) -> Stated:
    """One entry of what our own writer keeps: a metric, its value and the answer."""
    if not isinstance(one, list) or len(one) != 3 or not isinstance(one[0], str):
        raise OddRowError(f"{DETAILS}stated holds what is no metric, value and answer")
    metric, value, answer = one
    return Stated(metric, number_of(value), None if answer is None else text_of(answer))


def _answer(values: Values) -> str | None:
    """The answer as the source read it: the last of those that it calls final."""
    answer = None
    for one in objects_of(values, "answer_attribution"):
        if one.get("is_terminal", True):
            answer = text_of(one.get("extracted_value"))
    return answer
