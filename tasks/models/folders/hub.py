"""Models of a Hugging Face hub: an id with or without a revision, and the commit it stands for."""

from __future__ import annotations

import functools
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from warehouse.errors import UserError

# No pickled weights and no code: both would run whatever the repository says.
_WANTED: Final = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
# The same weights once more, in the layouts of those who trained them.
_UNWANTED: Final = ["consolidated*", "original/*", "onnx/*", "optimizer*"]
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATIENCE: Final = 10.0
"""Seconds in which a hub must say which commit is meant; fetching may take as long as it likes."""


class Fetched(NamedTuple):
    """A folder that came from a hub, and the commit it is of."""

    folder: Path
    commit: str


# Once a process: a branch that moves on in the night changes no run that is under way in it.
@functools.lru_cache(maxsize=64)
def fetch(name: str) -> Fetched:
    """The folder of `owner/name` or `owner/name@revision`, from the cache where it is whole there.

    UserError when neither hub nor cache has it.
    """
    repository, _, revision = name.partition("@")
    with _one_sentence(name, repository, revision):
        # A commit never changes: what is cached of one needs no hub.
        if _COMMIT.fullmatch(revision):
            return _cached(repository, revision) or _download(repository, revision)
        if _answers(repository, revision):
            return _download(repository, revision)
        cached = _cached(repository, revision)
    if cached is None:
        raise UserError(
            f"model: expected a copy of {name!r} in the cache of Hugging Face, since its hub "
            "cannot be reached, found none that is whole; go online once, "
            "or fetch it to a folder and name that"
        )
    return cached


def _answers(repository: str, revision: str) -> bool:
    """Whether the hub can be reached and has the revision."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # Asked before anything is fetched: fetching itself waits for a silent hub without end.
    try:
        HfApi().model_info(repository, revision=revision or None, timeout=_PATIENCE)
    except (httpx2.TransportError, OfflineModeIsEnabled):
        return False
    except HfHubHTTPError as error:
        # From 500 on it is the hub that has failed, and the cached copy is as good as offline.
        if error.response.status_code >= 500:
            return False
        raise
    return True


def _cached(repository: str, revision: str) -> Fetched | None:
    """The cached copy of a revision; None where there is none, or a part of one."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=_WANTED,
            ignore_patterns=_UNWANTED,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    return _fetched(folder)


def _download(repository: str, revision: str) -> Fetched:
    from huggingface_hub import snapshot_download

    folder = snapshot_download(
        repository,
        revision=revision or None,
        allow_patterns=_WANTED,
        ignore_patterns=_UNWANTED,
    )
    return _fetched(folder)


def _fetched(folder: str) -> Fetched:
    """By the layout of the cache the folder of a snapshot is called as its commit."""
    path = Path(folder)
    return Fetched(path, path.name)


@contextmanager
def _one_sentence(name: str, repository: str, revision: str) -> Generator[None]:
    """What a hub answers in place of a model, as a sentence."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(
            f"model: {repository} is gated, its hub gave no access; accept its terms there, and "
            "set HF_TOKEN to a token of that account"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(
            f"model: {repository} has no revision {revision!r}; "
            "name a branch, a tag or a commit that it has"
        ) from error
    except (errors.HfHubHTTPError, errors.HFValidationError, httpx2.HTTPError, OSError) as error:
        raise UserError(
            "model: expected bundled/<name>, a folder or a Hugging Face id that can be fetched, "
            f"got {name!r} ({type(error).__name__}); "
            "check the spelling, or fetch it to a folder and name that"
        ) from error
