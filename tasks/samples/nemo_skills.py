"""NeMo-Skills: `<benchmark>/output-rs{seed}.jsonl`, one line a question, one file a seed.

No file names the model: of benchmarks in several folders it is the part in which these differ.
`output.jsonl` beside them is the greedy run. `….jsonl-async` is a run that is not over: unordered,
and the same lines as the file that it becomes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tasks.samples.assembly import NO_NUMBER, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
    id_of,
    number_of,
    numbers_of,
    question_in,
    targets_of,
    text_of,
    with_thinking,
)
from tasks.samples.ways import digest_of, folders_apart

FORMAT = "nemo-skills"
GREEDY = "output.jsonl stands beside output-rs files: it is the greedy run, not one of their draws"
PARTIAL = "the run is over: its .jsonl-async file is a part of the whole one"
FAILED = "the request failed: an empty completion of 0 tokens"
NO_TEXT = "the line has no generation"

_SEED = re.compile(r"output-rs(\d+)")
_CHUNK = re.compile(r"_chunk_(\d+)")
_OTHERS = ("expected_answer", "num_generated_tokens", "problem", "_async_position")
_VERIFIER = "reward_model_score"
_YES = re.compile(r"judg(?:e)?ment\W*\s*(yes|no)\b", re.IGNORECASE)


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return "generation" in start.row and any(name in start.row for name in _OTHERS)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files, a benchmark's seeds being runs of one log."""
    assemblies = Assemblies(FORMAT)
    seeded = {path.resolve().parent for path in paths if _SEED.match(path.name)}
    models = folders_apart(path.resolve().parents[1] for path in paths)
    for path in paths:
        refusals = Refusals()
        folder = path.resolve().parent
        origin = Origin(model=models[folder.parent] or None, task=folder.name)
        if path.name.endswith("-async") and path.with_suffix(".jsonl").is_file():
            refusals.add(PARTIAL, str(path))
        elif path.name.startswith("output.jsonl") and folder in seeded:
            refusals.add(GREEDY, str(path))
        else:
            for row in read_rows(path, refusals):
                _take(assemblies, origin, path, row, refusals)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _take(assemblies: Assemblies, origin: Origin, path: Path, row: Row, refusals: Refusals) -> None:
    """Adds the draw of one line."""
    values = row.values
    generation = values.get("generation")
    if not isinstance(generation, str):
        refusals.add(NO_TEXT, row.place)
        return
    tokens = count_of(values.get("num_generated_tokens"))
    # With tokens, and nothing said, it was cut while it thought: that is a draw.
    if not generation and not tokens:
        refusals.add(FAILED, row.place)
        return
    own = origin._replace(task=_task(path, values))
    assembly = assemblies.of(own, path)
    asked = question_in(values)
    given = _id(values)
    name = given or _name(row, asked)
    targets = targets_of(values.get("expected_answer"))
    question = question_of(name, asked, targets)
    if not assembly.ask(question, row.place):
        return
    sample = _sample(name, row, assembly)
    if given or not asked:
        assembly.draw(path, (0,), sample)
    else:
        # Two questions that are asked alike are one.
        assembly.draw_next(path, sample)


def _task(path: Path, values: Values) -> str:
    folder = path.resolve().parent.name
    subset = values.get("subset_for_metrics")
    return f"{folder}/{subset}" if subset and isinstance(subset, str) else folder


def _id(values: Values) -> str | None:
    """What names the question in every seed; None where nothing does."""
    for key in ("id", "unique_id", "problem_id", "task_id"):
        value = values.get(key)
        # A truth value is a number elsewhere: here it names nothing.
        if isinstance(value, bool):
            continue
        if isinstance(value, str) or number_of(value) is not None:
            return id_of(value)
    return None


def _name(row: Row, asked: str) -> str:
    """Names a question without an id: by what it asks, or else by its line."""
    values = row.values
    # A seed that lost a line has all later ones in other places.
    if asked:
        return f"text-{digest_of(asked)}"
    position = count_of(values.get("_async_position"))
    # Whole files are in the order of the questions, whatever the order they were answered in.
    line = row.place.rpartition(":")[2] if position is None else position + 1
    # A seed may be cut into chunks of the questions, each with a first line.
    chunk = _CHUNK.search(row.place)
    return f"line-{chunk[1]}-{line}" if chunk else f"line-{line}"


def _sample(name: str, row: Row, assembly: Assembly) -> Sample:
    values = row.values
    scores = numbers_of(values.get(_VERIFIER))
    if scores is None:
        assembly.refusals.add(NO_NUMBER, row.place)
    if scores:
        assembly.verifier = _VERIFIER
    thinking = values.get("reasoning_content")
    return Sample(
        name,
        0,
        with_thinking(thinking, text_of(values["generation"])),
        stop=ending_of(values.get("finish_reason")),
        tokens=count_of(values.get("num_generated_tokens")),
        prompt_tokens=count_of(values.get("num_input_tokens")),
        thinking_tokens=count_of(values.get("num_reasoning_tokens")),
        scores=scores or (),
        stated=tuple(_stated(values)),
        place=row.place,
    )


def _stated(values: Values) -> list[Stated]:
    """What its rules and its judge say, each under its own name."""
    predicted = values.get("predicted_answer")
    answer = None if predicted is None else text_of(predicted)
    stated: list[Stated] = []
    for metric in ("symbolic_correct", "is_correct"):
        value = number_of(values.get(metric))
        if value is not None:
            stated.append(Stated(metric, value, answer))
    judgement = values.get("judgement")
    if judgement is not None:
        said = _YES.search(text_of(judgement))
        # A judge that said neither does not know.
        value = None if said is None else float(said[1].lower() == "yes")
        stated.append(Stated("judgement", value, answer))
    if not stated and answer is not None:
        stated.append(Stated("predicted_answer", None, answer))
    return stated
