"""lm-evaluation-harness: whose draws a file holds, by its name, its requests and its summary."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tasks.samples.assembly import Origin
from tasks.samples.rows import Values, first_row
from tasks.samples.values import count_of, number_of, object_of, text_of
from tasks.samples.ways import digest_of

_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)$")
_WEIGHTS = ("pretrained", "model", "revision", "peft", "lora_local_path", "delta", "dtype")
"""Arguments of a model that say which one it is."""


def arguments_of(arguments: object) -> Values:
    """Prompt (arg_0) and settings (arg_1) of the first request of a document."""
    if isinstance(arguments, dict):
        return object_of(arguments.get("gen_args_0"))
    # As they are before they are written, in logs of forks and of older versions.
    if not isinstance(arguments, list) or not arguments:
        return {}
    first = arguments[0]
    if not isinstance(first, list):
        return {}
    return {f"arg_{index}": value for index, value in enumerate(first)}


def origin_of(path: Path, results: Values) -> Origin:
    """Whose draws a file holds, by its name, its requests and the summary of its run."""
    name = path.name.partition(".json")[0]
    match = _NAME.match(name)
    task = match["task"] if match else name.removeprefix("samples_")
    configs = object_of(results.get("configs"))
    settings = _settings(path, object_of(configs.get(task)))
    model = results.get("model_name") or _folder_model(path, is_dated=match is not None)
    # Its temperature is then one that was not used.
    is_greedy = settings.get("do_sample") is False
    temperature = number_of(settings.get("temperature"))
    return Origin(
        model=text_of(model) or None,
        task=task,
        temperature=0.0 if is_greedy else temperature,
        top_p=number_of(settings.get("top_p")),
        top_k=count_of(settings.get("top_k")),
        max_tokens=count_of(settings.get("max_gen_toks")),
    )


def is_stripped(results: Values) -> bool:
    """Whether the thinking was cut off before the responses were written."""
    config = object_of(results.get("config"))
    return "think_end_token" in str(config.get("model_args", ""))


def results_of(path: Path) -> Values:
    """The summary that was written with a file; empty where it is not there."""
    match = _NAME.match(path.stem)
    if match is None:
        return {}
    beside = path.with_name(f"results_{match['date']}.json")
    if not beside.is_file():
        return {}
    try:
        return object_of(json.loads(beside.read_bytes()))
    except (ValueError, RecursionError):
        # It adds names and settings: half of one tells neither.
        return {}


def _settings(path: Path, config: Values) -> Values:
    """How a task was drawn: as its requests say, else as its configuration does."""
    configured = object_of(config.get("generation_kwargs"))
    first = first_row(path)
    asked = arguments_of(first.get("arguments")).get("arg_1")
    # The command line overrides the task's configuration; requests have what came of both.
    return configured | asked if isinstance(asked, dict) else configured


def _folder_model(path: Path, *, is_dated: bool) -> str | None:
    """The model by the folder's name, whose `/` the tool writes as `__`."""
    name = path.resolve().parent.name
    # What the tool named stands in a folder of the model; else the folder may be the user's.
    if "__" not in name and not is_dated:
        return None
    return name.replace("__", "/", 1)


def weights_of(path: Path, results: Values, folders: dict[Path, str]) -> str:
    """What tells models of one name apart: arguments of their weights, or else their folders."""
    if not results:
        folder = path.resolve().parent
        return "" if "__" in folder.name else folders[folder]
    config = object_of(results.get("config"))
    given = config.get("model_args")
    arguments = _pairs(given) if isinstance(given, str) else object_of(given)
    named = {name: arguments[name] for name in _WEIGHTS if name in arguments}
    return digest_of(named) if named else ""


def _pairs(written: str) -> Values:
    """Arguments as a command line has them: `name=value,name=value`."""
    pairs: Values = {}
    for part in written.split(","):
        name, _, value = part.partition("=")
        pairs[name] = value
    return pairs


def shots_of(task: str | None, results: Values) -> str:
    """How many examples stood before each question, in a word; "" where that is not told."""
    counts = object_of(results.get("n-shot"))
    count = count_of(counts.get(task or ""))
    return "" if count is None else f"{count}-shot"
