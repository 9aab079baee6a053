"""Rows of several tables known at once: killed at any moment, there are all of them or none."""

from pathlib import Path

import polars as pl
import pytest
from dying_place import DyingPlace, Killed
from small_run import frame

from warehouse.door import admit
from warehouse.journal import Journal
from warehouse.places import appoint
from warehouse.sequence import table_of
from warehouse.store import Store

PLACES = ["folder", pytest.param("s3", marks=pytest.mark.slow)]
MOMENTS = 10
"""Before and after: the bundle, its two segments, its removal, their entry in the order."""


def parts() -> dict[str, pl.DataFrame]:
    cell = {"run_id": "r", "strategy": "majority", "budget": 1}
    cells = frame("run_cells", [cell])
    owed = frame("run_questions", [{"run_id": "r", "question_id": "q1"}])
    return {"run_cells": admit("run_cells", cells), "run_questions": admit("run_questions", owed)}


def tables_of(journal: Journal) -> set[str]:
    """Tables of which there are segments, each with its rows."""
    segments = [journal.read(name) for name in journal.names()]
    assert all(segment is not None and len(segment.rows) for segment in segments)
    return {table_of(segment.name) for segment in segments if segment}


@pytest.mark.parametrize("address", PLACES, indirect=True)
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_kill_at_any_moment_leaves_all_tables_or_none(
    address: str, tmp_path: Path, moment: int
) -> None:
    appoint(tmp_path / "w", address)
    journal = Journal.of(tmp_path / "w")
    dying = Journal(DyingPlace(journal.place, moment))
    with pytest.raises(Killed):
        dying.write_together(parts())
    expected = set() if moment == 0 else set(parts())
    assert tables_of(journal) == expected
    # And whoever looks next finds nothing to finish any more.
    assert journal.place.sizes("together") == {}
    assert len(journal.names()) == len(expected)


def test_the_kills_reach_every_step(tmp_path: Path) -> None:
    place = DyingPlace(Journal.of(tmp_path).place, 1_000)
    Journal(place).write_together(parts())
    assert 1_000 - place.left == 10


def test_two_that_take_out_one_bundle_make_each_segment_once(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path)
    with pytest.raises(Killed):
        Journal(DyingPlace(journal.place, 1)).write_together(parts())
    slow = Journal(DyingPlace(journal.place, 3))
    with pytest.raises(Killed):
        slow.names()
    names = journal.names()
    assert sorted(table_of(name) for name in names) == sorted(parts())
    assert Journal.of(tmp_path).names() == names


def test_a_damaged_bundle_is_set_aside_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal.of(tmp_path)
    with pytest.raises(Killed):
        Journal(DyingPlace(journal.place, 1)).write_together(parts())
    (bundle,) = (tmp_path / "journal" / "together").iterdir()
    broken = bytearray(bundle.read_bytes())
    broken[60] ^= 1
    bundle.write_bytes(broken)
    assert journal.names() == []
    assert "set aside" in capsys.readouterr().err
    assert not bundle.exists()


def test_a_store_knows_them_at_once_and_after_a_rebuild(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append_together(parts() | {"bins": frame("bins", [])})
        before = [store.read(f"FROM {table}").rows() for table in parts()]
        assert [len(rows) for rows in before] == [1, 1]
    with Store.rebuild(tmp_path) as store:
        assert [store.read(f"FROM {table}").rows() for table in parts()] == before


def test_rows_that_one_table_refuses_leave_none_of_the_others(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        wrong = parts()["run_questions"].drop("question_id")
        with pytest.raises(ValueError, match="missing"):
            store.append_together(parts() | {"run_questions": wrong})
        assert store.journal.names() == []
