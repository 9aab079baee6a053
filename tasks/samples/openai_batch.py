"""Batches of OpenAI's API and of vLLM's `run_batch`: files of requests, of responses, of errors.

What is asked stands with the requests alone; `custom_id` leads from one file to the others.
Requests that ask the same are draws of one question.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.benchmarks.question import Question
from tasks.samples.assembly import Assemblies, Origin, question_of
from tasks.samples.log import Sample, SampleLog
from tasks.samples.parts import OddRowError, name_of, objects_of, part_of
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    count_of,
    ending_of,
    last_asked,
    number_of,
    targets_in,
    text_of,
    with_thinking,
)
from warehouse.errors import UserError

FORMAT = "openai-batch"
FAILED = "the request failed: it has an error and no completion"
NO_COMPLETION = "the response is no chat completion and no completion"
EMPTY = "the response is empty and has no tokens"

_NOT_ASKED = ("seed", "n", "user", "metadata", "stream")
"""What may differ between two requests for draws of one question."""


class _Request(NamedTuple):
    """One request: its question, where it stands among all, and how it was to be drawn."""

    question: Question
    place: int
    body: Values
    task: str


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    return "custom_id" in start.row and (
        "body" in start.row or "response" in start.row or "error" in start.row
    )


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; those of a folder are one batch. UserError where ids are not its own.

    Without the file of requests, ids are all that is known of the questions.
    """
    assemblies = Assemblies(FORMAT)
    responses: list[tuple[Path, Row]] = []
    requests = _Requests()
    by_path: dict[Path, Refusals] = {}
    for path in paths:
        refusals = by_path.setdefault(path, Refusals())
        for row in read_rows(path, refusals):
            if isinstance(row.values.get("body"), dict):
                requests.note(row, path)
            else:
                responses.append((path, row))
    # Responses come in any order: questions stand as they were asked.
    asked = [(requests.of(row, path.parent), path, row) for path, row in responses]
    asked.sort(key=_place)
    for request, path, row in asked:
        try:
            _take(assemblies, path, row, request, by_path[path])
        except OddRowError as odd:
            by_path[path].add(str(odd), row.place)
    for path, refusals in by_path.items():
        assemblies.refuse(path, refusals, Origin(task=path.stem))
    return assemblies.logs()


def _place(response: tuple[_Request | None, Path, Row]) -> int:
    request, *_ = response
    return request.place if request else 0


class _Requests:
    """All requests, by folder and id."""

    def __init__(self) -> None:
        self._by_folder: dict[Path, dict[str, _Request]] = {}
        self._questions: dict[str, Question] = {}

    def note(self, row: Row, path: Path) -> None:
        """Notes one request; its question is that of the first one that asks the same."""
        name, body = text_of(row.values.get("custom_id")), row.values["body"]
        fresh = _question(name, row.values)
        question = self._questions.setdefault(_identity(body), fresh)
        requests = self._by_folder.setdefault(path.parent, {})
        request = _Request(question, len(requests), body, path.stem)
        known = requests.setdefault(name, request)
        if known.question is not question:
            raise UserError(
                f"{row.place}: expected the custom_ids of a batch to be its own, got "
                f"{name!r} for two requests; import each batch from a folder of its own"
            )

    def of(self, row: Row, folder: Path) -> _Request | None:
        """The request of a response, in the response's folder, else in any other one.

        None where there is none, or several that ask different things.
        """
        name = text_of(row.values.get("custom_id"))
        own = self._by_folder.get(folder, {}).get(name)
        if own is not None:
            return own
        # People keep what they send and what comes back in two folders.
        others: list[_Request] = []
        for several in self._by_folder.values():
            if name in several:
                others.append(several[name])
        asked = {other.question.question_id for other in others}
        return others[0] if len(asked) == 1 else None


def _identity(body: Values) -> str:
    """What two requests for draws of one question have in common."""
    asked = dict(body)
    for name in _NOT_ASKED:
        asked.pop(name, None)
    return json.dumps(asked, sort_keys=True)


def _question(name: str, values: Values) -> Question:
    """The question of a request: what the user says last."""
    body = values["body"]
    prompt = body.get("messages", body.get("prompt"))
    targets = _targets(values, body)
    return question_of(name, last_asked(prompt), targets)


def _targets(values: Values, body: Values) -> list[str]:
    """A request has no place for a target: people put it beside the body, or with its metadata."""
    places = (values, values.get("metadata"), body.get("metadata"))
    for place in places:
        if isinstance(place, dict):
            targets = targets_in(place)
            if targets:
                return targets
    return []


def _take(
    assemblies: Assemblies,
    path: Path,
    row: Row,
    request: _Request | None,
    refusals: Refusals,
) -> None:
    response = part_of(row.values, "response")
    body = part_of(response, "body")
    has_failed = response.get("status_code", 200) != 200
    # A failed request has a body too: it says why.
    if row.values.get("error") or has_failed or not body:
        refusals.add(FAILED, row.place)
        return
    choices = objects_of(body, "choices")
    if not choices:
        refusals.add(NO_COMPLETION, row.place)
        return
    name = text_of(row.values.get("custom_id"))
    question = request.question if request else Question(name, "", "")
    assembly = assemblies.of(_origin(request, body), path)
    if not assembly.ask(question, row.place):
        return
    usage = part_of(body, "usage")
    counted = usage
    if len(choices) > 1:
        # The counts of a response cover all of its choices; they share the prompt.
        counted = {"prompt_tokens": usage.get("prompt_tokens")}
    first = request.place if request else 0
    for choice in choices:
        sample = _sample(question.question_id, choice, counted, row.place)
        if not sample.text and not sample.tokens:
            refusals.add(EMPTY, row.place)
            continue
        index = count_of(choice.get("index")) or 0
        assembly.draw(path, (first, index), sample)


def _origin(request: _Request | None, body: Values) -> Origin:
    """Whose draws a response holds; how they were drawn stands with the request."""
    drawn = request.body if request else {}
    longest = drawn.get("max_completion_tokens") or drawn.get("max_tokens")
    return Origin(
        # The response may name a dated version; the request names what was asked for.
        model=name_of(drawn, "model") or name_of(body, "model"),
        task=request.task if request else None,
        temperature=number_of(drawn.get("temperature")),
        top_p=number_of(drawn.get("top_p")),
        top_k=count_of(drawn.get("top_k")),
        max_tokens=count_of(longest),
    )


def _sample(name: str, choice: Values, usage: Values, place: str) -> Sample:
    """One choice of a response, of a chat or of a plain completion."""
    message = part_of(choice, "message")
    # A refusal is what the model says too.
    said = message.get("content") or choice.get("text") or message.get("refusal")
    # Two names for it, by the version of the server.
    thinking = message.get("reasoning_content") or message.get("reasoning")
    details = part_of(usage, "completion_tokens_details")
    return Sample(
        name,
        0,
        with_thinking(thinking, text_of(said)),
        stop=ending_of(choice.get("finish_reason")),
        tokens=count_of(usage.get("completion_tokens")),
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        thinking_tokens=count_of(details.get("reasoning_tokens")),
        place=place,
    )
