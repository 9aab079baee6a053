"""Publications that wait for MLflow: one folder a run, written whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from tasks.publication.summary import FRAMES, RunSummary
from tasks.statistics.intervals import Estimate
from warehouse.disks.seals import seal, unseal
from warehouse.folder import sync_folder, write_whole

DAMAGED = "damaged"
"""Folder of the outbox for entries that cannot be read."""


def put(summary: RunSummary, outbox: Path) -> Path:
    """The folder `outbox/<run id>` that now holds the summary, in place of an earlier one."""
    target = outbox / summary.run_id
    # The leading dot keeps a folder that is half written out of `waiting`.
    partial = outbox / f".{summary.run_id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    digests: dict[str, str] = {}
    for name, frame in summary.frames.items():
        written = BytesIO()
        frame.write_parquet(written)
        write_whole(partial / f"{name}.parquet", written.getvalue())
        digests[name] = hashlib.sha256(written.getvalue()).hexdigest()
    values = {
        "digests": digests,
        "run": {name: _plain(value) for name, value in summary.run.items()},
        "prefect_run_id": summary.prefect_run_id,
        "mdd": summary.mdd,
        "mdd_of_bins": summary.mdd_of_bins,
    }
    write_whole(partial / "summary.json", seal(values))
    # A folder is not renamed onto one that has files.
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    # Or a machine that stops would know nothing of the folder.
    sync_folder(outbox)
    return target


class Torn(Exception):
    """What waits cannot be read: it was written in part, or changed since."""


def get(folder: Path) -> RunSummary:
    """The summary that `put` wrote there; Torn where it is not whole."""
    try:
        return _read(folder)
    except (FileNotFoundError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise Torn(f"{type(error).__name__}: {error}") from error


def set_aside(folder: Path) -> Path:
    """Where a folder now lies that waits no longer, since it cannot be read."""
    aside = folder.with_name(DAMAGED)
    aside.mkdir(exist_ok=True)
    target = aside / folder.name
    # One of the same run that was torn earlier says nothing more.
    shutil.rmtree(target, ignore_errors=True)
    return folder.rename(target)


def _read(folder: Path) -> RunSummary:
    values = unseal((folder / "summary.json").read_bytes())
    digests = values.pop("digests")
    run = values["run"]
    run["opened_at"] = datetime.fromisoformat(run["opened_at"])
    frames: dict[str, Any] = {}
    for name in FRAMES:
        content = (folder / f"{name}.parquet").read_bytes()
        # A figure of which one bit has turned is a figure too.
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise ValueError(f"{name}.parquet is not what was written (the hash differs)")
        frames[name] = pl.read_parquet(content)
    if values["mdd"] is not None:
        values["mdd"] = Estimate(*values["mdd"])
    # What waits from before has it not.
    of_bins = values.get("mdd_of_bins", [])
    values["mdd_of_bins"] = [(one, Estimate(*least)) for one, least in of_bins]
    return RunSummary(**values, **frames)


def waiting(outbox: Path) -> list[Path]:
    """Folders of the publications that wait, by run id; none where nothing ever waited."""
    if not outbox.is_dir():
        return []
    folders = [path for path in outbox.iterdir() if path.is_dir()]
    left_out = (".", DAMAGED)
    return sorted(folder for folder in folders if not folder.name.startswith(left_out))


def remove(outbox: Path, run_id: str) -> None:
    """The run's publication waits no longer."""
    shutil.rmtree(outbox / run_id, ignore_errors=True)


def _plain(value: object) -> object:
    """A time as text, which JSON has no type for; all else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value
