"""What engines have been asked for: counted while it is under way, and how far it has come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tasks.engines.load import Load

WRITER: Any = SimpleNamespace(fingerprint="writer")


class Pen:
    """An engine that tells how far it is."""

    written_tokens = 7


def test_what_is_asked_counts_until_it_is_answered() -> None:
    load = Load({"writer": 4})
    with load.asking(WRITER, 5) as asking:
        assert load.total == 5 and load.is_full
        asking.answer(2)
        assert load.total == 3 and not load.is_full
    # What failed is not under way any more.
    assert load.total == 0


def test_a_request_that_fails_is_not_under_way() -> None:
    load = Load()
    with pytest.raises(RuntimeError), load.asking(WRITER, 5):
        raise RuntimeError
    assert load.total == 0


def test_tokens_under_way_are_those_of_every_engine_that_tells_each_once() -> None:
    load = Load()
    assert (load.is_started, load.written_tokens) == (False, 0)
    # A verifier tells nothing.
    load.note_start(object())
    assert (load.is_started, load.written_tokens) == (True, 0)
    one, other = Pen(), Pen()
    for engine in (one, one, other):
        load.note_start(engine)
    assert load.written_tokens == 14
