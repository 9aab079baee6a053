"""Segments that somebody copies into a journal while it is read; files set aside that pile up."""

import shutil
import threading
import time
from pathlib import Path

import pytest
from small_run import plain_draws

from warehouse import folder
from warehouse.database import KEPT_ASIDE
from warehouse.journal import Journal
from warehouse.store import Store


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """A segment of another journal."""
    name = Journal.of(tmp_path / "other").append("draws", plain_draws(*range(40)))
    assert name is not None
    return tmp_path / "other" / "journal" / name


def copy_slowly(source: Path, target: Path, pause: float) -> threading.Thread:
    """Copies in place, as cp does, with pauses; begun when this returns."""
    begun = threading.Event()

    def copy() -> None:
        content = source.read_bytes()
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for start in range(0, len(content), len(content) // 4):
                file.write(content[start : start + len(content) // 4])
                file.flush()
                begun.set()
                time.sleep(pause)

    thread = threading.Thread(target=copy)
    thread.start()
    assert begun.wait(10)
    return thread


def count(store: Store) -> int:
    return store.read("SELECT count(*) FROM draws").item()


def test_a_file_that_still_grows_is_waited_for(tmp_path: Path, segment: Path) -> None:
    target = tmp_path / "mine" / "journal" / "draws" / segment.name
    with Store.open(tmp_path / "mine") as store:
        copying = copy_slowly(segment, target, 0.1)
        store.load_new()
        assert count(store) == 40
        assert store.damaged == []
    copying.join()


def test_what_was_set_aside_while_it_was_copied_comes_back(
    tmp_path: Path,
    segment: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(folder, "SETTLED_SECONDS", 0.02)
    target = tmp_path / "mine" / "journal" / "draws" / segment.name
    with Store.open(tmp_path / "mine") as store:
        copying = copy_slowly(segment, target, 0.5)
        store.load_new()
        assert store.damaged == [f"draws/{segment.name}"]
    copying.join()
    with Store.open(tmp_path / "mine") as store:
        assert count(store) == 40
    assert "is whole now and back in the journal" in capsys.readouterr().err
    assert not list((tmp_path / "mine" / "journal" / "damaged").glob("*/*"))


def test_what_is_damaged_for_good_stays_aside(tmp_path: Path, segment: Path) -> None:
    target = tmp_path / "mine" / "journal" / "draws" / segment.name
    target.parent.mkdir(parents=True)
    target.write_bytes(segment.read_bytes()[:-1])
    for _ in range(2):
        with Store.open(tmp_path / "mine") as store:
            assert count(store) == 0
    assert [file.name for file in tmp_path.glob("mine/journal/damaged/*/*")] == [segment.name]
    # A whole copy beside it is read, and the other stays where it is.
    shutil.copy(segment, target)
    with Store.open(tmp_path / "mine") as store:
        assert count(store) == 40


def test_databases_that_were_set_aside_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(KEPT_ASIDE + 3):
        for why in ("damaged", "before-rebuild"):
            stamp = f"2026110{number}T000000.000000Z"
            (tmp_path / f"warehouse.duckdb.{why}-{stamp}").write_bytes(b"old")
            (tmp_path / f"large.duckdb.wal.{why}-{stamp}").write_bytes(b"old")
    Store.open(tmp_path).close()
    left = sorted(file.name for file in tmp_path.glob("*-2026*"))
    assert len(left) == 4 * KEPT_ASIDE
    assert all(stamp in "34" for stamp in (name.rpartition("-2026110")[2][0] for name in left))
