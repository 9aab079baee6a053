"""Budgets in tokens: pools drawn one after the other until the next draw would not fit (§12)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_runs import run_all, small_study

from tasks.asking.completions import GradedCompletion
from tasks.evaluation.token_budgets import ORDERS, DrawnPool, known_tokens
from tasks.publication.axis_policies import axis_tables
from tasks.publication.summary import load_summary
from tasks.statistics.selectors import Candidate
from tasks.strategies import parse
from tasks.study.study import study_from
from warehouse.errors import UserError
from warehouse.store import Store

Drawn = list[tuple[str | None, float, int]]
"""(answer, score, tokens) of each draw; `a` is right."""
DRAWS = st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([0.2, 0.7]), st.integers(1, 9))
KEYS = ["majority", "best_of_n", "weighted", "adaptive(agree=2)", "window(w=2)"]


def pool(draws: Drawn, key: str) -> DrawnPool:
    reads = [
        GradedCompletion(answer, answer, answer == "a", score, 0.0, float(tokens))
        for answer, score, tokens in draws
    ]
    tokens = np.array([tokens for *_, tokens in draws], dtype=float)
    return DrawnPool(parse(key), reads, tokens, seed=5)


def by_hand(draws: Drawn, key: str, budget: int) -> np.ndarray:
    """Accuracy, ended draws, tokens and whether one was cut, of every order: (orders, 4)."""
    strategy = parse(key)
    rule = strategy.stop(len(draws))
    rows: list[tuple[float, float, float, float]] = []
    for order in permutations(draws):
        made: Drawn = []
        left, cut, stopped = budget, False, False
        for draw in order:
            if draw[2] > left:
                cut = True
                break
            made.append(draw)
            left -= draw[2]
            seen = [Candidate(answer, score, float(tokens)) for answer, score, tokens in made]
            stopped = rule is not None and rule.stops_at(seen) is not None
            if stopped:
                break
        right = 0.0
        if made:
            seen = [Candidate(answer, score, float(tokens)) for answer, score, tokens in made]
            right = strategy.choose([seen], len(draws)).credits.get("a", 0.0)
        rows.append((right, len(made), budget if cut else budget - left, float(cut)))
    return np.array(rows)


@pytest.mark.parametrize("key", KEYS)
@settings(max_examples=25, deadline=None)
@given(draws=st.lists(DRAWS, min_size=1, max_size=4), budget=st.integers(1, 40))
def test_small_pools_are_the_mean_over_all_orders(key: str, draws: Drawn, budget: int) -> None:
    found = pool(draws, key).figure(budget)
    accuracy, generations, tokens, cut = by_hand(draws, key, budget).mean(axis=0)
    assert found["accuracy"] == pytest.approx(accuracy, abs=1e-9)
    assert found["mc_error"] == 0.0
    assert (found["generations"], found["cut"]) == (pytest.approx(generations), pytest.approx(cut))
    assert found["generated_tokens"] == pytest.approx(tokens)


@pytest.mark.parametrize("key", KEYS)
@settings(max_examples=8, deadline=None)
@given(draws=st.lists(DRAWS, min_size=6, max_size=6), budget=st.integers(1, 50))
def test_larger_pools_are_so_within_the_error_that_is_stated(
    key: str, draws: Drawn, budget: int
) -> None:
    found = pool(draws, key).figure(budget)
    every = by_hand(draws, key, budget)
    error = every.std(axis=0) / math.sqrt(ORDERS)
    assert abs(found["accuracy"] - every[:, 0].mean()) <= 5 * error[0] + 1e-9
    assert abs(found["generated_tokens"] - every[:, 2].mean()) <= 5 * error[2] + 1e-9
    assert found["mc_error"] <= 3 * error[0] + 0.05


def test_a_draw_in_flight_at_the_budget_counts_as_cut_and_is_paid_for() -> None:
    # 5 + 5 tokens of a budget of 8: the second draw is cut, whichever it is. One of two is right.
    found = pool([("a", 0.9, 5), ("b", 0.1, 5)], "majority").figure(8)
    expected = {"accuracy": 0.5, "generations": 1.0, "generated_tokens": 8.0, "cut": 1.0}
    assert found == expected | {"mc_error": 0.0}


def test_where_nothing_fits_nothing_is_right() -> None:
    found = pool([("a", 0.9, 5), ("a", 0.1, 7)], "weighted").figure(4)
    assert (found["accuracy"], found["generations"], found["cut"]) == (0.0, 0.0, 1.0)
    assert found["generated_tokens"] == 4.0


def test_draws_of_one_length_are_majoritys_exact_form() -> None:
    # 5 of 8 draws are right, all of 10 tokens: 35 tokens are three draws. Majority of three:
    # C(5,3)/C(8,3) + C(5,2)·3/C(8,3) = (10 + 30) / 56.
    draws: Drawn = [("a", 0.5, 10)] * 5 + [("b", 0.5, 10)] * 3
    found = pool(draws, "majority").figure(35)
    assert found["accuracy"] == pytest.approx(40 / 56)
    assert found["mc_error"] == 0.0


BUDGETS = (12, 40, 400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with budgets in generations, and one of the same draws with budgets in tokens too."""
    folder = tmp_path_factory.mktemp("tokens") / "w"
    strategies = ["majority", "weighted", "adaptive(agree=2)", "beam_search(m=4)"]
    generations = [1, 2, 4, 8]
    run_all(folder, small_study(name="plain", strategies=strategies))
    budgets = {"generations": generations, "tokens": list(BUDGETS)}
    run_all(folder, small_study(name="capped", strategies=strategies, budgets=budgets))
    return folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder) as store:
        yield store


