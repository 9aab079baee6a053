"""Inspect: `.eval` archives and `.json` logs, read by inspect_ai itself (the extra `inspect`).

Its own reader knows what an archive may be: entries in zstd, samples in chunks, contents kept apart
as attachments.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks.samples.assembly import TWICE, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog, Stated
from tasks.samples.rows import Refusals, Start, first_bytes
from tasks.samples.values import (
    count_of,
    ending_of,
    id_of,
    number_of,
    numbers_of,
    object_of,
    text_of,
    with_thinking,
)
from tasks.samples.ways import Way, digest_of
from warehouse.errors import UserError

FORMAT = "inspect"
FAILED = "the sample ended in an error"
NO_OUTPUT = "the sample has no output"
SEVERAL_TURNS = "the sample has several turns of the model: no single completion"
NAMELESS = "unknown"
"""The model or task of a log that has none: the layout asks for a name."""
DETAILS = "ttc"
"""Where our own writer keeps, in a sample's metadata, what the layout has no place for."""

_KEPT_APART = "attachment://"
"""Before the key of a long text that stands once, among a sample's attachments."""
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Its words for correct, partially correct, incorrect and no answer."""
_UNUSED = {"events", "store", "timelines", "events_data"}
"""What is left out while reading: the larger part of a log, and nothing of a draw is in it."""


_SAMPLING = ("temperature", "top_p", "top_k", "max_tokens")
_ALIKE = """
max_retries timeout attempt_timeout stream_idle_timeout max_connections adaptive_connections seed
num_choices logprobs top_logprobs prompt_logprobs cache cache_prompt batch fail_on_refusal
extra_headers parallel_tool_calls
"""
_NO_WAY = frozenset((*_SAMPLING, *_ALIKE.split()))
"""Settings that its origin has, or that do not change what the model says."""


def recognise(start: Start) -> bool:
    """Whether a file is such a log, by the names of what an archive holds, or by its head."""
    begun = first_bytes(start.path, 2000)
    if begun.startswith(b"PK"):
        try:
            with zipfile.ZipFile(start.path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            # Half an archive: its list of entries stands at its end.
            return start.path.suffix == ".eval"
        return "header.json" in names or "_journal/start.json" in names
    head = b"".join(begun.split())
    return head.startswith(b'{"version":') and b'"status":' in head and b'"eval":' in head


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; UserError where inspect_ai is not installed or cannot read one."""
    if find_spec("inspect_ai") is None:
        raise UserError(
            f"{paths[0]}: expected inspect_ai, which reads such logs, to be installed, and it is "
            "not; install it: pip install 'ttc[inspect]'"
        )
    assemblies = Assemblies(FORMAT)
    taken: set[str] = set()
    for path in paths:
        refusals = Refusals()
        log = _read(path)
        origin = _origin(log)
        assembly = assemblies.of(origin, path)
        # A log of a run that did not end has the samples that did.
        for sample in log.samples or ():
            # A run that is taken up again copies what went well before, under the same names.
            if sample.uuid in taken:
                refusals.add(TWICE, _place(path, sample))
                continue
            is_taken = _take(assembly, path, sample, refusals)
            if is_taken and sample.uuid:
                taken.add(sample.uuid)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _read(path: Path) -> Any:
    from inspect_ai.log import read_eval_log

    try:
        # The whole log at once: sample by sample its archive is opened anew for each.
        return read_eval_log(path, exclude_fields=_UNUSED)
    # Whatever goes wrong in a file of many parts, it is the file that cannot be read.
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: expected a log that inspect_ai can read, got {type(error).__name__}: {error}; "
        "fetch it again, or write it again with `inspect log convert`"
    )


def _origin(log: Any) -> Origin:
    drawn = log.eval.model_generate_config
    planned = log.plan.config
    settings: dict[str, Any] = {}
    for name in _SAMPLING:
        own = getattr(planned, name)
        # What the plan of a run says is said later than what its model was made with.
        settings[name] = getattr(drawn, name) if own is None else own
    model, task = (None if name == NAMELESS else name for name in (log.eval.model, log.eval.task))
    return Origin(model=model, task=task, way=_asking(log), **settings)


