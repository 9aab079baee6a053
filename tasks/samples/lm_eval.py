"""lm-evaluation-harness: `<model>/samples_<task>_<date>.jsonl`, one line a document and filter.

All filters of a document repeat the same `resps`, so they are one set of draws with several
statements. Files are opened to append: a second run into one file stands behind the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tasks.benchmarks.names import plain_row
from tasks.benchmarks.programs import with_tests
from tasks.benchmarks.question import Question
from tasks.samples.assembly import TWICE, Assemblies, Assembly, question_of
from tasks.samples.lm_eval_origin import (
    arguments_of,
    is_stripped,
    origin_of,
    results_of,
    shots_of,
    weights_of,
)
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    id_of,
    last_asked,
    number_of,
    object_of,
    question_in,
    targets_of,
    text_of,
)
from tasks.samples.ways import Prompts, digest_of, folders_apart
from warehouse.errors import UserError

FORMAT = "lm-eval"
LOG_LIKELIHOODS = "log-likelihoods of given answers, no completions: nothing was drawn"
NO_ANSWERS = "the line has no responses"
NO_TEXT = "a response is no text, e.g. null where a request failed: the line is left out"
NO_TESTS = "the document is a programming task without tests that can be read: nothing grades it"
STRIPPED = "the thinking part is not in the log (think_end_token): the draw is its final part"

_SAMPLING = frozenset(("temperature", "do_sample", "top_p", "top_k", "max_gen_toks", "seed"))
"""Settings of a request that its origin has, or that make no other way of drawing."""
_PROGRAMS = frozenset(
    ("entrypoint", "testlist", "publictestcases", "testcases", "unittests", "inputoutput")
)
"""Keys, plainly written, by which a document is a programming task."""
_NO_METRICS = frozenset(("doc_id", "doc_hash", "prompt_hash", "target_hash"))


@dataclass
class _Take:
    """The draws of one document in one run, and what each filter says of them."""

    row: Row
    texts: list[str]
    asked: str
    """A digest of its prompt and of how it was generated."""
    filters: set[str] = field(default_factory=set[str])
    stated: list[list[Stated]] = field(default_factory=list[list[Stated]])


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    has_responses = "resps" in start.row or "filtered_resps" in start.row
    return has_responses and ("doc_id" in start.row or "doc_hash" in start.row)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; the same task on two dates is two runs of one log."""
    assemblies = Assemblies(FORMAT)
    prompts = Prompts()
    folders = folders_apart(path.resolve().parent for path in paths)
    for path in paths:
        refusals = Refusals()
        takes: dict[str, list[_Take]] = {}
        for row in read_rows(path, refusals):
            _note(row, takes, refusals)
        results = results_of(path)
        origin = origin_of(path, results)
        weights = weights_of(path, results, folders)
        shots = shots_of(origin.task, results)
        for index, run in enumerate(_runs(takes)):
            asked: dict[str, str] = {}
            for take in run:
                name = _document(take.row.values)
                asked[name] = take.asked
            way = prompts.assign((origin, weights), asked, shots)
            own = way._replace(digest=digest_of(way.digest, weights))
            whole = origin._replace(way=own)
            assembly = assemblies.of(whole, path)
            for take in run:
                _draw(assembly, f"{path} {index}", take, refusals)
        if is_stripped(results):
            draws = sum(len(take.texts) for several in takes.values() for take in several)
            refusals.add(STRIPPED, str(path), draws)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _runs(takes: dict[str, list[_Take]]) -> list[list[_Take]]:
    """The first takes of all documents, then the second ones, as a file that was added to has."""
    runs: list[list[_Take]] = []
    for several in takes.values():
        for index, take in enumerate(several):
            if index == len(runs):
                runs.append([])
            runs[index].append(take)
    return runs


