"""A writer killed at random moments: what append() returned is there once; readers are answered."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import writer

from warehouse import snapshot
from warehouse.places import appoint
from warehouse.store import Store

KILLS = 3

PLACES = ["folder", pytest.param("s3", marks=pytest.mark.slow)]
"""Each opening of a store takes half a second of work: in a bucket only where time is."""


def start(folder: Path, *, first: int, publish: bool) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, writer.__file__, str(folder), str(first), str(int(publish))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)


def killed_after(process: subprocess.Popen[bytes], seconds: float) -> list[int]:
    """Numbers of the batches that the writer had said were written when it was killed."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    said = first + process.stdout.read()
    process.stdout.close()
    process.wait()
    return [int(line) for line in said.splitlines() if line]


@pytest.mark.parametrize("address", PLACES, indirect=True)
def test_kill_nine_loses_nothing_and_doubles_nothing(tmp_path: Path, address: str) -> None:
    folder = tmp_path / "warehouse"
    appoint(folder, address)
    chance = random.Random(0)
    promised: set[int] = set()
    for round_ in range(KILLS):
        process = start(folder, first=1000 * round_, publish=False)
        promised |= set(killed_after(process, chance.uniform(0, 0.3)))
        with Store.open(folder) as store:
            children = store.read("SELECT child FROM draws ORDER BY child")["child"].to_list()
        stored = {child // writer.PER_BATCH for child in children}
        assert promised <= stored
        assert len(children) == len(set(children)) == writer.PER_BATCH * len(stored)
        assert len(stored - promised) <= round_ + 1  # at most the batch in hand at each kill


def test_readers_are_always_answered_while_the_writer_publishes(tmp_path: Path) -> None:
    process = start(tmp_path, first=0, publish=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        answers = [asked(tmp_path) for _ in range(50)]
    finally:
        process.kill()
        process.stdout.close()  # type: ignore[union-attr]
        process.wait()
    counts = [count for count, _ in answers]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert max(age for _, age in answers) < 60


def asked(folder: Path) -> tuple[int, float]:
    """Draws in the snapshot, always whole batches, and its age in seconds."""
    count = snapshot.query(folder, "SELECT count(*) AS n FROM draws")["n"][0]
    age = snapshot.age_seconds(folder)
    assert count % writer.PER_BATCH == 0
    assert age is not None
    return count, age


@pytest.mark.slow
def test_ten_readers_at_once_are_answered(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    process = start(tmp_path, first=0, publish=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: asked(tmp_path), range(200)))
    finally:
        process.kill()
        process.stdout.close()  # type: ignore[union-attr]
        process.wait()
    assert len(answers) == 200
