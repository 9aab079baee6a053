"""What is said while a stage draws: how much is there, how fast it comes, how long it takes yet."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_runs import ScriptedEngines, small_study

from tasks.asking import progress
from tasks.asking.progress import Telling, reporter, span
from tasks.asking.recording import Standing
from tasks.evaluation import generate
from tasks.runs.opening import open_run
from warehouse.store import Store

NOW = Standing(
    questions=100, entered=14, done=10, drawn=8, tokens=5_000, under_way=256, is_started=True
)


def test_until_an_engine_works_its_start_is_said() -> None:
    waiting = NOW._replace(done=2, tokens=0, is_started=False)
    assert Telling().line(waiting, 7.0) == "generate  2/100 questions  starting the engine"


def test_tokens_a_second_are_there_from_the_first_second_of_an_engine() -> None:
    telling = Telling()
    telling.line(NOW._replace(tokens=0, is_started=False), 0.0)
    telling.line(NOW._replace(tokens=0), 300.0)
    # 1,000 tokens in the 2 seconds since the engine is there; the 300 before are no pace.
    assert "  1,000 tokens  500 tokens/s  " in telling.line(NOW._replace(tokens=1_000), 302.0)


def test_the_rate_is_that_of_the_last_minute() -> None:
    telling = Telling()
    for at in range(0, 601, 2):
        slow = telling.line(NOW._replace(tokens=at * 10), float(at))
    assert "  10 tokens/s  " in slow
    for at in range(602, 701, 2):
        quick = telling.line(NOW._replace(tokens=6_000 + (at - 600) * 50), float(at))
    assert "  50 tokens/s  " in quick


def test_questions_and_the_engines_queue_are_said() -> None:
    line = Telling().line(NOW, 1.0)
    assert line.startswith("generate  10/100 questions  5,000 tokens  ")
    assert "  4 in flight  256 asked" in line


def test_the_time_left_is_of_what_is_left_to_draw() -> None:
    telling = Telling()
    telling.line(NOW._replace(done=2, drawn=0, tokens=0), 100.0)
    # In 50 s 8 questions and half of 4: 5 s each. 90 are left, less half of 4: 88 × 5 s.
    assert telling.line(NOW, 150.0).endswith("  7 min left")


@given(st.integers(1, 9_999), st.integers(0, 10**10), st.integers(0, 99_999), st.floats(1.0, 3e5))
def test_a_line_fits_100_columns(questions: int, tokens: int, asked: int, seconds: float) -> None:
    telling = Telling()
    most = Standing(questions, questions, questions // 2, 1, 0, asked, is_started=True)
    telling.line(most, 0.0)
    told = telling.line(most._replace(tokens=min(tokens, int(seconds * 99_999))), seconds)
    assert len(told) <= 100


def test_before_the_first_new_question_ends_nothing_is_said_of_the_time_left() -> None:
    assert "left" not in Telling().line(NOW._replace(drawn=0), 1.0)


def test_the_end_says_whether_anything_was_drawn() -> None:
    ended = NOW._replace(entered=100, done=100)
    assert Telling().line(ended, 1.0).endswith("  done")
    there = ended._replace(tokens=0, is_started=False)
    assert Telling().line(there, 1.0).endswith("nothing to draw: everything was there")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (130, "2 min"), (5_940, "99 min"), (11_100, "3 h 05 min")],
)
def test_a_span_of_time_is_read_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [40, 100])
def test_a_line_of_a_terminal_is_rewritten_and_never_wider(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stderr", Terminal())
    report = reporter()
    for tokens in (0, 10, 1_000_000):
        report(NOW._replace(tokens=tokens))
    written = sys.stderr.getvalue()  # type: ignore[attr-defined]
    lines = written.split("\r")[1:]
    assert len(lines) == 3 and "\n" not in written
    assert {len(line) for line in lines} == {columns - 1}


def test_a_log_has_the_first_line_the_last_and_one_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: at)
    report = reporter()
    for _ in range(50):
        report(NOW)
        at += 2
    report(NOW._replace(entered=100, done=100))
    # At 0, 30, 60 and 90 s, and the end.
    assert len(capsys.readouterr().err.splitlines()) == 5


def test_a_run_reports_from_its_first_seconds_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.asking.recording.FLUSH_SECONDS", 0.05)
    study = small_study()
    with Store.open(tmp_path) as store:
        run_id = open_run(store, study, study.generator.models[0])
    seen: list[Standing] = []
    generate.run(
        tmp_path,
        run_id,
        engines=lambda run: ScriptedEngines(run, 0.05),
        progress=seen.append,
    )
    assert len(seen) > 3
    assert [one.questions for one in seen] == [20] * len(seen)
    for before, after in pairwise(seen):
        assert before.tokens <= after.tokens and before.done <= after.done <= after.entered
    assert any(one.tokens and one.done == 0 for one in seen), "tokens before a question ended"
    assert any(one.under_way for one in seen)
    assert (seen[-1].done, seen[-1].drawn, seen[-1].under_way) == (20, 20, 0)
    line = Telling().line(seen[-1], 1.0)
    assert re.search(r"20/20 questions  [\d,]+ tokens", line)
