"""Compaction: fewer segments, the same rows, whoever looks and whenever the loader dies."""

import json
from pathlib import Path

import polars as pl
import pytest
from dying_place import DyingPlace, Killed
from small_run import frame

from warehouse import compaction
from warehouse.journal import REPLACES, Journal
from warehouse.places import appoint
from warehouse.store import Store

SEGMENTS = 5

PLACES = ["folder", pytest.param("s3", marks=pytest.mark.slow)]
"""Each opening of a store takes half a second of work: in a bucket only where time is."""


def bins(question: str, bin: int) -> pl.DataFrame:
    row = {"run_id": "r", "difficulty": "oracle", "question_id": question, "value": 0.5, "bin": bin}
    return frame("bins", [row])


@pytest.fixture
def folder(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse's folder over a journal of five small segments, in two of which is q0."""
    monkeypatch.setattr(compaction, "SMALL_SEGMENTS", SEGMENTS - 1)
    appoint(tmp_path / "w", address)
    journal = Journal.of(tmp_path / "w")
    for number in range(SEGMENTS):
        journal.append("bins", bins(f"q{number % 4}", number))
    return tmp_path / "w"


ROWS = [("q0", 0), ("q1", 1), ("q2", 2), ("q3", 3)]
"""Of q0 the first segment's row, not the last one's."""


def rows(store: Store) -> list[tuple]:
    return store.read("SELECT question_id, bin FROM bins ORDER BY ALL").rows()


def other_index(folder: Path, name: str) -> Path:
    """Another machine's folder over the same journal."""
    appoint(folder.parent / name, Journal.of(folder).place.address)
    return folder.parent / name


def test_small_segments_become_one_and_every_row_stays(folder: Path) -> None:
    with Store.open(folder) as store:
        assert rows(store) == ROWS
        names = store.journal.names()
        assert len(names) == 1
        assert store.read("SELECT name, rows FROM segments").rows() == [(names[0], 4)]
    with Store.rebuild(folder) as store:
        assert rows(store) == ROWS
        assert store.read("SELECT name, rows FROM segments").rows() == [(names[0], 4)]


def test_no_hash_is_lost_however_often_segments_are_put_together(folder: Path) -> None:
    journal = Journal.of(folder)
    former = journal.names()
    Store.open(folder).close()
    for number in range(SEGMENTS):
        former.append(str(journal.append("bins", bins(f"p{number}", 1))))
    Store.open(folder).close()
    (name,) = Journal.of(folder).names()
    segment = Journal.of(folder).read(name)
    assert segment is not None
    assert set(former) < set(segment.replaced)
    # The first one's time: without the agreed order too it stands where its rows stood.
    assert name.rpartition("-")[0] == former[0].rpartition("-")[0]


def test_another_index_that_has_the_rows_adds_none(folder: Path) -> None:
    with Store.open(other_index(folder, "early")) as early:
        # It has put them together itself, in the journal that both share.
        before = rows(early)
        with Store.open(folder) as store:
            assert rows(store) == before
            for number in range(SEGMENTS):
                early.append("bins", bins(f"p{number}", 1))
            assert store.load_new() == SEGMENTS
            assert early.load_new() == 0
            assert rows(early) == rows(store)
            names = store.journal.names()
            for index in (store, early):
                assert index.read("SELECT name FROM segments")["name"].to_list() == names


def test_an_index_that_lags_finds_what_replaced_the_segments(folder: Path) -> None:
    lagging = Store.open(other_index(folder, "lagging"))
    with lagging, Store.open(folder) as store:
        for number in range(SEGMENTS):
            store.append("bins", bins(f"p{number}", 1))
        # Listed, and replaced before they were read.
        stale = lagging.journal.names()
        store.load_new()
        assert not set(stale) & set(store.journal.names())
        assert lagging.load_new() == SEGMENTS
        assert rows(lagging) == rows(store)


@pytest.mark.parametrize("address", PLACES, indirect=True)
# Every third: the campaign kills at all of them, again and again.
@pytest.mark.parametrize("moment", range(1, 2 * (SEGMENTS + 2), 3))
def test_a_kill_at_any_moment_loses_and_doubles_nothing(folder: Path, moment: int) -> None:
    journal = Journal.of(folder)
    journal.names()
    dying = Journal(DyingPlace(journal.place, moment))
    dying.names()
    with pytest.raises(Killed):
        list(compaction.compact(dying))
    with Store.open(other_index(folder, "later")) as later:
        assert rows(later) == ROWS
        with Store.open(folder) as store:
            assert rows(store) == ROWS
        later.load_new()
        assert rows(later) == ROWS
        (name,) = later.journal.names()
        assert list(later.journal.place.sizes("bins")) == [name]
    with Store.rebuild(folder) as store:
        assert rows(store) == ROWS


def test_the_kills_reach_every_step(folder: Path) -> None:
    journal = Journal.of(folder)
    journal.names()
    place = DyingPlace(journal.place, 1_000)
    counted = Journal(place)
    counted.names()
    list(compaction.compact(counted))
    # Before and after: the new segment, its entry in the order, the removal of each former one.
    assert 1_000 - place.left == 2 * (SEGMENTS + 2)


def test_two_loaders_that_compact_at_once_lose_nothing(folder: Path) -> None:
    with Store.open(other_index(folder, "other")) as other:
        for number in range(SEGMENTS):
            other.append("bins", bins(f"p{number}", number))
        first, second = Journal.of(folder), Journal.of(folder)
        first.names()
        second.names()
        groups = compaction.compact(second)
        list(compaction.compact(first))
        assert list(groups) == []
        other.load_new()
        everything = rows(other)
    with Store.open(folder) as store:
        assert rows(store) == everything
        assert len(everything) == 4 + SEGMENTS


def test_a_large_segment_parts_its_neighbours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.of(folder)
    names = journal.names()
    sizes = journal.sizes
    large = pl.concat([bins(f"p{number}", number) for number in range(400)])
    middle = str(journal.append("bins", large))
    late = [str(journal.append("bins", bins(f"q{number}", 9))) for number in range(3, 7)]
    monkeypatch.setattr(compaction, "SMALL_BYTES", max(sizes.values()) + 100)
    with Store.open(folder) as store:
        order = store.journal.names()
        assert len(order) == 3
        assert order[1] == middle
        assert dict(rows(store))["q3"] == 3
    assert not set(names + late) & set(order)


def test_a_group_stays_within_its_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.of(folder)
    journal.names()
    monkeypatch.setattr(compaction, "GROUP_BYTES", 2 * max(journal.sizes.values()))
    groups = [joined.group for joined in compaction.compact(journal)]
    assert [len(group) for group in groups] == [2, 2]


def test_a_group_ends_where_its_rows_fill_the_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.of(folder)
    former = journal.names()
    monkeypatch.setattr(compaction, "GROUP_MEMORY", 2 * bins("q0", 1).estimated_size())
    (joined,) = compaction.compact(journal)
    assert joined.group == former[:2]
    assert journal.names() == [joined.name, *former[2:]]


def test_a_call_takes_no_more_than_its_groups(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.of(folder)
    journal.names()
    monkeypatch.setattr(compaction, "GROUP_BYTES", 2 * max(journal.sizes.values()))
    monkeypatch.setattr(compaction, "GROUPS", 1)
    assert len(list(compaction.compact(journal))) == 1


def test_few_small_segments_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "SMALL_SEGMENTS", SEGMENTS)
    with Store.open(folder) as store:
        assert len(store.journal.names()) == SEGMENTS


def test_a_damaged_one_is_set_aside_and_the_others_are_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal.of(folder)
    names = journal.names()
    content = journal.place.read(names[2])
    journal.place.remove(names[2])
    journal.place.create(names[2], content[:-9])
    assert list(compaction.compact(journal)) == []
    assert "set aside" in capsys.readouterr().err
    assert journal.names() == [name for name in names if name != names[2]]
    with Store.open(folder) as store:
        assert rows(store) == [row for row in ROWS if row[0] != "q2"]


def test_segments_from_before_a_column_was_added_have_its_default(folder: Path) -> None:
    journal = Journal.of(folder)
    for number in range(SEGMENTS):
        answer = {
            "node_key": f"n{number}",
            "benchmark_fingerprint": "b",
            "question_id": "q",
            "grader": f"g{number}",
            "answer": "4",
            "canonical": "4",
            "class": "4",
        }
        one = frame("answers", [answer])
        journal.write("answers", one.drop("grader") if number % 2 else one)
    with Store.open(folder) as store:
        before = store.read("FROM answers ORDER BY ALL").rows()
        assert len([name for name in store.journal.names() if name.startswith("answers")]) == 1
    with Store.rebuild(folder) as store:
        assert store.read("FROM answers ORDER BY ALL").rows() == before
        assert None not in store.read("SELECT grader FROM answers")["grader"].to_list()


def test_what_was_replaced_stands_in_the_parquet_file_itself(folder: Path) -> None:
    with Store.open(folder) as store:
        (name,) = store.journal.names()
        content = store.journal.place.read(name)
    former = json.loads(pl.read_parquet_metadata(content)[REPLACES])
    assert len(former) == SEGMENTS
