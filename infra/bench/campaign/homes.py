"""State folders of whole runs with a scripted engine, made in forks: no run imports anything.

A run here is small and goes through all stages; flushes, snapshots, compactions and whole orders,
of which a small run would have few, come often.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# First: it says where the others lie.
from trials import Campaign, Ended, ask, fork, wait_for

# isort: split
from same_tables import TABLES, rows_of
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.asking import recording
from tasks.evaluation import cost_axes
from tasks.publication.summary import load_summary
from tasks.tracking import outbox
from warehouse import compaction, sequence, verification
from warehouse.snapshot import Snapshot, still
from warehouse.store import Store

STUDY: dict[str, Any] = {"questions": 10, "budgets": [1, 2, 4], "difficulty_draws": 4}
REPLY_SECONDS = 0.01
"""Of the scripted engine, so that a run's drawing lasts some flushes."""


def run(home: Path) -> None:
    """A run of the study in a state folder, to the end; its publication waits in the outbox."""
    _make_small()
    folder = home / "warehouse"
    run_id = run_all(folder, small_study(**STUDY), seconds=REPLY_SECONDS, engines=ScriptedEngines)
    put_aside(home, run_id)


def put_aside(home: Path, run_id: str) -> None:
    """The run's publication waits in the outbox: no server is asked."""
    outbox.put(load_summary(Snapshot(home / "warehouse"), run_id), home / "outbox")


def _make_small() -> None:
    """Of everything that a long run has often, some in a short one; figures of one axis of cost."""
    recording.FLUSH_SECONDS = 0.03
    recording.SNAPSHOT_SECONDS = 0.2
    compaction.SMALL_SEGMENTS = 3
    sequence.WHOLE_EVERY = 6
    axes = cost_axes.AXES.items()
    cost_axes.AXES = {name: axis for name, axis in axes if axis.column == "generated_tokens"}


def warm(folder: Path) -> Path:
    """A state folder that an undisturbed run left; what that run imported, this process has too."""
    good = folder / "good"

    def first() -> None:
        run(good)
        write_tables(good)

    learn(first, folder)
    return good


def learn(work: Callable[[], object], folder: Path) -> None:
    """Does the work in a fork; what that imported, this process has too, compiled kernels as well.

    Nothing is used of them here, so that forks may be made.
    """

    def first() -> tuple[list[str], list[tuple[str, str, Any]]]:
        work()
        return list(sys.modules), _kernels()

    modules, kernels = ask(first, folder)
    for name in modules:
        if name != "__main__" and name not in sys.modules:
            try:
                importlib.import_module(name)
            except ImportError:
                # Made by code, and no file has it.
                continue
    for module, name, signature in kernels:
        getattr(sys.modules[module], name).compile(signature)
    # Several run at once on few cores.
    os.environ["OMP_NUM_THREADS"] = "1"


def _kernels() -> list[tuple[str, str, Any]]:
    """Module, name and signature of all that was compiled in this process."""
    from numba.core.dispatcher import Dispatcher

    return [
        (module, name, signature)
        for module, held in list(sys.modules.items())
        if module.startswith("tasks.")
        for name, value in vars(held).items()
        if isinstance(value, Dispatcher)
        for signature in value.signatures
    ]


def write_tables(home: Path) -> None:
    """The tables of a folder as Parquet files beside its warehouse, to be compared with."""
    place = home / "tables"
    place.mkdir()
    for table in TABLES:
        rows_of(Snapshot(home / "warehouse"), table).write_parquet(place / f"{table}.parquet")


def differing(home: Path, good: Path) -> list[str]:
    """Tables of a folder that are not those that `write_tables` wrote of another."""
    import polars as pl

    expected = good / "tables"
    with still(Snapshot(home / "warehouse")) as reader:
        return [
            table
            for table in TABLES
            if not rows_of(reader, table).equals(pl.read_parquet(expected / f"{table}.parquet"))
        ]


KEYS = {
    "draws": ["model_fingerprint", "prefix_key", "sampling_key", "replicate", "child"],
    "scores": ["verifier_fingerprint", "node_key"],
    "outcomes": ["run_id", "question_id", "strategy", "budget"],
}
MOMENTS = {"draws": ["drawn_at", "text"], "scores": ["scored_at", "score"], "outcomes": []}
"""Columns by which a row is known to be the very one that was written, and not one drawn again."""


