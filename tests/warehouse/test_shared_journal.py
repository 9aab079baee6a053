"""One journal, several writers and several indexes: the same tables, whatever happens when."""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from dying_place import DyingPlace, Killed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_run import frame

from warehouse import compaction
from warehouse.journal import Journal
from warehouse.places import appoint
from warehouse.store import Store

Step = tuple
KEYS = st.lists(st.integers(0, 6), min_size=1, max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 1), KEYS, st.booleans()),
    st.tuples(st.just("append"), st.integers(0, 1), KEYS),
    st.tuples(st.just("load"), st.integers(0, 1)),
    st.tuples(st.just("die"), st.integers(0, 1), st.integers(0, 12)),
)
"""What may happen, at the writer or index of this number; a died index is opened again."""


def bins(keys: list[int], bin: int) -> pl.DataFrame:
    rows = [
        {
            "run_id": "r",
            "difficulty": "oracle",
            "question_id": f"q{key}",
            "value": 0.5,
            "bin": bin,
        }
        for key in dict.fromkeys(keys)
    ]
    return frame("bins", rows)


def padded(keys: list[int], bin: int) -> pl.DataFrame:
    """The same in a segment that is too large for compaction."""
    others = [
        {
            "run_id": f"{bin}-{uuid.uuid4().hex}",
            "difficulty": "oracle",
            "question_id": uuid.uuid4().hex,
            "value": 0.5,
            "bin": 1,
        }
        for _ in range(200)
    ]
    return pl.concat([bins(keys, bin), frame("bins", others)])


class Team:
    """Two writers and two indexes over one journal, and what was said to be written."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address
        self.writers = [Journal.of(self.folder(f"writer-{number}")) for number in range(2)]
        self.indexes = [Store.open(self.folder(f"index-{number}")) for number in range(2)]
        self.written: set[int] = set()
        self.rows = 0

    def folder(self, name: str) -> Path:
        appoint(self.root / name, self.address)
        return self.root / name

    def act(self, step: Step) -> None:
        self.rows += 1
        match step:
            case ("write", writer, keys, large):
                made = padded(keys, self.rows) if large else bins(keys, self.rows)
                self.writers[writer].write("bins", made)
                self.written |= set(keys)
            case ("append", index, keys):
                self.indexes[index].append("bins", bins(keys, self.rows))
                self.written |= set(keys)
            case ("load", index):
                self.indexes[index].load_new()
            case ("die", index, moment):
                self.die(index, moment)

    def die(self, index: int, moment: int) -> None:
        store = self.indexes[index]
        store.journal = Journal(DyingPlace(store.journal.place, moment))
        with suppress(Killed):
            store.load_new()
            store.append("bins", bins([6], self.rows))
        store.close()
        self.indexes[index] = Store.open(self.folder(f"index-{index}"))

    def tables(self) -> Iterator[list[tuple]]:
        """The table of each index, then of one that starts now from the journal alone."""
        for store in [*self.indexes, Store.open(self.folder("fresh"))]:
            # Twice: what the first put together the second has to find.
            store.load_new()
            yield store.read("FROM bins ORDER BY ALL").rows()
            store.close()


def hold(address: str, steps: list[Step]) -> None:
    """All indexes have the same rows: of every key that was written one, and the same one."""
    root = Path(tempfile.mkdtemp())
    try:
        team = Team(root, address)
        for step in steps:
            team.act(step)
        first, *others = team.tables()
        assert all(table == first for table in others)
        keys = [question for run, _, question, *_ in first if run == "r"]
        assert len(keys) == len(set(keys))
        assert {f"q{key}" for key in team.written} <= set(keys)
    finally:
        shutil.rmtree(root)


@pytest.fixture
def fresh_address(address: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Addresses of empty journals of one kind, with segments of which few count as small."""
    monkeypatch.setattr(compaction, "SMALL_SEGMENTS", 2)
    monkeypatch.setattr(compaction, "SMALL_BYTES", 6_000)
    return lambda: f"{address}/{uuid.uuid4().hex}"


def test_a_padded_segment_is_large_and_a_plain_one_small(
    fresh_address: Callable[[], str], tmp_path: Path
) -> None:
    appoint(tmp_path / "w", fresh_address())
    journal = Journal.of(tmp_path / "w")
    small, large = (str(journal.append("bins", make([1], 1))) for make in (bins, padded))
    journal.names()
    assert journal.sizes[small] < compaction.SMALL_BYTES < journal.sizes[large]


PLACES = ["folder", pytest.param("s3", marks=pytest.mark.slow)]
"""Each opening of a store takes half a second of work: in a bucket only where time is."""

FIXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("address", PLACES, indirect=True)
@settings(max_examples=6, suppress_health_check=FIXED)
@given(steps=st.lists(STEPS, min_size=6, max_size=16))
def test_indexes_agree_whatever_happens_when(
    fresh_address: Callable[[], str], steps: list[Step]
) -> None:
    hold(fresh_address(), steps)


@pytest.mark.slow
@settings(max_examples=10, suppress_health_check=FIXED)
@given(steps=st.lists(STEPS, min_size=10, max_size=40))
def test_indexes_agree_after_many_steps(
    fresh_address: Callable[[], str], steps: list[Step]
) -> None:
    hold(fresh_address(), steps)
