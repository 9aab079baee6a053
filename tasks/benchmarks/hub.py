"""Questions from a data set of Hugging Face: `hf:owner/name[@revision][:config]:split`.

The package `datasets` reads them; it is an extra, so it is imported when it is asked for.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks.files import chosen, read_questions
from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.loaded import LoadedBenchmark
from tasks.benchmarks.names import Columns
from tasks.benchmarks.records import rows_of
from warehouse.errors import UserError

PREFIX = "hf:"
_NAME = re.compile(
    r"hf:(?P<name>[^:@]+)(?:@(?P<revision>[^:]+))?(?::(?P<config>[^:]+))?"
    r":(?P<split>[^:\[]+(?:\[.*\])?)"
)
_PATIENCE_SECONDS = 5.0
"""For the hub's first answer: its client tries six times, which takes half a minute."""
_SAVED = ("dataset_dict.json", "dataset_info.json", "state.json")
"""What lies in a folder that `datasets` has saved, beside files that any program reads."""


class Split(NamedTuple):
    """One split of a data set, as a study names it."""

    name: str
    """`owner/name` on the hub, or a folder."""
    revision: str | None
    config: str | None
    split: str

    @property
    def title(self) -> str:
        """What tables and screens call it: revision and `hf:` are no part of the name."""
        folder = Path(self.name)
        short = folder.resolve().name if folder.is_dir() else self.name
        return ":".join(filter(None, (short, self.config, self.split)))


def load_split(
    name: str, *, count: int | None, seed: int, kind: AnswerKind | None, columns: Columns
) -> LoadedBenchmark:
    """`count` questions (None: all) of a split; UserError where it cannot be had, within seconds.

    Without network it is what the last fetch left in the cache.
    """
    split = split_of(name)
    records = rows_of(_fetch(split), name)
    file = read_questions(records, Path(split.title), kind, columns)
    return chosen(split.title, file, count=count, seed=seed)


def split_of(name: str) -> Split:
    """The split that a study names; UserError where no split is named."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise UserError(
            "study: expected benchmark hf:owner/name:split or hf:owner/name@revision:config:split, "
            f"got {name!r}; name the split, e.g. {name.rstrip(':')}:test"
        )
    return Split(**parts.groupdict())


def _fetch(split: Split) -> Any:
    """The split's Arrow table."""
    datasets = _import()
    folder = Path(split.name)
    is_local = folder.is_dir()
    if is_local and any((folder / name).is_file() for name in _SAVED):
        return _load_saved(datasets, split)
    with contextlib.nullcontext() if is_local or _is_reachable() else _offline(datasets):
        try:
            rows = datasets.load_dataset(
                str(folder.resolve()) if is_local else split.name,
                split.config,
                split=split.split,
                revision=split.revision,
            )
        # What it raises is of many kinds, of its own and of the packages underneath.
        except Exception as error:
            raise _refusal(split, error) from error
    return rows.data.table


def _load_saved(datasets: Any, split: Split) -> Any:
    try:
        saved = datasets.load_from_disk(split.name)
        rows = saved[split.split] if isinstance(saved, datasets.DatasetDict) else saved
    except Exception as error:
        raise _refusal(split, error) from error
    # A saved selection keeps the rows that it leaves out.
    return rows.flatten_indices().data.table


def _import() -> Any:
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(
            "study: expected the package `datasets` for a benchmark that begins with hf:, "
            f"it is not installed ({error}); run pip install 'ttc[datasets]', "
            "or fetch the file and name its path"
        ) from error
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    return datasets


def _is_reachable() -> bool:
    """Whether the hub answers at all."""
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        httpx.head(constants.ENDPOINT, timeout=_PATIENCE_SECONDS)
    except httpx.HTTPError:
        return False
    return True


@contextlib.contextmanager
def _offline(datasets: Any) -> Generator[None]:
    """While it lasts, both packages look into their caches alone."""
    from huggingface_hub import constants

    switches: tuple[Any, ...] = (constants, datasets.config)
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    for switch in switches:
        switch.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for switch, was in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = was


def _refusal(split: Split, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
    where = "in its folder" if Path(split.name).is_dir() else "on the hub or in the cache"
    return UserError(
        f"study: expected split {split.split!r} of the data set {split.name!r} {where}, "
        f"got {type(error).__name__}: {reason}; check the names and the network, "
        "or fetch the file and name its path"
    )
