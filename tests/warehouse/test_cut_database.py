"""A database cut short beside its log is built anew from the journal, with every row."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.database import FILES
from warehouse.errors import UserError
from warehouse.schema import tables
from warehouse.store import Store

PROGRAM = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import small_run
from warehouse.store import Store
store = Store.open(Path(sys.argv[1]))
small_run.fill(store)
store.publish_snapshot(whole=True)
small_run.fill(store, "run-b", version=2)
os._exit(0)
"""
"""The files have the first run, their logs the second."""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse's folder whose writer was killed."""
    folder = tmp_path_factory.mktemp("left") / "warehouse"
    command = [sys.executable, "-c", PROGRAM, str(folder), *sys.path]
    subprocess.run(command, check=True, timeout=120)
    return folder


def content(folder: Path) -> dict[str, list[tuple]]:
    """All rows; of a file whose damage shows when it is read, after it was opened once more."""
    for _ in range(2):
        try:
            with Store.open(folder) as store:
                return {name: store.read(f'FROM "{name}" ORDER BY ALL').rows() for name in tables()}
        except UserError as error:
            assert "run again, and it is rebuilt" in str(error)
    raise AssertionError("damaged at the second opening too")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.45, 0.8])
def test_every_row_is_there_again(left: Path, tmp_path: Path, name: str, share: float) -> None:
    whole = tmp_path / "whole"
    cut = tmp_path / "cut"
    shutil.copytree(left, whole)
    shutil.copytree(left, cut)
    file = cut / name
    os.truncate(file, int(file.stat().st_size * share))
    assert content(cut) == content(whole)


def test_a_note_of_damage_may_be_anything(left: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    noted = tmp_path / "noted"
    shutil.copytree(left, whole)
    shutil.copytree(left, noted)
    (noted / f"{FILES[0]}.suspect").write_bytes(b"\xff\xfe")
    assert content(noted) == content(whole)


BLOCK = 256 * 1024
"""Bytes of a block of DuckDB's, which begin after three heads of 4 KiB."""
HEADS = 3 * 4096


def blocks_of(path: Path) -> list[int]:
    """Numbers of the blocks of a closed database's file."""
    return list(range((path.stat().st_size - HEADS) // BLOCK))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_bit_that_turned_in_any_block_is_no_traceback(
    left: Path, tmp_path: Path, name: str
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(left, whole)
    wanted = content(whole)
    for number in blocks_of(whole / name):
        turned = tmp_path / "turned"
        shutil.copytree(whole, turned)
        with (turned / name).open("r+b") as file:
            file.seek(HEADS + number * BLOCK + BLOCK // 3)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 16]))
        assert content(turned) == wanted
        shutil.rmtree(turned)
