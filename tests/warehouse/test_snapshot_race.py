"""A snapshot that is copied slowly, while threads and processes publish, read and leave."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import writer
from small_run import frame, model_rows, plain_draws

from warehouse import database, snapshot
from warehouse.copies import COPIES
from warehouse.database import LARGE_FILE, SMALL_FILE
from warehouse.errors import Busy, UserError
from warehouse.store import Store

TIMES = 1
MODELS = model_rows(1)


def copy_slowly(path: Path, target: Path) -> None:
    """As `database.copy`, with half of the file there for a while."""
    half = path.stat().st_size // 2
    # By other programs, as there: closing a handle of the file here would drop DuckDB's lock on it.
    steps = f'head -c {half} "$1" > "$2"; sleep 0.05; tail -c +{half + 1} "$1" >> "$2"'
    subprocess.run(["sh", "-c", steps, "sh", str(path), str(target)], check=True)


PROGRAM = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[4:]
import test_snapshot_race as race
race.publish_often(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
"""


def publish_often(folder: Path, first: int, times: int) -> None:
    """What one process does: takes the warehouse, publishes from three threads, gives it back."""
    database.copy = copy_slowly
    for number in range(first, first + 3 * times, 3):
        with Store.open(folder, patience=60) as store, ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda one: publish(store, one), range(number, number + 3)))


def publish(store: Store, number: int) -> None:
    store.append("draws", writer.batch(number))
    store.publish_snapshot(whole=True)


@pytest.mark.slow
def test_processes_and_threads_that_publish_in_turn_are_read_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish_snapshot()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(1000 * one), str(TIMES), *sys.path],
            env=environment,
            stderr=subprocess.PIPE,
        )
        for one in range(2)
    ]
    counts = []
    while any(program.poll() is None for program in programs):
        seen = snapshot.query(tmp_path, "SELECT count(*) AS n FROM draws")["n"][0]
        assert seen % writer.PER_BATCH == 0
        counts.append(seen)
        # Whoever reads without a pause leaves the writers no processor.
        time.sleep(0.2)
    said = [program.communicate(timeout=60)[1] for program in programs]
    assert said == [b"", b""]
    assert [program.returncode for program in programs] == [0, 0]
    assert counts == sorted(counts)
    assert counts[-1] > 0
    assert not list(tmp_path.glob(".snapshot*"))


def test_a_store_is_given_back_only_when_its_last_copy_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying = threading.Event()
    go_on = threading.Event()

    def copy_on_demand(path: Path, target: Path) -> None:
        if path.name == LARGE_FILE:
            copying.set()
            assert go_on.wait(30)
        copy_slowly(path, target)

    monkeypatch.setattr(database, "copy", copy_on_demand)
    store = Store.open(tmp_path)
    store.append("draws", plain_draws(1))
    with ThreadPoolExecutor(2) as pool:
        published = pool.submit(store.publish_snapshot)
        assert copying.wait(30)
        closed = pool.submit(store.close)
        time.sleep(0.2)
        # Another writer would sweep the half copy away, or write into what is copied.
        assert not closed.done()
        with pytest.raises(Busy):
            Store.open(tmp_path)
        go_on.set()
        closed.result(30)
    assert (tmp_path / COPIES[LARGE_FILE]).exists()
    # The small copy, which it had not come to, is left to the next writer.
    error = published.exception()
    assert error is None or isinstance(error, UserError)


class Held:
    """Copies as `database.copy` does, and holds that of one file until it is let go."""

    def __init__(self, held: str) -> None:
        self._held = held
        self._plain = database.copy
        self.is_there = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, path: Path, target: Path) -> None:
        self._plain(path, target)
        if path.name == self._held and not self.is_there.is_set():
            self.is_there.set()
            assert self.go_on.wait(30)


def test_two_copies_at_once_of_one_process_are_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(LARGE_FILE)
    with Store.open(tmp_path) as store, ThreadPoolExecutor(1) as pool:
        store.append("draws", plain_draws(1))
        monkeypatch.setattr(database, "copy", held)
        published = pool.submit(store.publish_snapshot, whole=True)
        assert held.is_there.wait(30)
        # The small tables, while the large ones' copy waits for its place.
        store.publish_snapshot()
        held.go_on.set()
        published.result(30)
    assert snapshot.query(tmp_path, "SELECT count(*) AS n FROM draws")["n"].item() == 1


def test_nobody_writes_into_what_is_copied_until_it_is_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(SMALL_FILE)
    with Store.open(tmp_path) as store, ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(database, "copy", held)
        published = pool.submit(store.publish_snapshot)
        assert held.is_there.wait(30)
        appended = pool.submit(store.append, "model_versions", frame("model_versions", MODELS))
        # Nor publishes: an older copy would take the place of a newer one.
        time.sleep(0.3)
        assert not appended.done()
        held.go_on.set()
        published.result(30)
        assert appended.result(30) == len(MODELS)
