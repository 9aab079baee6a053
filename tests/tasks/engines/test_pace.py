"""Seconds of each model, while several are at work."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_runs import run_all, small_study

from tasks.engines.pace import Clock, generated_a_second, seconds_a_token
from warehouse.store import Store

WRITER: Any = SimpleNamespace(fingerprint="writer")
JUDGE: Any = SimpleNamespace(fingerprint="judge")


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_models_at_work_at_once_share_the_time() -> None:
    time = Time()
    clock = Clock(now=time)
    with clock.time_request(WRITER):
        time.at += 2  # writer alone: 2
        with clock.time_request(JUDGE):
            time.at += 3  # both: 1.5 each
            with clock.time_request(JUDGE):
                time.at += 1  # a second request to the judge changes nothing: .5 each
    time.at += 5  # nobody
    with clock.time_request(JUDGE):
        time.at += 1
    assert dict(clock.seconds) == {"writer": 4.0, "judge": 3.0}  # 7 of the 12 seconds


def test_a_failed_request_ends_too() -> None:
    time = Time()
    clock = Clock(now=time)
    with pytest.raises(RuntimeError), clock.time_request(WRITER):
        time.at += 1
        raise RuntimeError
    time.at += 1
    with clock.time_request(JUDGE):
        time.at += 1
    assert dict(clock.seconds) == {"writer": 1.0, "judge": 1.0}


def test_the_pace_is_of_this_run_or_else_of_the_latest_that_asked_the_model(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert seconds_a_token(store, "one", WRITER) is None
        for run, tokens, seconds in (("one", 100, 1.0), ("one", 300, 1.0), ("two", 100, 4.0)):
            clock = Clock()
            clock.tokens["writer"], clock.seconds["writer"] = tokens, seconds
            clock.write(store, run)
        assert seconds_a_token(store, "one", WRITER) == pytest.approx(2 / 400)
        assert seconds_a_token(store, "two", WRITER) == pytest.approx(0.04)
        assert seconds_a_token(store, "three", WRITER) == pytest.approx(0.04)


def test_a_run_that_only_read_earlier_draws_does_not_lower_the_pace(tmp_path: Path) -> None:
    run_id = run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        model = store.read("SELECT model_fingerprint FROM runs").item()
        before = store.read(
            "SELECT sum(tokens) FROM paces WHERE model_fingerprint = $model", model=model
        )
        tokens, whole = int(before.row(0)[0]), store.read("SELECT sum(seconds) FROM paces").item()
        writer: Any = SimpleNamespace(fingerprint=model)
        assert generated_a_second(store, writer) == pytest.approx(tokens / whole)
        clock = Clock()
        clock.tokens[model], clock.seconds[model] = 3 * tokens, whole
        clock.write(store, run_id)
        assert generated_a_second(store, writer) == pytest.approx(4 * tokens / (2 * whole))
    run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        assert generated_a_second(store, writer) == pytest.approx(4 * tokens / (2 * whole))


def test_a_generators_own_pace_comes_before_a_later_one_of_another(tmp_path: Path) -> None:
    half = "bundled/congruences-generator-half"
    slow, quick = (
        run_all(tmp_path, small_study(questions=10, generator={"models": [model]}), seconds=wait)
        for model, wait in ((half, 0.02), ("bundled/congruences-generator", 0.0))
    )
    with Store.open(tmp_path) as store:
        prints = dict(store.read("SELECT run_id, model_fingerprint FROM runs").iter_rows())
        writers: list[Any] = [SimpleNamespace(fingerprint=prints[run]) for run in (slow, quick)]
        paces = [generated_a_second(store, writer) for writer in writers]
        unknown: Any = SimpleNamespace(fingerprint="never seen")
        assert generated_a_second(store, unknown) == paces[1]
    assert paces[0] and paces[1] and paces[0] < paces[1]


def test_a_model_that_was_not_asked_leaves_no_row(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        Clock().write(store, "one")
        assert store.read("SELECT count(*) FROM paces").item() == 0