def test_a_study_of_token_budgets_draws_nothing_more(store: Store) -> None:
    runs = store.read("SELECT DISTINCT study FROM draws JOIN runs USING (run_id)")
    assert runs["study"].to_list() == ["plain"]
    rows = store.read(
        "SELECT strategy, token_budget, count(*) FROM token_outcomes JOIN runs USING (run_id) "
        "WHERE study = 'capped' GROUP BY ALL ORDER BY ALL"
    ).rows()
    keys = ["adaptive(agree=2)", "majority", "weighted"]
    assert rows == [(key, budget, 20) for key in keys for budget in BUDGETS]
    assert store.read("SELECT count(DISTINCT run_id) FROM token_outcomes").item() == 1


def test_no_question_costs_more_than_its_budget_and_all_fits_a_large_one(store: Store) -> None:
    found = store.read(
        "SELECT token_budget, max(generated_tokens), max(cut), avg(accuracy) FROM token_outcomes "
        "WHERE strategy = 'majority' GROUP BY ALL ORDER BY ALL"
    ).rows()
    for budget, tokens, _, _ in found:
        assert tokens <= budget
    # 400 tokens are more than all 8 draws have: majority of the whole pool.
    whole = store.read(
        "SELECT avg(accuracy) FROM outcomes JOIN runs USING (run_id) "
        "WHERE study = 'capped' AND strategy = 'majority' AND budget = 8"
    ).item()
    assert found[-1][2] == 0.0
    assert found[-1][3] == pytest.approx(whole)


def test_the_policy_at_token_budgets_names_what_fits(store: Store) -> None:
    cells = store.read(
        "SELECT level, at_most, cost, strategy, budget FROM cost_policies "
        "WHERE axis = 'token_budgets' AND difficulty = 'oracle' ORDER BY ALL"
    )
    assert set(cells["at_most"]) == set(map(float, BUDGETS[1:])) | (
        {12.0} if 0 in cells["level"].to_list() else set()
    )
    assert (cells["cost"] <= cells["at_most"] * (1 + 1e-9)).all()
    # Of the baseline at one budget no factor can be read off.
    factors = "SELECT count(*), count(factor) FROM cost_curves WHERE axis = 'token_budgets'"
    curves, known = store.read(factors).row(0)
    assert curves
    assert known == 0
    run_id = store.read("SELECT run_id FROM runs WHERE study = 'capped'").item()
    tables = {one.axis: one for one in axis_tables(load_summary(store, run_id))}
    assert "token_budgets" in tables
    assert tables["token_budgets"].title.startswith("Policy by token budget")
    view = store.read("SELECT strategy, token_budget, accuracy, lo, hi FROM accuracy_at_tokens")
    assert len(view) == 9
    assert ((view["lo"] <= view["accuracy"]) & (view["accuracy"] <= view["hi"])).all()


def test_budgets_of_a_study_in_tokens_are_read_stored_and_refused() -> None:
    study = study_from({"name": "s", "budgets": {"tokens": [2_000, 8_000]}})
    assert (study.budgets, study.token_budgets) == ((1, 2, 4, 8, 16), (2_000, 8_000))
    assert study.digest() != study_from({"name": "s"}).digest()
    wrong = [
        ({"words": [1]}, "expected budgets as a list of generations.*words"),
        ({}, "nothing in it"),
        ({"tokens": [8, 4]}, "budgets must rise strictly"),
        ({"generations": [4, 2], "tokens": [8]}, "budgets must rise strictly"),
    ]
    for budgets, words in wrong:
        with pytest.raises(UserError, match=words):
            study_from({"name": "s", "budgets": budgets})


def test_tokens_that_nobody_told_are_refused_where_budgets_are_in_tokens() -> None:
    with pytest.raises(UserError, match="expected token counts of all draws"):
        known_tokens([3.0, math.nan])
