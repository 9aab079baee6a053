"""Publications that wait for MLflow: one folder a run, written whole or not at all."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks.publication.summary import FRAMES, RunSummary
from tasks.statistics.intervals import Estimate


def put(summary: RunSummary, outbox: Path) -> Path:
    """The folder `outbox/<run id>` that now holds the summary, in place of an earlier one."""
    target = outbox / summary.run_id
    # The leading dot keeps a folder that is half written out of `waiting`.
    partial = outbox / f".{summary.run_id}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, frame in summary.frames.items():
        frame.write_parquet(partial / f"{name}.parquet")
    values = {
        "run": summary.run,
        "prefect_run_id": summary.prefect_run_id,
        "mdd": summary.mdd,
    }
    text = json.dumps(values, default=_encode_time)
    (partial / "summary.json").write_text(text, encoding="utf-8")
    # A folder is not renamed onto one that has files.
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return target


def get(folder: Path) -> RunSummary:
    """The summary that `put` wrote there."""
    text = (folder / "summary.json").read_text(encoding="utf-8")
    values = json.loads(text)
    run = values["run"]
    run["opened_at"] = datetime.fromisoformat(run["opened_at"])
    frames: dict[str, Any] = {}
    for name in FRAMES:
        frames[name] = pl.read_parquet(folder / f"{name}.parquet")
    if values["mdd"] is not None:
        values["mdd"] = Estimate(*values["mdd"])
    return RunSummary(**values, **frames)


def waiting(outbox: Path) -> list[Path]:
    """Folders of the publications that wait, by run id; none where nothing ever waited."""
    if not outbox.is_dir():
        return []
    folders = [path for path in outbox.iterdir() if path.is_dir()]
    return sorted(folder for folder in folders if not folder.name.startswith("."))


def remove(outbox: Path, run_id: str) -> None:
    """The run's publication waits no longer."""
    shutil.rmtree(outbox / run_id, ignore_errors=True)


def _encode_time(value: object) -> str:
    """A time as text, which JSON has no type for; TypeError for anything else."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(
        f"outbox: expected JSON values and times in the run's row, got {type(value).__name__}"
    )
