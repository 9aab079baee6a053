"""Strategies of files judged on stored draws: what a run of them would have found, or what lacks.

No model is asked: a run is made with a scripted engine, then its warehouse alone is read.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from own_files import EVERY_KIND, one_function
from scripted_runs import run_all, small_study

from tasks.evaluation.arena import replay_strategies
from tasks.evaluation.arena_figures import load_baselines, report
from tasks.statistics.axes import COST_COLUMNS
from tasks.study.reading import load_study
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

STRATEGIES = ["majority", "weighted", "adaptive(agree=2)", "beam_search(m=4)", "revisions(s=2)"]
BUDGETS = [2, 4, 8]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the file of every kind of strategy, and a run that knows none of them."""
    folder = tmp_path_factory.mktemp("arena")
    (folder / "mine.py").write_text(EVERY_KIND, encoding="utf-8")
    study = small_study(
        questions=12, budgets=BUDGETS, strategies=STRATEGIES, revisions={}, difficulty_draws=4
    )
    return folder, run_all(folder / "w", study)


def replayed(home: tuple[Path, str], *texts: str):
    folder, run_id = home
    return replay_strategies(Snapshot(folder / "w"), run_id, texts, folder)


def stored(home: tuple[Path, str], sql: str) -> pl.DataFrame:
    with Store.open(home[0] / "w") as store:
        return store.read(sql)


def test_a_rule_that_the_run_measured_has_the_figures_of_the_run(home) -> None:
    mine = replayed(home, "mine.py:settled(agree=2)")
    theirs = stored(home, "SELECT * FROM outcomes WHERE strategy = 'adaptive(agree=2)'")
    both = mine.outcomes.join(theirs, on=("question_id", "budget"), suffix="_of_run")
    assert len(both) == 12 * len(BUDGETS) and not mine.missing
    # Up to its earliest stop the product's rule is majority, which is exact.
    sampled = both.filter(pl.col("budget") > 2)
    for name in ("accuracy", "generations", "no_answer", "truncated"):
        gaps = (sampled[name] - sampled[f"{name}_of_run"]).abs()
        assert gaps.max() < 1e-9, name


def test_what_a_run_of_it_would_find_is_what_its_replay_finds(home, tmp_path: Path) -> None:
    folder, run_id = home
    (tmp_path / "mine.py").write_text(EVERY_KIND, encoding="utf-8")
    names = ["settled", "good_enough", "half", "chains"]
    listed = ", ".join(f'"mine.py:{name}"' for name in names)
    (tmp_path / "own.toml").write_text(
        f"questions = 12\nbudgets = {BUDGETS}\ndifficulty_draws = 4\nbaseline = 'majority'\n"
        f"strategies = ['majority', 'revisions(s=2)', {listed}]\n[verifier]\n[revisions]\n",
        encoding="utf-8",
    )
    own_id = run_all(folder / "w", load_study(tmp_path / "own.toml"))
    mine = replayed(home, *(f"mine.py:{name}" for name in names))
    assert not mine.missing
    theirs = stored(home, f"SELECT * FROM run_outcomes WHERE run_id = '{own_id}'")
    cells = ["question_id", "strategy", "budget"]
    both = mine.outcomes.join(theirs, on=cells, suffix="_of_run")
    assert len(both) == len(mine.outcomes) == 12 * len(BUDGETS) * len(names)
    # Seconds are each run's own.
    for name in ("accuracy", *(one for one in COST_COLUMNS if "seconds" not in one)):
        gaps = (both[name].fill_nan(None) - both[f"{name}_of_run"]).abs()
        assert not gaps.len() or (gaps.max() or 0.0) < 1e-6, name
    assert run_id != own_id


