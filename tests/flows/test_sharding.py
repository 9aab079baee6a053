"""A run shared out: to Dask, to Ray, and to plain workers, one of which is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal
from serving import TTC, Up, up_in

from flows.servers.password import CLIENT, password
from flows.servers.processes import SHARD_POOL
from infra.bench.same_tables import TABLES, rows_of
from tasks.settings import ROOT
from warehouse.snapshot import Snapshot

pytestmark = pytest.mark.slow

STUDY = """
questions = 10
budgets = [1, 2, 4]
difficulty_draws = 4
strategies = ["majority", "weighted", "beam_search(m=2)/weighted"]
[generator]
max_tokens = 128
[verifier]
model = "bundled/congruences-prm"
"""


SHARDS = 3


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(STUDY)
    return path


def run(study: Path, environment: dict[str, str]) -> dict[str, pl.DataFrame]:
    """The tables that `ttc run` leaves in a state folder."""
    done = subprocess.run(
        [*TTC, "run", str(study)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    reader = Snapshot(Path(environment["TTC_HOME"]) / "warehouse")
    return {table: rows_of(reader, table) for table in TABLES}


@pytest.fixture(scope="module")
def alone(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables of one process."""
    return run(study, {"TTC_HOME": str(tmp_path_factory.mktemp("alone"))})


def assert_same(found: dict[str, pl.DataFrame], alone: dict[str, pl.DataFrame]) -> None:
    for table, rows in alone.items():
        assert_frame_equal(found[table], rows)


@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_a_cluster_gives_the_tables_of_one_process(
    runner: str, study: Path, alone: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    if find_spec(f"prefect_{runner}") is None:
        pytest.skip(f"prefect-{runner} is not installed (pip install 'ttc[{runner}]')")
    where = {"TTC_HOME": str(tmp_path), "TTC_RUNNER": runner, "TTC_SHARDS": "2"}
    assert_same(run(study, where), alone)


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """`ttc up` with a worker for shards."""
    monkeypatch.setenv("TTC_RUNNER", "workers")
    monkeypatch.setenv("TTC_SHARDS", str(SHARDS))
    with up_in(tmp_path / "up") as served:
        yield served


@contextmanager
def another_worker(up: Up, home: Path) -> Iterator[None]:
    """A worker as of another machine: it has nothing but the server and the journal."""
    home.mkdir()
    environment = up.environment | {"TTC_HOME": str(home), "PREFECT_API_URL": up.prefect_api}
    environment[CLIENT] = password(up.home)
    # As those of `ttc up`, or nearly: a shard is over in seconds, and waits for nobody.
    environment["PREFECT_WORKER_QUERY_SECONDS"] = "2"
    named = ("--pool", SHARD_POOL, "--type", "process", "--limit", "1", "--name", home.name)
    command = [sys.executable, "-m", "prefect", "worker", "start", *named]
    process = subprocess.Popen(command, cwd=ROOT, env=environment | {"PREFECT_HOME": str(home)})
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def wait(reached: Callable[[], bool], within: float = 400) -> None:
    deadline = time.monotonic() + within
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def kill_one(up: Up, killed: list[int]) -> bool:
    """Whether a process that asks a shard was there to be killed."""
    for process in psutil.Process(up.process.pid).children(recursive=True):
        # One that has ended meanwhile is not there to be killed.
        with suppress(psutil.NoSuchProcess):
            # Whose engines have started: it draws, or is about to. They are copies of its child's.
            copied = (copy for child in process.children() for copy in child.children())
            if any("VLLM" in copy.name() for copy in copied):
                process.send_signal(signal.SIGKILL)
                killed.append(process.pid)
                return True
    return False


@pytest.mark.parametrize("workers", [2])
def test_workers_give_them_and_one_that_is_killed_is_replaced(
    workers: int, study: Path, alone: dict[str, pl.DataFrame], up: Up, tmp_path: Path
) -> None:
    command = [*TTC, "run", str(study)]
    killed: list[int] = []
    with ExitStack() as others:
        # One comes with `ttc up`.
        for number in range(workers - 1):
            others.enter_context(another_worker(up, tmp_path / f"another-{number}"))
        running = subprocess.Popen(command, cwd=ROOT, env=up.environment)
        wait(lambda: kill_one(up, killed))
        assert running.wait(900) == 0
    reader = Snapshot(up.home / "warehouse")
    assert_same({table: rows_of(reader, table) for table in TABLES}, alone)
    shards = reader.read("SELECT detail FROM run_events WHERE event = 'shard'")
    assert killed and shards.height == SHARDS