def remember(home: Path, seen: Path) -> None:
    """Keeps what the journal holds now: segments never change, so that links do."""
    for table in KEYS:
        for segment in (home / "warehouse" / "journal" / table).glob("[!.]*.parquet"):
            target = seen / table / segment.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                os.link(segment, target)


def lost_and_doubled(home: Path, seen: Path) -> dict[str, int]:
    """Rows that were in the journal once and are not in the warehouse now; keys there twice."""
    import polars as pl

    reader = Snapshot(home / "warehouse")
    found = {"lost": 0, "doubled": 0}
    for table, key in KEYS.items():
        columns = key + MOMENTS[table]
        rows = reader.read(f"SELECT {', '.join(columns)} FROM {table}")
        found["doubled"] += rows.height - rows.unique(key).height
        files = sorted((seen / table).glob("*.parquet"))
        if files:
            once = pl.concat([pl.read_parquet(file, columns=columns) for file in files])
            found["lost"] += once.unique(columns).join(rows, on=columns, how="anti").height
    return found


def untidy(home: Path) -> list[str]:
    """Sentences on what should not be in a folder whose run is over."""
    reader = Snapshot(home / "warehouse")
    said: list[str] = []
    orphans = "SELECT count(*) AS n FROM run_cells WHERE run_id NOT IN (SELECT run_id FROM runs)"
    if count := reader.read(orphans)["n"].item():
        said.append(f"{count} cells of a run that nobody opened")
    said += [
        f"{checked.name} is damaged"
        for checked in verification.check_all(home / "warehouse")
        if not checked.is_whole
    ]
    for folder in outbox.waiting(home / "outbox"):
        outbox.get(folder)
    if not outbox.waiting(home / "outbox"):
        said.append("nothing waits to be published")
    return said


def judge(home: Path, good: Path, seen: Path, *, rebuild: bool) -> dict[str, Any]:
    """All that is wrong with a folder whose run is over: counts, and sentences."""
    said = [f"{table} differs" for table in differing(home, good)] + untidy(home)
    if rebuild:
        with Store.rebuild(home / "warehouse") as store:
            store.publish_snapshot(whole=True)
        said += [f"{table} differs after a rebuild" for table in differing(home, good)]
    return {"said": said, **lost_and_doubled(home, seen)}


def finish(campaign: Campaign, home: Path, good: Path, seen: Path, *, rebuild: bool) -> None:
    """The run goes on to its end, and what is wrong with it then is counted."""
    said = campaign.folder / "said"
    ended = wait_for(fork(lambda: run(home), said), said)
    note_ending(campaign, ended, "going on to the end")
    if ended.code == 0:
        look(campaign, home, good, seen, rebuild=rebuild)


def look(campaign: Campaign, home: Path, good: Path, seen: Path, *, rebuild: bool) -> None:
    """What is wrong with a folder whose run is over is counted."""
    found = ask(lambda: judge(home, good, seen, rebuild=rebuild), campaign.folder)
    for kind in ("lost", "doubled"):
        if found[kind]:
            campaign.fault(kind, f"rows of {home}", found[kind])
    for sentence in found["said"]:
        campaign.fault("wrong", sentence)
    if found["said"] or found["lost"] or found["doubled"]:
        keep(campaign, home)


def note_ending(
    campaign: Campaign, ended: Ended, what: str, *, allowed: tuple[int, ...] = ()
) -> None:
    """Counts what is wrong with how a run ended that met nothing but kills."""
    if ended.code is None:
        campaign.fault("hung", f"{what}: {ended.said[-3000:]}")
    elif "Traceback" in ended.said:
        campaign.fault("tracebacks", f"{what}: {ended.said[-5000:]}")
    elif ended.said.strip() or ended.code not in (0, *allowed):
        campaign.fault("wrong", f"{what}: exit {ended.code}, {ended.said[-3000:]}")


def keep(campaign: Campaign, home: Path) -> None:
    """Copies a folder in which something is wrong to where it stays, if `--keep` names a place."""
    place = campaign.options.keep
    if place:
        shutil.copytree(home, place / f"{home.name}-{os.getpid()}", dirs_exist_ok=True)
