"""What the index holds in memory, while it merges and while it answers."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from small_run import plain_draws

from warehouse import index
from warehouse.database import LARGE_FILE
from warehouse.journal import Journal
from warehouse.store import Store

HELD = (
    # The scan is over before the table of what is held is asked: it is joined with its answer.
    "SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory() "
    "JOIN (SELECT count(DISTINCT left(t, 2)) AS found FROM large.ballast) ON found > 0 "
    "WHERE tag = 'BASE_TABLE'"
)


def test_a_query_over_a_table_of_any_size_holds_as_little_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "KEPT_BYTES", 8 << 20)
    with Store.open(tmp_path) as opened:
        connection = opened._index.connection
        connection.execute(
            "CREATE TABLE large.ballast AS SELECT md5(i::VARCHAR) AS t FROM range(700_000) AS r(i)"
        )
        connection.execute("CHECKPOINT large")
        assert (tmp_path / LARGE_FILE).stat().st_size > 2 * index.KEPT_BYTES
        assert opened.read(HELD).item() <= index.KEPT_BYTES


def test_a_query_that_takes_more_memory_at_once_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "KEPT_BYTES", 8 << 20)
    ids = pl.Series([list(range(32_000))] * 100, dtype=pl.List(pl.Int32))
    with Store.open(tmp_path) as opened:
        opened.append("draws", plain_draws(*range(100)).with_columns(token_ids=ids))
        with opened._index._little_memory(), pytest.raises(duckdb.OutOfMemoryException):
            opened._index.connection.sql("SELECT token_ids FROM draws").pl()
        read = opened.read("SELECT token_ids FROM draws")["token_ids"]
        assert read.to_list() == ids.to_list()


@pytest.mark.slow
def test_two_million_draws_and_long_ones_are_merged_within_memory(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from warehouse.store import Store\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    print(store.read('SELECT count(*) FROM draws').item())\n"
        # Not ru_maxrss, which begins with the size of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)"
    )
    journal = Journal.of(tmp_path)
    many = plain_draws(*range(50_000))
    for start in range(0, 2_000_000, 50_000):
        journal.append("draws", many.with_columns(child=pl.col("child") + start))
    long = plain_draws(*range(3_000_000, 3_000_100), text="word " * 20_000)
    ids = pl.Series([list(range(32_000))] * 100, dtype=pl.List(pl.Int32))
    for start in range(0, 3_000, 100):
        chunk = long.with_columns(child=pl.col("child") + start, token_ids=ids)
        journal.append("draws", chunk)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *sys.path],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    rows, megabytes = map(int, done.stdout.split()[:2])
    assert rows == 2_003_000
    assert megabytes < 1_200, f"{megabytes} MB"
