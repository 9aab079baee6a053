"""Rot in a journal that was merged long ago is found, at once by hand or a part a night."""

import errno
import os
import random
from pathlib import Path

import pytest
from small_run import plain_draws

from flows.cli.query import verify
from warehouse.store import Store
from warehouse.verification import advice, check_all, check_some

SEGMENTS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A warehouse's folder; long ago it merged six segments, each noted in an entry."""
    with Store.open(tmp_path / "warehouse") as store:
        for number in range(SEGMENTS):
            store.append("draws", plain_draws(number))
        store.publish_snapshot()
    for file in (tmp_path / "warehouse" / "journal").glob("*/*"):
        os.utime(file, (1e9, 1e9))
    return tmp_path / "warehouse"


def spoil(folder: Path, rng: random.Random) -> str:
    """The name of a file of which a bit has turned, or the end is gone."""
    file = rng.choice(sorted((folder / "journal").glob("*/*")))
    content = bytearray(file.read_bytes())
    place = rng.randrange(len(content))
    if rng.random() < 0.3:
        content = content[:place]
    else:
        content[place] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    os.utime(file, (1e9, 1e9))
    return f"{file.parent.name}/{file.name}"


def damaged(folder: Path) -> list[str]:
    return [checked.name for checked in check_all(folder) if not checked.is_whole]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_bit_turns_is_found(folder: Path, seed: int) -> None:
    assert damaged(folder) == []
    assert len(list(check_all(folder))) == 2 * SEGMENTS
    assert damaged(folder) == [] and spoil(folder, random.Random(seed)) == damaged(folder)[0]


def test_nights_reach_every_file_and_begin_again(folder: Path) -> None:
    everything = [checked.name for checked in check_all(folder)]
    night = sum(checked.bytes for checked in check_all(folder)) // 3
    seen: list[str] = []
    for _ in range(8):
        checked = check_some(folder, night)
        assert sum(one.bytes for one in checked[:-1]) < night
        seen += [one.name for one in checked]
    assert seen[: len(everything)] == everything
    assert set(seen[len(everything) :]) <= set(everything)
    # More than there is: each of them once.
    assert len(check_some(folder, 10**9)) == len(everything)


def test_the_command_names_what_is_damaged_and_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTC_HOME", str(folder.parent))
    verify()
    assert "12 files of the journal read" in capsys.readouterr().out
    name = spoil(folder, random.Random(1))
    with pytest.raises(SystemExit) as left:
        verify()
    said = capsys.readouterr()
    assert left.value.code == 1
    assert "1 damaged" in said.out
    assert name in said.err and "copy the file from a backup" in said.err.replace("\n", " ")


def test_a_file_that_the_disk_cannot_read_is_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotten = sorted((folder / "journal" / "draws").iterdir())[2]
    plain = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == rotten:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert damaged(folder) == [f"draws/{rotten.name}"]


def test_a_lost_order_costs_no_row_and_a_lost_segment_may(folder: Path) -> None:
    checked = {one.name.partition("/")[0]: one for one in check_all(folder)}
    assert "no row is missing" in advice(checked["sequence"], folder)
    assert "do not run `ttc warehouse rebuild`" in advice(checked["draws"], folder)


def test_a_note_of_what_was_reached_may_be_anything(folder: Path) -> None:
    (folder / "verified").write_bytes(b"draws/\xff\xfe")
    assert check_some(folder, 1)
    assert (folder / "verified").read_text().count("/") == 1
