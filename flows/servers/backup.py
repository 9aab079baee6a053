"""What cannot be made again of a state folder, in another one and back: `ttc backup`, `restore`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tasks.settings import Settings
from tasks.tracking.moved import rewrite_addresses
from warehouse.backup import Copied, copy_database, copy_folder, copy_journal
from warehouse.errors import UserError
from warehouse.folder import Folder, write_whole
from warehouse.places import place_of
from warehouse.store import Store

NOTE = "backup.json"
"""Where a copy says whose it is; written last, so that a folder without it is none."""
MLFLOW, PREFECT = Path("mlflow/mlflow.db"), Path("prefect/prefect.db")
FILES = (Path("mlflow/mlflow-artifacts"), Path("outbox"))
"""Folders of files below the state folder."""


class Outcome(NamedTuple):
    """What was copied, a row each, and what is to be said of it."""

    rows: list[dict[str, Any]]
    said: list[str]


def back_up(now: Settings, folder: Path) -> Outcome:
    """Copy journal, databases and files of a state folder; what the copy has stays."""
    home = now.home.resolve()
    _refuse_source(home, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = copy_journal(place_of(now.warehouse), Folder(folder / "journal"))
    rows = [_row("journal", journal.objects, journal.bytes)]
    for name in (MLFLOW, PREFECT):
        if (home / name).is_file():
            copy_database(home / name, folder / name)
            rows.append(_row(str(name), 1, (folder / name).stat().st_size))
    # After the databases: no file that they name is missing.
    for name in FILES:
        rows.append(_row(str(name), copy_folder(home / name, folder / name), None))
    said = {"home": str(home), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    write_whole(folder / NOTE, json.dumps(said).encode())
    return Outcome(rows, _left_out(now, journal))


def put_back(now: Settings, folder: Path) -> list[str]:
    """Fill an empty state folder from a copy; addresses in MLflow follow where it lies now.

    Returns what is to be said. UserError where something is there already, or where the folder is
    no copy.
    """
    home = now.home.resolve()
    said = _read_note(folder)
    _refuse_filled(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    warehouse = now.warehouse
    place = place_of(warehouse)
    if place.sizes():
        raise UserError(f"restore: expected no journal in {place.address}, found one; empty it")
    journal = copy_journal(Folder(folder / "journal"), place)
    for name in (MLFLOW, PREFECT):
        if (folder / name).is_file():
            copy_database(folder / name, home / name)
    for name in FILES:
        copy_folder(folder / name, home / name)
    if (home / MLFLOW).is_file():
        artifacts = FILES[0]
        rewrite_addresses(home / MLFLOW, Path(said["home"]) / artifacts, home / artifacts)
    with Store.open(warehouse) as store:
        store.publish_snapshot(whole=True)
        runs = store.read("SELECT count(*) FROM runs").item()
    damaged = [
        f"restore: {folder}/journal/{name} is damaged and left out; take it from another copy"
        for name in journal.damaged
    ]
    return [f"{home}: {runs} runs, {journal.objects} segments, as of {said['at']}", *damaged]


def _row(what: str, objects: int, size: int | None) -> dict[str, Any]:
    return {"what": what, "files": objects, "MB": None if size is None else size / 1e6}


def _refuse_source(home: Path, folder: Path) -> None:
    if not (home / "warehouse").is_dir():
        raise UserError(
            f"backup: expected a state folder with a warehouse, found none in {home}; "
            "set TTC_HOME to the one that you mean"
        )
    if folder.is_relative_to(home):
        raise UserError(
            f"backup: expected a folder outside of {home}, got {folder}; "
            "name one on another disk: what is lost with the first is lost with its copy"
        )


def _refuse_filled(home: Path) -> None:
    if home.is_dir() and any(home.iterdir()):
        raise UserError(
            f"restore: expected {home} to be empty or not there, so that nothing is overwritten; "
            "set TTC_HOME to a new folder, or move this one away"
        )


def _read_note(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"restore: expected a folder that `ttc backup` has filled, got {folder} "
            f"({type(error).__name__}); name such a folder"
        ) from error


def _left_out(now: Settings, journal: Copied) -> list[str]:
    """What the copy lacks, a line each."""
    said = [
        f"backup: segment {name} is damaged and not copied; `ttc warehouse verify` says more"
        for name in journal.damaged
    ]
    for name, address in (("MLflow", now.mlflow_uri), ("Prefect", now.prefect_api)):
        if address is not None:
            said.append(f"backup: {name} is at {address}, which has copies of its own to keep")
    return said
