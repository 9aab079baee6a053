"""State folders on disks that are full or read-only: a sentence within seconds from every verb."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import TTC

from flows.servers.disk import LEAST, check_disk
from tasks.settings import ROOT
from warehouse.errors import DiskTrouble
from warehouse.store import Store

SECONDS = 30
"""Most that a refusal may take where other tests are running: imports are most of it."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with a warehouse on it, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk in memory")
    try:
        with Store.open(place / "warehouse") as store:
            store.publish_snapshot()
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb") as file:
        try:
            while True:
                file.write(bytes(2**20))
                file.flush()
        except OSError as error:
            assert error.errno == errno.ENOSPC
    assert shutil.disk_usage(disk).free == 0


def protect(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def ttc(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    unset = ("PREFECT_", "TTC_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    begun = time.monotonic()
    done = subprocess.run(
        [*TTC, *words],
        cwd=ROOT,
        env=environment | {"TTC_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert time.monotonic() - begun < SECONDS, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("plan", "demo"), ("run", "demo"), ("up",)], ids=" ".join)
def test_a_full_disk_is_said_in_one_sentence(disk: Path, verb: tuple[str, ...]) -> None:
    fill(disk)
    done = ttc(disk, *verb)
    assert done.returncode == 75, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "make space" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("plan", "demo"), ("run", "demo"), ("up",)], ids=" ".join)
def test_a_read_only_disk_is_said_in_one_sentence(disk: Path, verb: tuple[str, ...]) -> None:
    protect(disk)
    done = ttc(disk, *verb)
    assert done.returncode == 75, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Read-only file system" in done.stderr and "TTC_HOME" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [fill, protect], ids=["full", "read-only"])
def test_reading_needs_no_room(disk: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(disk)
    done = ttc(disk, "sql", "SELECT count(*) AS runs FROM runs", "--json")
    assert (done.returncode, done.stdout.strip()) == (0, '[{"runs":0}]'), done.stderr


@pytest.mark.slow
def test_a_full_disk_damages_nothing(disk: Path) -> None:
    fill(disk)
    assert ttc(disk, "plan", "demo").returncode == 75
    (disk / "ballast").unlink()
    assert ttc(disk, "plan", "demo").returncode == 0
    names = [path.name for path in (disk / "warehouse").iterdir()]
    assert not [name for name in names if "damaged" in name]


@pytest.mark.slow
def test_a_disk_that_is_as_good_as_full_is_refused_before_prefect_starts(disk: Path) -> None:
    with (disk / "ballast").open("wb") as file:
        file.write(bytes(shutil.disk_usage(disk).free - LEAST // 2))
    done = ttc(disk, "run", "demo")
    assert done.returncode == 75
    assert "expected at least 67 MB free" in done.stderr


def test_a_folder_that_can_be_written_passes(tmp_path: Path) -> None:
    check_disk(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_limit_on_files_is_seen_though_there_is_room(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    try:
        with pytest.raises(DiskTrouble, match=r"got 'File too large' .* MB free.*; make space"):
            check_disk(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
