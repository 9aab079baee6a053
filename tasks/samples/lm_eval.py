"""lm-evaluation-harness: `<model>/samples_<task>_<date>.jsonl`, one line a document and filter.

All filters of a document repeat the same `resps`, so they are one set of draws with several
statements. Files are opened to append: a second run into one file stands behind the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tasks.benchmarks.question import Question
from tasks.samples.assembly import TWICE, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, Values, first_row, read_rows
from tasks.samples.values import (
    count_of,
    id_of,
    last_asked,
    number_of,
    question_in,
    targets_of,
    text_of,
)

FORMAT = "lm-eval"
LOG_LIKELIHOODS = "log-likelihoods of given answers, no completions: nothing was drawn"
NO_ANSWERS = "the line has no responses"
STRIPPED = "the thinking part is not in the log (think_end_token): the draw is its final part"

_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)$")
_NO_METRICS = frozenset(("doc_id", "doc_hash", "prompt_hash", "target_hash"))


@dataclass
class _Take:
    """The draws of one document in one run, and what each filter says of them."""

    row: Row
    texts: list[str]
    filters: set[str] = field(default_factory=set[str])
    stated: list[list[Stated]] = field(default_factory=list[list[Stated]])


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    has_responses = "resps" in start.row or "filtered_resps" in start.row
    return has_responses and ("doc_id" in start.row or "doc_hash" in start.row)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; the same task on two dates is two runs of one log."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        takes: dict[str, list[_Take]] = {}
        for row in read_rows(path, refusals):
            _note(row, takes, refusals)
        results = _results(path)
        origin = _origin(path, results)
        assembly = assemblies.of(origin, path)
        for several in takes.values():
            _draw(assembly, path, several)
        if _is_stripped(results):
            draws = sum(len(take.texts) for several in takes.values() for take in several)
            refusals.add(STRIPPED, str(path), draws)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _draw(assembly: Assembly, path: Path, several: list[_Take]) -> None:
    """Adds the draws of one document, each take being a run of its own."""
    for run, take in enumerate(several):
        row = take.row
        if not assembly.ask(_question(row), row.place):
            continue
        name = _document(row.values)
        for position, text in enumerate(take.texts):
            stated = tuple(take.stated[position])
            sample = Sample(name, 0, text, stated=stated, place=row.place)
            assembly.draw(f"{path} {run}", (position,), sample)


def _note(row: Row, takes: dict[str, list[_Take]], refusals: Refusals) -> None:
    """Adds a line to the takes of its document, or to what was refused."""
    values = row.values
    responses = values.get("resps")
    texts = _texts(responses, values.get("arguments"))
    if texts is None:
        refusals.add(LOG_LIKELIHOODS if responses else NO_ANSWERS, row.place)
        return
    name = str(values.get("filter", "none"))
    several = takes.setdefault(_document(values), [])
    # Other texts under the same filter are another run into the same file.
    same = [take for take in several if take.texts == texts]
    take = next(iter(same), None)
    if take is None:
        take = _Take(row, texts, stated=[[] for _ in texts])
        several.append(take)
    elif name in take.filters:
        refusals.add(TWICE, row.place, len(texts))
        return
    take.filters.add(name)
    spoken = _stated(values, name, len(texts))
    for stated, more in zip(take.stated, spoken, strict=True):
        stated.extend(more)


def _document(values: Values) -> str:
    # doc_id is a place in a data set that may have been cut; the hash names the document.
    return id_of(values.get("doc_hash") or values.get("doc_id"))


def _texts(responses: object, arguments: object) -> list[str] | None:
    """The completions of a document; None where its responses are none."""
    if not isinstance(responses, list) or not responses:
        return None
    first = responses[0]
    # One list a request; a generation has one request. Some forks leave the outer list out.
    texts: list[object] = first if isinstance(first, list) else responses
    are_texts = [isinstance(text, str) for text in texts]
    if not texts or not all(are_texts):
        return None
    given = _arguments(arguments)
    # A log-likelihood written as a text: its request has no settings of generation.
    if given and not isinstance(given.get("arg_1"), dict):
        return None
    return [text_of(text) for text in texts]


def _arguments(arguments: object) -> Values:
    """Prompt (arg_0) and settings (arg_1) of the first request of a document."""
    if isinstance(arguments, dict):
        return arguments.get("gen_args_0") or {}
    # As they are before they are written, in logs of forks and of older versions.
    first = arguments[0] if isinstance(arguments, list) and arguments else None
    if not isinstance(first, list):
        return {}
    return {f"arg_{index}": value for index, value in enumerate(first)}


def _stated(values: Values, name: str, draws: int) -> list[list[Stated]]:
    """What one filter says of each draw.

    It speaks of the first alone where it keeps one, of all where it keeps as many as there are; a
    vote (`maj@k`) is the word of no draw.
    """
    stated: list[list[Stated]] = [[] for _ in range(draws)]
    if "maj" in name and draws > 1:
        return stated
    answers = _answers(values.get("filtered_resps"), draws)
    metrics = values.get("metrics")
    if not isinstance(metrics, list):
        # Older versions do not list them: they are what is left that is a number.
        metrics = sorted(set(values) - _NO_METRICS)
    for draw, answer in enumerate(answers):
        read = answer if isinstance(answer, str) else None
        for metric in metrics:
            value = values.get(metric)
            if not isinstance(value, (bool, int, float)):
                continue
            # A figure of several draws together says nothing of one of them.
            known = number_of(value) if len(answers) == 1 else None
            stated[draw].append(Stated(f"{metric},{name}", known, read))
    return stated


def _answers(kept: object, draws: int) -> list[object]:
    """What a filter kept: as many answers as there are draws, else that of the first alone."""
    answers: list[object] = kept if isinstance(kept, list) else [kept]
    if len(answers) == 1 and isinstance(answers[0], list):
        answers = answers[0]
    return answers if len(answers) == draws else answers[:1]


def _question(row: Row) -> Question:
    values = row.values
    document = values.get("doc")
    asked = question_in(document) if isinstance(document, dict) else ""
    if not asked:
        # Few-shot examples and all: nothing else tells what is asked.
        given = _arguments(values.get("arguments"))
        asked = _prompt(given.get("arg_0"))
    targets = targets_of(values.get("target"))
    return question_of(_document(values), asked, targets)


def _prompt(prompt: object) -> str:
    """What a request asks: a text, or a conversation that is written as JSON in a list."""
    first = prompt[0] if isinstance(prompt, list) and prompt else None
    if not isinstance(first, str):
        return last_asked(prompt)
    try:
        messages = json.loads(first)
    except ValueError:
        # No conversation: a prompt that stands alone in its list.
        return text_of(first)
    return last_asked(messages)


def _origin(path: Path, results: Values) -> Origin:
    """Whose draws a file holds, by its name, its requests and the summary of its run."""
    name = path.name.partition(".json")[0]
    match = _NAME.match(name)
    task = match["task"] if match else name.removeprefix("samples_")
    configs = results.get("configs", {})
    settings = _settings(path, configs.get(task, {}))
    model = results.get("model_name") or _folder_model(path)
    # Its temperature is then one that was not used.
    is_greedy = settings.get("do_sample") is False
    return Origin(
        model=text_of(model) or None,
        task=task,
        temperature=0.0 if is_greedy else number_of(settings.get("temperature")),
        top_p=number_of(settings.get("top_p")),
        top_k=count_of(settings.get("top_k")),
        max_tokens=count_of(settings.get("max_gen_toks")),
    )


def _is_stripped(results: Values) -> bool:
    """Whether the thinking was cut off before the responses were written."""
    config = results.get("config", {})
    return "think_end_token" in str(config.get("model_args", ""))


def _results(path: Path) -> Values:
    """The summary that was written with a file; empty where it is not there."""
    match = _NAME.match(path.stem)
    if match is None:
        return {}
    beside = path.with_name(f"results_{match['date']}.json")
    if not beside.is_file():
        return {}
    try:
        return json.loads(beside.read_bytes())
    except ValueError:
        # It adds names and settings: half of one tells neither.
        return {}


def _settings(path: Path, config: Values) -> Values:
    """How a task was drawn: as its requests say, else as its configuration does."""
    configured = config.get("generation_kwargs") or {}
    first = first_row(path)
    asked = _arguments(first.get("arguments")).get("arg_1")
    # The command line overrides the task's configuration; requests have what came of both.
    return configured | asked if isinstance(asked, dict) else configured


def _folder_model(path: Path) -> str | None:
    """The model by the folder's name, whose `/` the tool writes as `__`."""
    name = path.resolve().parent.name
    # A folder of another name is one of the user's.
    if "__" not in name:
        return None
    return name.replace("__", "/", 1)
