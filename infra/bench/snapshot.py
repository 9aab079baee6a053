"""What a large warehouse costs whoever writes it: snapshots, merges, openings, memory.

    PYTHONPATH=. python infra/bench/snapshot.py [--gigabytes 10] [--folder FOLDER] [--json PATH]

Random draws and scores are written to the journal by a process of their own, as workers do, and
merged by this one until `large.duckdb` weighs 0.1, 1 and 10 GB; most of what is beyond 0.1 GB is
copied inside DuckDB under other keys. The journal's files are removed once they are merged, to
spare the disk; twice the gigabytes asked for must be free.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from warehouse.copies import COPIES
from warehouse.database import LARGE_FILE, LARGE_LAYOUT, MEMORY, THREADS, attach
from warehouse.journal import Journal
from warehouse.schema import LARGE, tables
from warehouse.store import Store

TOKENS = 960
"""Of a draw."""

STEPS = 2
"""Scored ones of a draw."""

SEGMENT_DRAWS = 1_000
"""With 7 MB about as large as the loader makes them of small ones."""

FLUSH_DRAWS = 200
"""As many as a run writes in two seconds."""

MARKS = (0.1, 1.0, 10.0)
"""Gigabytes at which is measured."""

GIGABYTE = 1e9


def write_draws(folder: Path, draws: int, segments: int, seed: int) -> None:
    """Segments of random draws, and of the scores of their steps, in the journal of `folder`."""
    random = np.random.default_rng(seed)
    journal = Journal.of(folder)
    for _ in range(segments):
        journal.append("draws", random_draws(random, draws))
        for _ in range(STEPS):
            journal.append("scores", random_scores(random, draws))


def hashes(random: np.random.Generator, count: int) -> list[str]:
    """As many SHA-256 hashes of nothing."""
    digits = random.bytes(32 * count).hex()
    return [digits[start : start + 64] for start in range(0, len(digits), 64)]


def random_draws(random: np.random.Generator, count: int) -> pl.DataFrame:
    """Draws of random tokens and letters, whose keys no other has."""
    ids = random.integers(0, 150_000, (count, TOKENS), dtype=np.int32)
    letters = random.integers(97, 123, 4 * TOKENS * count, dtype=np.uint8).tobytes().decode()
    starts = range(0, len(letters), 4 * TOKENS)
    keys = hashes(random, count)
    lists = pl.Series([[key] for key in keys], dtype=pl.List(pl.String))
    columns = {
        "prefix_key": hashes(random, count),
        "node_key": keys,
        "step_keys": lists,
        "text": [letters[start : start + 4 * TOKENS] for start in starts],
        "token_ids": pl.Series(ids).arr.to_list(),
        "question_id": [f"q{number}" for number in random.integers(0, 500, count)],
    }
    same = {"model_fingerprint": "a" * 64, "sampling_key": "b" * 16, "stop": "end"}
    same |= {"replicate": 0, "child": 0, "depth": 0, "generated_tokens": TOKENS, "requests": 1}
    same |= {"role": "proposer", "drawn_at": datetime.now(UTC)}
    return completed("draws", columns, same)


def random_scores(random: np.random.Generator, count: int) -> pl.DataFrame:
    """Scores whose keys no other has."""
    columns = {"node_key": hashes(random, count), "score": random.random(count)}
    same = {"verifier_fingerprint": "c" * 64, "question_id": "q1", "tokens": TOKENS}
    same |= {"requests": 1, "scored_at": datetime.now(UTC)}
    return completed("scores", columns, same)


def completed(table: str, columns: dict[str, Any], same: dict[str, Any]) -> pl.DataFrame:
    """The table's rows: columns given, values that are the same in every row, and else NULL."""
    same = same | {"run_id": "run", "benchmark_fingerprint": "d" * 64}
    schema = tables()[table].schema
    nothing = dict.fromkeys(schema.keys() - columns.keys() - same.keys())
    rest = [
        pl.lit(value, dtype=schema[name]).alias(name) for name, value in (same | nothing).items()
    ]
    return pl.DataFrame(columns).with_columns(rest)


