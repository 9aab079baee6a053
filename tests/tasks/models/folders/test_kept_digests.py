"""Digests of files: read once, read anew when the file is another, right whatever was kept."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from tasks.models.folders import kept
from tasks.models.folders.kept import digest, reread
from warehouse.disks.seals import seal, unseal


def truth(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that stands still, which a new one does not for two seconds."""
    monkeypatch.setattr(kept, "_UNSETTLED", 0.0)
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def reads(monkeypatch):
    """Paths whose bytes were read, in order."""
    seen: list[Path] = []
    read = kept._read

    def count(path, before):
        seen.append(path)
        return read(path, before)

    monkeypatch.setattr(kept, "_read", count)
    return seen


def entries(home: Path) -> list[Path]:
    return sorted((home / "digests").iterdir())


def test_a_file_is_read_once(file, reads):
    assert [digest(file) for _ in range(3)] == [truth(file)] * 3
    assert reads == [file]


def test_another_process_does_not_read_it_again(file, home):
    digest(file)
    (entry,) = entries(home)
    before = entry.stat().st_mtime_ns
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(digest, (file,)) == truth(file)
    assert entry.stat().st_mtime_ns == before


def write_other(path: Path) -> None:
    path.write_bytes(b"WEIGHTS")


def grow(path: Path) -> None:
    path.write_bytes(b"weights and more")


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(b"WEIGHTS")
    other.replace(path)


def write_and_set_the_time_back(path: Path) -> None:
    facts = path.stat()
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("change", [write_other, grow, replace, write_and_set_the_time_back])
def test_a_changed_file_is_read_anew(file, reads, change):
    before = digest(file)
    time.sleep(0.02)  # a tick of the file system's clock
    change(file)
    assert digest(file) == truth(file) != before
    assert len(reads) == 2


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"sha256": "00"}', '{"sha256": "zz", "path": "a"}', "\x00\xff"],
)
def test_an_entry_that_cannot_be_read_is_as_none(file, home, reads, content):
    digest(file)
    (entry,) = entries(home)
    entry.write_text(content, encoding="latin-1")
    assert digest(file) == truth(file)
    assert len(reads) == 2
    assert unseal(entry.read_bytes())["sha256"] == truth(file).hex()


def test_an_entry_with_a_digest_cut_short_is_as_none(file, home):
    digest(file)
    (entry,) = entries(home)
    held = unseal(entry.read_bytes())
    entry.write_bytes(seal(held | {"sha256": held["sha256"][:-2]}))
    assert digest(file) == truth(file)


def test_an_entry_in_which_a_bit_has_turned_is_as_none(file, home):
    # Else the same weights would be another model from then on, drawn from anew.
    digest(file)
    (entry,) = entries(home)
    written = entry.read_bytes()
    digit = truth(file).hex()[-1].encode()
    other = b"0" if digit != b"0" else b"1"
    entry.write_bytes(
        written.replace(truth(file).hex().encode(), truth(file).hex()[:-1].encode() + other)
    )
    assert digest(file) == truth(file)


def test_a_file_that_changed_a_moment_ago_is_not_kept(tmp_path, home):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    assert digest(path) == truth(path)
    assert not (home / "digests").exists()


def _digest_often(path: Path) -> int:
    # As the fixture has it in the process that starts this one.
    kept._UNSETTLED = 0.0
    return sum(digest(path) == truth(path) for _ in range(60))


def test_many_processes_at_once_agree_and_leave_one_whole_entry(file, home):
    # Not forked: a copy of this process, which has threads, may wait for one of them for ever.
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_digest_often, [file] * 4) == [60] * 4
    (entry,) = entries(home)
    assert unseal(entry.read_bytes())["sha256"] == truth(file).hex()


def test_reading_again_tells_what_differs(tmp_path, monkeypatch, home):
    monkeypatch.setattr(kept, "_UNSETTLED", 0.0)
    paths = [tmp_path / name for name in ("same", "changed", "damaged", "gone")]
    for path in paths:
        path.write_bytes(path.name.encode())
        digest(path)
    paths[1].write_bytes(b"another")
    paths[3].unlink()
    # Bytes that rot on the disk change no time: here it is the kept digest that is another.
    held = {entry: unseal(entry.read_bytes()) for entry in entries(home)}
    rotten = next(entry for entry, one in held.items() if one["path"].endswith("damaged"))
    rotten.write_bytes(seal(held[rotten] | {"sha256": "ab" * 32}))
    states = {path.name: path.name for path in paths}
    assert {one.path.name: one.state for one in reread()} == states
    # From now on what is there now is what is known.
    assert {one.path.name: one.state for one in reread()} == dict.fromkeys(
        ("same", "changed", "damaged"), "same"
    )
