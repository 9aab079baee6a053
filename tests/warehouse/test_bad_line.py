"""A journal in a bucket behind a bad line: said in one sentence, or no matter at all."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from flaky_store import Line, between
from small_run import frame

from warehouse.errors import UserError
from warehouse.journal import Journal
from warehouse.places import appoint

Said = TypeVar("Said")


@pytest.fixture
def line(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """The line that `tmp_path`'s journal in an empty bucket has from now on."""
    with between(os.environ["AWS_ENDPOINT_URL"]) as (endpoint, line):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        appoint(tmp_path, bucket)
        yield line


def write(journal: Journal) -> str:
    """The name of a new segment of one row."""
    row = {"run_id": "r", "difficulty": "oracle", "question_id": "q", "value": 0.5, "bin": 1}
    return str(journal.append("bins", frame("bins", [row])))


def insist(ask: Callable[[], Said]) -> Said:
    """What is answered in the end, however often it is refused before."""
    for _ in range(20):
        with suppress(UserError):
            return ask()
    raise AssertionError("twenty times refused")


def test_who_may_not_enter_is_told_so(line: Line, tmp_path: Path) -> None:
    line.denied = True
    journal = Journal.of(tmp_path)
    said = r"got: AccessDenied \(Access Denied\)\. See that the bucket is there and may be read"
    with pytest.raises(UserError, match=said):
        journal.names()
    with pytest.raises(UserError, match=said):
        write(journal)


def test_a_busy_store_is_asked_again(line: Line, tmp_path: Path) -> None:
    line.busy = 0.3
    journal = Journal.of(tmp_path)
    for _ in range(20):
        write(journal)
    assert len(journal.names()) == 20
    assert line.met["busy"] > 0


def test_replies_that_are_lost_lose_no_segment_and_no_place(line: Line, tmp_path: Path) -> None:
    line.lost = 0.1
    journals = [Journal.of(tmp_path) for _ in range(3)]

    def work(journal: Journal) -> list[str]:
        names: list[str] = []
        for _ in range(8):
            names.append(insist(lambda: write(journal)))
            insist(journal.names)
        return names

    with ThreadPoolExecutor(3) as pool:
        written = [name for names in pool.map(work, journals) for name in names]
    line.lost = 0.0
    orders = [journal.names() for journal in [*journals, Journal.of(tmp_path)]]
    assert all(order == orders[0] for order in orders)
    counts = Counter(orders[0])
    assert set(written) <= counts.keys()
    assert set(counts.values()) == {1}
    assert line.met["lost"] > 0