def grow(store: Store, gigabytes: float) -> None:
    """Merges random draws until the large tables' file weighs so much."""
    file = store.folder / LARGE_FILE
    while file.stat().st_size < gigabytes * GIGABYTE:
        missing = gigabytes * GIGABYTE - file.stat().st_size
        # A segment of draws and its scores take 6 MB: some before, one by one at the end.
        segments = max(1, min(100, int(missing / 8e6)))
        # Another seed each time: the same rows would be known already.
        seed = store.read("SELECT count(*) FROM draws").item()
        in_process(write_draws, store.folder, SEGMENT_DRAWS, segments, seed)
        store.load_new()
        for name in store.journal.names():
            store.journal.place.remove(name)


def multiply(folder: Path, gigabytes: float) -> None:
    """Rows that are there are written again under other keys until the file weighs so much.

    As a merge writes them, but for what a merge looks for: ten gigabytes in minutes.
    """
    file = folder / LARGE_FILE
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET threads = {THREADS}")
        attach(connection, file, LARGE, LARGE_LAYOUT)
        rows = {
            table: connection.sql(f"SELECT count(*) FROM {LARGE}.main.{table}").fetchall()[0][0]
            for table in ("draws", "scores")
        }
        if not rows["draws"]:
            return
        turn, size = 0, file.stat().st_size
        while file.stat().st_size + size < gigabytes * GIGABYTE:
            turn += 1
            for table, count in rows.items():
                keys = [name for name in tables()[table].key if name.endswith("_key")]
                other = ", ".join(f"sha256({name} || {turn}) AS {name}" for name in keys)
                connection.execute(
                    f"INSERT INTO {LARGE}.main.{table} SELECT * REPLACE ({other}) "
                    f"FROM {LARGE}.main.{table} WHERE rowid < {count}"
                )
                connection.execute(f"CHECKPOINT {LARGE}")


def in_process(work: Callable[..., None], *arguments: Any) -> None:
    """Does the work in a process of its own, whose memory is not this one's."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"Expected {work.__name__} to end well, got exit code {process.exitcode}.")


def used(work: Callable[[], object]) -> dict[str, float]:
    """What the work costs: wall and CPU seconds, children's too, and megabytes written."""
    start, cpu, written = time.monotonic(), cpu_seconds(), bytes_written()
    work()
    return {
        "wall": time.monotonic() - start,
        "cpu": cpu_seconds() - cpu,
        "mb_written": (bytes_written() - written) / 1e6,
    }


def cpu_seconds() -> float:
    """CPU seconds of this process and its ended children so far."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def bytes_written() -> int:
    """Bytes that this process and its ended children have sent to the disk so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def measure(folder: Path, gigabytes: float) -> Iterator[dict[str, Any]]:
    """A row for each mark: what one more of each costs there."""
    store = Store.open(folder)
    for mark in [mark for mark in MARKS if mark <= gigabytes]:
        store.close()
        multiply(folder, mark)
        store = Store.open(folder)
        grow(store, mark)
        draws = store.read("SELECT count(*) FROM draws").item()
        # Two copies at once would need three times the size.
        (folder / COPIES[LARGE_FILE]).unlink(missing_ok=True)
        copied = used(partial(store.publish_snapshot, whole=True))
        in_process(write_draws, folder, FLUSH_DRAWS, 1, draws + 1)
        merged = used(store.load_new)
        often = used(store.publish_snapshot)
        store.close()
        opening = used(lambda: Store.open(folder).close())
        store = Store.open(folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        costs = {"snapshot": often, "merge": merged, "opening": opening, "whole copy": copied}
        yield {"gigabytes": mark, "draws": draws, "peak_mb": peak, "costs": costs}
    store.close()


def shown(rows: list[dict[str, Any]]) -> Table:
    """The measurements, a line a mark and cost."""
    table = Table(title="what a large warehouse costs its writer")
    for column in ("GB", "draws", "what", "wall s", "CPU s", "MB written", "peak MB"):
        table.add_column(column, justify="right")
    for row in rows:
        for what, cost in row["costs"].items():
            figures = [f"{cost['wall']:.2f}", f"{cost['cpu']:.2f}", f"{cost['mb_written']:.1f}"]
            size = [f"{row['gigabytes']:g}", f"{row['draws']:,}"]
            table.add_row(*size, what, *figures, f"{row['peak_mb']:.0f}")
    return table


def main() -> None:
    """Print the table, and write it as JSON where that is wished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=0.1)
    parser.add_argument("--folder", type=Path, help="made and removed; default: a temporary one")
    parser.add_argument("--quick", action="store_true", help="the default size")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    size = MARKS[0] if options.quick else options.gigabytes
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = list(measure(Path(folder), size))
    Console(width=100).print(shown(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