def test_questions_that_lack_draws_are_told_and_are_in_no_figure(home) -> None:
    # The run drew 8 first steps of a question for its search, and went on from two of them.
    source = one_function(
        "nodes = await tools.next_steps(tools.root, tools.budget)\n"
        "while nodes[-1].extendable:\n"
        "    nodes = await tools.next_steps(nodes[-1], 1)\n"
        "return nodes",
        "@search(steps=True)",
    )
    (home[0] / "last.py").write_text(source, encoding="utf-8")
    found = replayed(home, "last.py:f")
    known = set(map(tuple, found.outcomes.select("question_id", "budget").iter_rows()))
    missing = {(one.question_id, one.budget) for one in found.missing}
    assert missing and known and not known & missing
    assert len(known | missing) == 12 * len(BUDGETS)
    baselines = load_baselines(Snapshot(home[0] / "w"), found, ())
    judged = report(found, baselines)
    for figure in judged.figures:
        assert figure.questions + figure.missing == 12
    for gap in judged.gaps:
        (figure,) = [one for one in judged.figures if one.budget == gap.budget]
        assert gap.questions == figure.questions


def test_figures_are_means_and_differences_are_paired(home) -> None:
    found = replayed(home, "mine.py:half")
    judged = report(found, load_baselines(Snapshot(home[0] / "w"), found, ["weighted"]))
    theirs = stored(home, f"SELECT * FROM outcomes WHERE run_id = '{home[1]}'")
    for figure, gap in zip(judged.figures, judged.gaps, strict=True):
        mine = found.outcomes.filter(pl.col("budget") == figure.budget)
        other = theirs.filter(pl.col("budget") == figure.budget, pl.col("strategy") == "weighted")
        assert figure.accuracy.value == pytest.approx(mine["accuracy"].mean())
        assert figure.accuracy.lo <= figure.accuracy.value <= figure.accuracy.hi
        assert figure.costs["generated_tokens"] == pytest.approx(mine["generated_tokens"].mean())
        wanted = mine["accuracy"].mean() - other["accuracy"].mean()
        assert gap.difference.estimate.value == pytest.approx(wanted)
        ratio = mine["generated_tokens"].mean() / other["generated_tokens"].mean()
        assert gap.costs["generated_tokens"] == pytest.approx(ratio)
        assert gap.costs["money"] is None


def test_baselines_are_those_of_the_run_and_others_are_refused(home) -> None:
    found = replayed(home, "mine.py:half")
    reader = Snapshot(home[0] / "w")
    usual = load_baselines(reader, found, ())
    assert sorted(usual["strategy"].unique()) == ["majority", "weighted"]
    with pytest.raises(UserError, match=r"expected baselines among what run .* got 'rebase'"):
        load_baselines(reader, found, ["rebase"])


def test_what_overspends_is_told_with_how_many_questions(home) -> None:
    for head in ("@pool", "@search"):
        source = one_function("return await tools.completions(tools.budget + 1)", head)
        (home[0] / "wrong.py").write_text(source, encoding="utf-8")
        with pytest.raises(UserError) as raised:
            replayed(home, "wrong.py:f")
        assert re.search(
            r"wrong.py:5: f asked for \d generations and was stopped", str(raised.value)
        )
        assert "on 12 of 12 questions); ask for at most tools.budget" in str(raised.value)


def test_what_no_search_ended_with_is_graded_now(home) -> None:
    # A search that ends with the pool's completions has its accuracy at every budget.
    source = one_function("return (await tools.completions(tools.budget))[-1:]", "@search")
    (home[0] / "one.py").write_text(source, encoding="utf-8")
    found = replayed(home, "one.py:f")
    stored_before = len(stored(home, "SELECT * FROM answers"))
    assert len(found.outcomes) == 12 * len(BUDGETS)
    assert set(found.outcomes["accuracy"]) == {0.0, 1.0}
    assert len(stored(home, "SELECT * FROM answers")) == stored_before


def test_the_pace_counts_every_order_of_a_pool(home) -> None:
    found = replayed(home, "mine.py:settled", "mine.py:half")
    # Twelve questions at three budgets: 64 orders of the pool, and one run of the search.
    assert found.replays == 12 * 3 * (64 + 1)
    assert found.seconds > 0


def test_an_arm_that_was_not_drawn_lacks_all_questions(home) -> None:
    found = replayed(home, "mine.py:settled@T=0.5")
    assert not len(found.outcomes)
    assert len(found.missing) == 12 * len(BUDGETS)
    (key,) = found.run.study.strategies
    assert key.endswith(":settled(agree=3)@T=0.5")
    judged = report(found, load_baselines(Snapshot(home[0] / "w"), found, ()))
    assert [figure.missing for figure in judged.figures] == [12] * len(BUDGETS)
    assert not judged.gaps
