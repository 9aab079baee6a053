"""The replication: conclusions from intervals, paired contrasts, and the page of a scripted run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import exchange
from tasks.replication.claims import claims
from tasks.replication.conclusions import above, below, every, factor_conclusion, some, within
from tasks.replication.contrasts import lead, lead_change, policy_lead
from tasks.replication.evidence import Evidence, load_evidence
from tasks.replication.exchange_claims import ahead_somewhere, behind_on_the_hardest
from tasks.replication.report import html
from tasks.statistics.intervals import Estimate
from tasks.statistics.outcomes import Grid, grid_of
from tasks.study.reading import load_study
from warehouse.store import Store

STRATEGIES = ["majority", "best_of_n", "weighted", "beam_search(m=4)", "lookahead(k=1,m=4)"]
REVISIONS = [f"revisions(s={s}){selector}" for s in (1, 2, 4, 8) for selector in ("", "/majority")]


def grid(accuracy: dict[str, list[list[float]]], bins: list[int]) -> Grid:
    """From the accuracy of each strategy by budget (1, 2) and question."""
    rows = [
        {
            "question_id": f"q{i:02}",
            "strategy": strategy,
            "budget": n,
            "accuracy": value,
            "flops": 1.0,
        }
        for strategy, by_budget in accuracy.items()
        for n, values in zip((1, 2), by_budget, strict=False)
        for i, value in enumerate(values)
    ]
    placed = pl.DataFrame({"question_id": [f"q{i:02}" for i in range(len(bins))], "bin": bins})
    return grid_of(pl.DataFrame(rows), placed, costs=("flops",))


@pytest.mark.parametrize(
    ("ends", "up", "down"),
    [
        ((0.1, 0.3), "holds", "does not hold"),
        ((-0.3, -0.1), "does not hold", "holds"),
        ((-0.1, 0.1), "cannot be told", "cannot be told"),
        ((0.0, 0.0), "cannot be told", "cannot be told"),
    ],
)
def test_a_conclusion_needs_the_whole_interval(
    ends: tuple[float, float], up: str, down: str
) -> None:
    measured = Estimate(sum(ends) / 2, *ends)
    assert (above(measured), below(measured)) == (up, down)


def test_two_ways_are_equally_good_only_when_the_interval_lies_inside_the_margin() -> None:
    said = [
        within(Estimate(0, lo, hi), 0.03)
        for lo, hi in ((-0.02, 0.02), (-0.02, 0.05), (-0.2, -0.04))
    ]
    assert said == ["holds", "cannot be told", "does not hold"]


def test_one_failure_decides_all_of_several_and_one_success_one_of_several() -> None:
    assert [
        every(["holds", "does not hold"]),
        every(["holds", "cannot be told"]),
        every(["holds"]),
    ] == [
        "does not hold",
        "cannot be told",
        "holds",
    ]
    assert [
        some(["holds", "does not hold"]),
        some(["does not hold", "cannot be told"]),
        some(["does not hold"]),
    ] == [
        "holds",
        "cannot be told",
        "does not hold",
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(16, 4.0, 3.4, None)], "holds"),
        ([(16, 5.0, 1.9, 8.0)], "cannot be told"),  # the lower end must be above 2
        (
            [(8, 9.0, 8.0, None), (16, 3.0, 2.5, 3.9)],
            "does not hold",
        ),  # a budget of 8 does not count
        ([(16, 3.0, 2.5, None)], "cannot be told"),  # it may be 4 beyond what was measured
        ([(8, 9.0, 8.0, None)], "cannot be told"),
    ],
)
def test_the_saving_is_looked_for_at_budgets_of_16_and_more(
    rows: list[tuple[object, ...]], said: str
) -> None:
    schema = {"budget": pl.Int64, "factor": pl.Float64, "lo": pl.Float64, "hi": pl.Float64}
    assert factor_conclusion(pl.DataFrame(rows, schema=schema, orient="row")) == said


def test_a_lead_is_the_paired_mean_over_budgets_and_bins() -> None:
    # a − b is 0.2 and 0.4 at budgets 1 and 2 in bin 1, 0 and −0.2 in bin 2; 20 questions a bin.
    a = [[0.7] * 20 + [0.5] * 20, [0.9] * 20 + [0.3] * 20]
    whole = grid({"a": a, "b": [[0.5] * 40, [0.5] * 40]}, [1] * 20 + [2] * 20)
    assert lead(whole, "a", "b", budgets=[1, 2], bins=[1]) == pytest.approx((0.3, 0.3, 0.3))
    assert lead(whole, "a", "b", budgets=[1, 2]).value == pytest.approx(0.1)
    assert lead_change(whole, "a", "b", before=[1], after=[2]).value == pytest.approx(0.0)


def test_choosing_among_copies_of_a_strategy_gains_exactly_nothing() -> None:
    values = [list(np.random.default_rng(3).random(40)), [0.5] * 40]
    one = grid({"a": values, "b": values}, [1] * 20 + [2] * 20)
    other = grid({"a": values}, [1] * 40)
    assert policy_lead(one, other) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def exchange_rows(bins: list[tuple[float, float, float, float]]) -> pl.DataFrame:
    """Rows at R = 0.16 from (pass@1, difference, lo, hi) of each bin."""
    columns = ("alone", "difference", "lo", "hi")
    rows = [
        {"bin": i, "small": 0.5, "large": 0.5} | dict(zip(columns, one, strict=True))
        for i, one in enumerate(bins, 1)
    ]
    return pl.DataFrame(rows)


def test_a_bin_that_is_trivial_alone_does_not_count_as_ahead() -> None:
    rows = exchange_rows([(0.97, 0.2, 0.1, 0.3), (0.5, -0.2, -0.3, -0.1), (0.01, -0.5, -0.6, -0.4)])
    assert ahead_somewhere(rows).conclusion == "does not hold"
    assert behind_on_the_hardest(rows).conclusion == "holds"
    assert ahead_somewhere(rows.with_columns(alone=0.5)).conclusion == "holds"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    folder: Path = tmp_path_factory.mktemp("replication") / "w"
    study = small_study(
        budgets=[1, 2, 4, 8, 16],
        strategies=STRATEGIES + REVISIONS,
        revisions={"model": "bundled/congruences-revision"},
        exchange={"model": "bundled/congruences-generator-half"},
    )
    run_id = run_all(folder, study)
    exchange.run(folder, run_id, engines=ScriptedEngines)
    with Store.open(folder) as store:
        yield load_evidence(store, run_id)


def test_every_figure_of_the_paper_has_claims_with_an_interval(evidence: Evidence) -> None:
    found = claims(evidence)
    figures = list(dict.fromkeys(claim.figure for claim in found))
    assert figures == ["search", "search policy", "ratio", "revision policy", "exchange"]
    assert all(re.search(r"\[.+\]|\d", claim.measured) for claim in found)


def test_the_page_shows_the_figures_in_the_papers_order_and_loads_nothing(
    evidence: Evidence,
) -> None:
    page = html(evidence)
    places = [
        page.index(f'id="{slug}"')
        for slug in ("search", "search-policy", "ratio", "revision-policy", "exchange")
    ]
    assert places == sorted(places) and page.index("class='head") < places[0]
    assert page.count("<svg") == 7 and "<script" not in page and " src=" not in page
    assert "NaN" not in page and ">nan" not in page and "None" not in page


def test_a_run_without_revisions_or_larger_model_still_reports(evidence: Evidence) -> None:
    alone = evidence.summary._replace(exchange=evidence.summary.exchange.clear())
    page = html(evidence._replace(summary=alone, revising={}))
    assert page.count("<svg") == 3 and "not measured" in page


def test_the_study_of_the_replication_can_be_turned_down() -> None:
    assert load_study("replicate").budgets[-1] == 256
    small = load_study("replicate", max_budget=8)
    assert (
        small.budgets == (1, 2, 4, 8)
        and "revisions(s=8)" in small.strategies
        and small.exchange is not None
    )