def _asking(log: Any) -> Way:
    """How the model was asked: the task's arguments, the solver's steps, and other settings."""
    task, plan = log.eval, log.plan
    settings: dict[str, Any] = {}
    for config in (task.model_generate_config, plan.config):
        given = config.model_dump(mode="json", exclude_none=True, exclude=_NO_WAY)
        settings |= given
    steps = [(step.solver, step.params) for step in plan.steps]
    arguments = task.task_args or {}
    solver = (task.solver, task.solver_args)
    digest = digest_of(arguments, solver, steps, settings, task.model_args)
    words = [f"{name}={text_of(value)[:30]}" for name, value in arguments.items()]
    return Way(digest, ", ".join(words))


def _place(path: Path, sample: Any) -> str:
    return f"{path}:{sample.id}/{sample.epoch}"


def _take(assembly: Assembly, path: Path, sample: Any, refusals: Refusals) -> bool:
    """Adds the draws of one sample, its epoch telling which they are; whether it has any."""
    place = _place(path, sample)
    if sample.error is not None or sample.invalidation is not None:
        refusals.add(FAILED, place)
        return False
    if not sample.output.choices:
        refusals.add(NO_OUTPUT, place)
        return False
    turns = [message for message in sample.messages if message.role == "assistant"]
    if len(turns) > 1:
        refusals.add(SEVERAL_TURNS, place)
        return False
    name = id_of(sample.id)
    targets = [sample.target] if isinstance(sample.target, str) else sample.target
    asked = _asked(sample)
    question = question_of(name, asked, targets, choices=sample.choices or ())
    if not assembly.ask(question, place):
        return False
    for position, choice in enumerate(sample.output.choices):
        drawn = _sample(name, sample, choice, place)
        if drawn.scores:
            details = object_of(sample.metadata.get(DETAILS))
            assembly.verifier = details.get("verifier")
        assembly.draw(path, (sample.epoch, position), drawn)
    return True


def _asked(sample: Any) -> str:
    """What the sample asks; options that are chosen among as the prompt shows them."""
    given = sample.input
    if sample.choices and sample.messages:
        given = sample.messages
    if isinstance(given, str):
        return _whole(given, sample)
    asked = [message for message in given if message.role == "user"]
    return _whole(asked[-1].text, sample) if asked else ""


def _whole(text: str, sample: Any) -> str:
    """A text, put back from the attachments where it is kept apart."""
    if not text.startswith(_KEPT_APART):
        return text_of(text)
    return text_of(sample.attachments.get(text.removeprefix(_KEPT_APART), text))


def _sample(name: str, sample: Any, choice: Any, place: str) -> Sample:
    # The counts of an answer cover all of its choices.
    is_one = len(sample.output.choices) == 1
    usage = sample.output.usage
    counted = usage if is_one and usage and usage.output_tokens else None
    details = object_of((sample.metadata or {}).get(DETAILS))
    # Inspect counts 0 for what is unknown: our writer keeps counts that stand alone apart.
    drawn = counted.output_tokens if counted else details.get("tokens")
    given = usage.input_tokens if usage and usage.input_tokens else details.get("prompt_tokens")
    thought = counted.reasoning_tokens if counted else details.get("thinking_tokens")
    return Sample(
        name,
        0,
        _text(choice.message.content, sample),
        stop=ending_of(choice.stop_reason),
        tokens=count_of(drawn),
        prompt_tokens=count_of(given),
        thinking_tokens=count_of(thought),
        scores=numbers_of(details.get("scores")) or (),
        stated=tuple(_stated(sample)) if is_one else (),
        role=details.get("role"),
        place=place,
    )


def _text(content: Any, sample: Any) -> str:
    if isinstance(content, str):
        return _whole(content, sample)
    thinking = [_whole(part.reasoning, sample) for part in content if part.type == "reasoning"]
    said = [_whole(part.text, sample) for part in content if part.type == "text"]
    return with_thinking("\n".join(thinking), "\n".join(said))


def _stated(sample: Any) -> Iterator[Stated]:
    for name, score in (sample.scores or {}).items():
        named = score.value if isinstance(score.value, dict) else {"": score.value}
        for part, value in named.items():
            metric = f"{name}/{part}" if part else name
            yield Stated(metric, _value(value), score.answer)


def _value(value: Any) -> float | None:
    if isinstance(value, str) and value in _GRADES:
        return _GRADES[value]
    return number_of(value)
