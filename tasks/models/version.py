"""Where a model lies, and which version of it that is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tasks.models.folders.adapters import Adapter, is_adapter, load_adapter
from tasks.models.folders.configs import context_of
from tasks.models.folders.hub import fetch
from tasks.models.folders.kept import digest
from tasks.models.folders.parameters import count_parameters
from tasks.models.folders.weights import INDEX, weight_files
from tasks.settings import INFRA
from warehouse.errors import UserError

BUNDLED = INFRA / "models"
# Whatever in a folder decides which tokens are drawn, besides the weights; a README does not.
_IDENTITY = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    # How weights are packed, where config.json does not say it.
    "hf_quant_config.json",
    "quantize_config.json",
    "quant_config.json",
    INDEX,
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model version: a folder and the fingerprint of what is in it, or a text model.

    A text model is known by its texts alone: behind an endpoint, or from a log.
    """

    name: str
    folder: Path | None
    """None: a text model, of which parameters and context are unknown too."""
    fingerprint: str
    """Hash of weights, tokenizer, configuration, format and dtype: other weights under one name are
    another version."""
    parameters: int | None
    """What a token passes through, without embeddings (METHOD §9)."""
    context: int | None
    """Most tokens of prompt and completion together."""
    all_parameters: int | None = None
    """With all experts of a mixture, without embeddings; None: unknown."""
    revision: str | None = None
    """The commit that was fetched from a hub; None: it lies in a folder of the user's."""
    adapter: Adapter | None = None
    """What is served on top of the folder's model."""

    @property
    def files(self) -> Path:
        """Its folder; UserError for a text model, which has none."""
        if self.folder is None:
            raise UserError(
                f"model: expected a folder of {self.name}, which is known by its texts alone; "
                "name a model whose files are here"
            )
        return self.folder

    @property
    def flops_a_token(self) -> float | None:
        """One multiplication and one addition a parameter; None: parameters unknown."""
        return None if self.parameters is None else 2.0 * self.parameters


class Place(NamedTuple):
    """Where what a study names lies."""

    folder: Path
    """Of the model, or of the base of an adapter."""
    revision: str | None = None
    adapter: Adapter | None = None


def load_model(name: str, usage: str) -> Model:
    """The model version that a study's name stands for now; UserError when it cannot be read.

    `usage` is all else that decides what it writes: prompt, separator and marker of its format,
    dtype.
    """
    folder, revision, adapter = find_model(name)
    counted = count_parameters(folder)
    own = adapter.parameters() if adapter else 0
    return Model(
        name=name,
        folder=folder,
        fingerprint=fingerprint(folder, usage, adapter=adapter),
        parameters=counted.active + own,
        context=context_of(folder),
        all_parameters=counted.all + own,
        revision=revision,
        adapter=adapter,
    )


def find_model(name: str) -> Place:
    """Where a model lies that is named `bundled/<name>`, by its folder, or by an id of a hub.

    An id may have an `@revision`. An adapter is named alone or as `base+adapter`.
    """
    base, plus, added = name.partition("+")
    # A folder may have a plus in its name.
    if plus and not _is_folder(name):
        whole, top = _find(base), _find(added)
        return _on_base(whole, top, load_adapter(top.folder))
    found = _find(name)
    if not is_adapter(found.folder):
        return found
    adapter = load_adapter(found.folder)
    if adapter.base is None:
        raise UserError(
            f"model: expected the base of the adapter {name!r} as base_model_name_or_path in its "
            f"adapter_config.json, found none; write <base>+{name}"
        )
    try:
        whole = _find(adapter.base)
    except UserError as error:
        raise UserError(
            f"model: expected the base of the adapter {name!r} where its adapter_config.json "
            f"says, {adapter.base!r}, got: {error}; or write <base>+{name}"
        ) from error
    return _on_base(whole, found, adapter)


def locate(name: str) -> Path:
    """The folder of a model that is whole; UserError for an adapter."""
    place = find_model(name)
    if place.adapter:
        raise UserError(
            f"model: expected a whole model, got the adapter {name!r}; merge it into its base "
            "(`merge_and_unload`) and name the merged folder"
        )
    return place.folder


def _on_base(whole: Place, top: Place, adapter: Adapter) -> Place:
    """The place of an adapter on its base, with the commits of both."""
    if is_adapter(whole.folder):
        raise UserError(
            f"model: expected a whole model as the base of {top.folder}, got the adapter "
            f"{whole.folder}; name the base of that one"
        )
    commits = "+".join(place.revision or "" for place in (whole, top)).strip("+")
    return Place(whole.folder, commits or None, adapter)


def _find(name: str) -> Place:
    if name.startswith("bundled/"):
        return Place(_bundled(name))
    if _is_folder(name):
        return Place(Path(name).expanduser().resolve())
    if name.startswith(("/", ".", "~")):
        raise UserError(
            f"model: expected a folder at {name}, found none; check the spelling, "
            "and from where a relative path starts"
        )
    return Place(*fetch(name))


def _bundled(name: str) -> Path:
    folder = BUNDLED / name.removeprefix("bundled/")
    if not folder.is_dir():
        names = sorted(path.name for path in BUNDLED.iterdir() if path.is_dir())
        shipped = ", ".join(f"bundled/{name}" for name in names)
        raise UserError(f"model: unknown bundled model {name!r}; bundled are {shipped}")
    return folder


def _is_folder(name: str) -> bool:
    try:
        # An empty path is the folder one stands in.
        return bool(name) and Path(name).expanduser().is_dir()
    except (OSError, RuntimeError):
        # A name that is too long for a file, or the home of somebody unknown.
        return False


def fingerprint(folder: Path, usage: str, *, adapter: Adapter | None = None) -> str:
    """16 hex digits over weights, tokenizer, configuration and how the model is used."""
    others = [folder / name for name in _IDENTITY]
    present = [path for path in others if path.is_file()]
    paths = sorted([*weight_files(folder), *present])
    total = hashlib.sha256(usage.encode())
    for path in [*paths, *(adapter.files if adapter else ())]:
        total.update(path.name.encode())
        total.update(digest(path))
    return total.hexdigest()[:16]