def _draw(assembly: Assembly, run: str, take: _Take, refusals: Refusals) -> None:
    """Adds the draws of one document in one run."""
    row = take.row
    question = _question(row)
    if question is None:
        refusals.add(NO_TESTS, row.place, len(take.texts))
        return
    if not assembly.ask(question, row.place):
        return
    for position, text in enumerate(take.texts):
        stated = tuple(take.stated[position])
        sample = Sample(question.question_id, 0, text, stated=stated, place=row.place)
        assembly.draw(run, (position,), sample)


def _note(row: Row, takes: dict[str, list[_Take]], refusals: Refusals) -> None:
    """Adds a line to the takes of its document, or to what was refused."""
    values = row.values
    responses = values.get("resps")
    answers = _responses(responses)
    fault = _fault(answers, values.get("arguments"))
    if fault:
        refusals.add(fault, row.place)
        return
    texts = [text_of(text) for text in answers]
    name = str(values.get("filter", "none"))
    several = takes.setdefault(_document(values), [])
    # Other texts under the same filter are another run into the same file.
    asked = _asked(values)
    same = [take for take in several if take.texts == texts]
    take = same[0] if same else None
    if take is None:
        take = _Take(row, texts, asked, stated=[[] for _ in texts])
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


def _asked(values: Values) -> str:
    """What is another one where a document was asked in another way."""
    given = arguments_of(values.get("arguments"))
    settings = object_of(given.get("arg_1"))
    others = {name: value for name, value in settings.items() if name not in _SAMPLING}
    prompt = given.get("arg_0")
    return digest_of(values.get("prompt_hash") if prompt is None else prompt, others)


def _responses(responses: object) -> list[object]:
    """The responses to the first request of a document; none where the field holds none."""
    if not isinstance(responses, list) or not responses:
        return []
    first = responses[0]
    # One list a request; a generation has one request. Some forks leave the outer list out.
    return first if isinstance(first, list) else responses


def _fault(answers: list[object], arguments: object) -> str | None:
    """Why the responses of a document are no completions; None where they are."""
    if not answers:
        return NO_ANSWERS
    given = arguments_of(arguments)
    # A log-likelihood written as a text: its request has no settings of generation.
    if given and not isinstance(given.get("arg_1"), dict):
        return LOG_LIKELIHOODS
    if all(isinstance(answer, str) for answer in answers):
        return None
    are_figures = [isinstance(answer, (list, bool, int, float)) for answer in answers]
    return LOG_LIKELIHOODS if all(are_figures) else NO_TEXT


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
        for metric in filter(None, map(text_of, metrics)):
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
    if len(answers) == 1:
        (first,) = answers
        answers = first if isinstance(first, list) else answers
    if len(answers) == draws:
        return answers
    return answers[:1]


def _question(row: Row) -> Question | None:
    """What a document asks; None for a program that no test of it grades."""
    values = row.values
    document = object_of(values.get("doc"))
    asked = question_in(document)
    if not asked:
        # Few-shot examples and all: nothing else tells what is asked.
        given = arguments_of(values.get("arguments"))
        asked = _prompt(given.get("arg_0"))
    targets = targets_of(values.get("target"))
    names = plain_row(document)
    question = question_of(_document(values), asked, targets)
    if _PROGRAMS.isdisjoint(names):
        return question
    try:
        tests = with_tests(names, row.place).get("tests")
    except UserError:
        return None
    # Its target is the solution or the test as a text, whatever the task made of it.
    written = text_of(values.get("target")) or "tests"
    return replace(question, target=written, accepted=(), tests=tuple(tests)) if tests else None


def _prompt(prompt: object) -> str:
    """What a request asks: a text, or a conversation that is written as JSON in a list."""
    first = prompt[0] if isinstance(prompt, list) and prompt else None
    if not isinstance(first, str):
        return last_asked(prompt)
    try:
        messages = json.loads(first)
    except (ValueError, RecursionError):
        # No conversation: a prompt that stands alone in its list.
        return text_of(first)
    return last_asked(messages)
