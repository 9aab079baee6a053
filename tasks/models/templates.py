"""What the files of a model folder say beside its weights: its chat template and special tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.models.folders.configs import read_json, refuse_pointer
from warehouse.errors import UserError

_USUAL = "default"
"""The one of several templates that is for dialogues; others are for tools or documents."""


def chat_template(folder: Path) -> str | None:
    """Jinja source of a folder's chat template for plain dialogues; None where it has none."""
    # As Transformers looks: a file of its own before the tokenizer's word, a processor's last.
    places = (
        _file_templates(folder),
        _templates(folder / "tokenizer_config.json"),
        _templates(folder / "chat_template.json"),
    )
    named = next((templates for templates in places if templates), {})
    if len(named) == 1:
        (only,) = named.values()
        return only
    if named and _USUAL not in named:
        raise UserError(
            f"model: expected one of the chat templates in {folder} to be called {_USUAL!r}, got "
            f"{', '.join(sorted(named))}; save the one for dialogues as chat_template.jinja"
        )
    return named.get(_USUAL)


def special_tokens(folder: Path) -> dict[str, str]:
    """Texts of the tokenizer's special tokens by name, e.g. `eos_token`."""
    # Older folders keep them in a file of their own.
    described = {
        **read_json(folder / "special_tokens_map.json"),
        **read_json(folder / "tokenizer_config.json"),
    }
    tokens: dict[str, str] = {}
    for key, value in described.items():
        # Saved by Transformers it is a table, with the text as its content.
        text = value.get("content") if isinstance(value, dict) else value
        if key.endswith("_token") and isinstance(text, str):
            tokens[key] = text
    return tokens


def _file_templates(folder: Path) -> dict[str, str]:
    files = {_USUAL: folder / "chat_template.jinja"}
    files |= {path.stem: path for path in sorted(folder.glob("additional_chat_templates/*.jinja"))}
    return {name: _read(path) for name, path in files.items() if path.is_file()}


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
        refuse_pointer(path, content)
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"model: expected a chat template in {path} as text in UTF-8, got: {error}; "
            "fetch it again"
        ) from error


def _templates(path: Path) -> Mapping[str, str]:
    """Templates by name in a file that may hold one text, several by name, or a list of them."""
    value: Any = read_json(path).get("chat_template")
    if isinstance(value, list):
        parts = [part for part in value if isinstance(part, dict)]
        value = {part.get("name"): part.get("template") for part in parts}
    if isinstance(value, str) or not value:
        return {_USUAL: value} if value else {}
    if not isinstance(value, dict) or not all(map(_is_named, value.items())):
        raise UserError(
            f"model: expected chat_template in {path} to be text, or several with name and "
            f"template, got {value!r}; fetch the file again"
        )
    return value


def _is_named(item: tuple[object, object]) -> bool:
    return all(isinstance(text, str) for text in item)
