"""The configuration of a model folder: read with care, and the context that vLLM derives from it.

Source of the context: `_get_and_verify_max_len` in vllm/config/model.py of vLLM 0.32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from warehouse.errors import UserError

LFS_POINTER: Final = b"version https://git-lfs"
"""How a file begins that Git LFS has not fetched."""

_LANGUAGE_PARTS = (
    "text_config",
    "llm_config",
    "language_config",
    "text_model_config",
    "thinker_config",
    "decoder",
    "generator",
)
_LENGTHS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
# With these the stated length is the long one already: their factor is not applied to it again.
_SCALED_ALREADY = (
    "default",
    "su",
    "longrope",
    "llama3",
    "yarn",
    "deepseek_yarn",
    "deepseek_llama_scaling",
    "mrope",
)
_WITHOUT_ANY = 2048


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds, nothing when it is not there; UserError for all else."""
    if not path.is_file():
        return {}
    try:
        content = path.read_bytes()
        refuse_pointer(path, content)
        value = json.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"model: expected a readable {path.name} in {path.parent}, got {error}; "
            "fetch it again, or save it as JSON in UTF-8 without a byte order mark"
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"model: expected a JSON object in {path}, got a {type(value).__name__}; "
            "fetch the file again"
        )
    return value


def refuse_pointer(path: Path, content: bytes) -> None:
    """UserError for a file that begins as the pointer which Git LFS leaves in its place."""
    if content.startswith(LFS_POINTER):
        raise UserError(
            f"model: expected the content of {path}, got a pointer of Git LFS; "
            f"run `git lfs pull` in {path.parent}"
        )


def model_config(folder: Path) -> dict[str, Any]:
    """What config.json says; UserError where there is none that can be read."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(
            f"model: expected a readable config.json in {folder}, found none; "
            "is it a model folder in the layout of Transformers?"
        )
    return read_json(path)


def text_config(config: dict[str, Any]) -> dict[str, Any]:
    """The part that describes the language model: a nested table of it, else the whole."""
    for key in _LANGUAGE_PARTS:
        part = config.get(key)
        if isinstance(part, dict) and part:
            return text_config(part)
    return config


class Context(NamedTuple):
    """Tokens of prompt and completion together, as vLLM derives them from config.json."""

    usual: int
    """Where nobody asks for another length."""
    most: int
    """What may be asked for."""


def context_of(folder: Path) -> int:
    """The usual context of the model in a folder; UserError where its config states none."""
    return _context(folder).usual


def outputs_of(folder: Path) -> int | None:
    """Tokens that the model in a folder has, those without a text included; None: not told."""
    count = text_config(model_config(folder)).get("vocab_size")
    return count if isinstance(count, int) and count > 0 else None


def check_asked(folder: Path, asked: int) -> None:
    """UserError for a context that vLLM would refuse when it starts."""
    most = _context(folder).most
    if asked <= most:
        return
    reached = _reach_of_yarn(text_config(model_config(folder)))
    # Qwen's cards add YaRN to a config and leave the length as it was.
    advice = (
        f"its YaRN reaches {reached}, which vLLM allows once max_position_embeddings there says so"
        if asked <= reached
        else "lower it, or leave it out"
    )
    raise UserError(
        f"study: expected engine.max_model_len of at most {most}, the context of the model in "
        f"{folder} by its config.json, got {asked}; {advice}"
    )


def _reach_of_yarn(config: dict[str, Any]) -> int:
    """Positions to which YaRN stretches those that a model was trained on; 0 without it."""
    reach = 0
    for rope in _ropes(config):
        factor = rope.get("factor")
        trained = rope.get("original_max_position_embeddings")
        if _kind(rope) != "yarn" or not isinstance(trained, int):
            continue
        if isinstance(factor, int | float):
            reach = max(reach, int(factor * trained))
    return reach


def _context(folder: Path) -> Context:
    config = text_config(model_config(folder))
    named = {key: config[key] for key in _LENGTHS if config.get(key) is not None}
    for key, value in named.items():
        _check_length(folder, key, value)
    if not named:
        return _length_unnamed(folder, config)
    # Command-R: the stated length is for training, this one is served.
    longest = int(named.get("model_max_length") or min(named.values()))
    return _scaled(folder, config, longest)


def _check_length(folder: Path, key: str, value: Any) -> None:
    # A bool is an int to Python, and vLLM takes no number that is written as a text or a float.
    if type(value) is not int or value < 1:
        raise UserError(
            f"model: expected {key} in {folder}/config.json to be a whole number of tokens, "
            f"got {value!r}; write the model's context there"
        )


def _length_unnamed(folder: Path, config: dict[str, Any]) -> Context:
    """The context where the config has no number: what its kind of model has by default."""
    if "max_position_embeddings" in config:
        limit = read_json(folder / "tokenizer_config.json").get("model_max_length")
        # Tokenizers without a limit of their own write 1e30 there.
        is_limit = isinstance(limit, int) and limit < 1 << 40
        advice = f"write the tokenizer's {limit}" if is_limit else "write the model's context"
        raise UserError(
            f"model: expected a number as max_position_embeddings in {folder}/config.json, "
            f"got null; {advice} there"
        )
    # Imported here: it takes a second, for which only such a model should wait.
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        return Context(_WITHOUT_ANY, _WITHOUT_ANY)
    defaults = CONFIG_MAPPING[kind]()
    lengths = [getattr(defaults, key, None) for key in _LENGTHS]
    known = [length for length in lengths if isinstance(length, int)]
    longest = min(known, default=_WITHOUT_ANY)
    return _scaled(folder, config, longest)


def _scaled(folder: Path, config: dict[str, Any], longest: int) -> Context:
    """The length under the config's scaling of rotary positions."""
    ropes = list(_ropes(config))
    if any(_kind(rope) in ("longrope", "su") for rope in ropes):
        # vLLM serves the length before scaling unless it is asked for more.
        key = "original_max_position_embeddings"
        usual = config.get(key) or longest
        _check_length(folder, key, usual)
        return Context(usual, longest)
    # The long length of Gemma 3 is written down scaled, and its factor beside it.
    if "gemma3" in str(config.get("model_type")):
        return Context(longest, longest)
    factor: Any = 1.0
    for rope in ropes:
        if _kind(rope) not in _SCALED_ALREADY:
            factor = rope.get("factor", factor)
    if factor is None:
        factor = 1.0
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 0:
        raise UserError(
            f"model: expected the factor of rope_scaling in {folder}/config.json to be a number "
            f"above 0, got {factor!r}; write the model's own"
        )
    length = int(longest * factor)
    return Context(length, length)


def _ropes(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables that scale rotary positions: one, or one for each kind of layer."""
    table = config.get("rope_scaling") or config.get("rope_parameters")
    if not isinstance(table, dict):
        return
    nested = [part for part in table.values() if isinstance(part, dict)]
    yield from nested or [table]


def _kind(rope: dict[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")
