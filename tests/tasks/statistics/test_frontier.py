"""A pair's frontier against each of two alone: what is for sale, what is saved, and when not."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from tasks.statistics.cascade.frontier import frontier, savings

COUNT = 200


def rows(strategy: str, cells: dict[int, tuple[float, float]]) -> list[dict[str, object]]:
    """Accuracy and cost by budget; of accuracy 0.8 every fifth question is wrong."""
    made: list[dict[str, object]] = []
    for budget, (accuracy, cost) in cells.items():
        for number in range(COUNT):
            # Spread evenly, so that both folds have about as many.
            right = (number * 7 % COUNT) / COUNT < accuracy
            one = {"question_id": f"q{number:03}", "strategy": strategy, "budget": budget}
            made.append(one | {"accuracy": float(right), "cost": cost})
    return made


# The small model ends at 0.7; the larger one reaches 0.8 for 8 and 0.9 for 32; the pair 0.8 for 4.
SMALL = rows("small", {1: (0.5, 1.0), 4: (0.7, 4.0), 16: (0.7, 16.0)})
LARGE = rows("large", {1: (0.8, 8.0), 4: (0.9, 32.0)})
PAIR = rows("pair", {8: (0.8, 4.0)})
OUTCOMES = pl.DataFrame([*SMALL, *LARGE, *PAIR])


def against(alone: str, outcomes: pl.DataFrame = OUTCOMES, pair: tuple[str, ...] = ("pair",)):
    return frontier(outcomes, pair=pair, alone=alone, unit=1.0, resamples=400)


def test_what_the_pair_saves_by_hand() -> None:
    curve = against("large")
    # The one cell of the pair costs 4, the second doubling; 0.8 costs the larger model 8.
    assert curve["level"].to_list() == [2]
    assert curve.row(0, named=True)["accuracy"] == pytest.approx(0.8)
    assert curve.row(0, named=True)["factor"] == pytest.approx(2.0)
    (both,) = savings([curve, against("small")])
    # Half of it is saved; the small model alone never gets there, whose 16 are 4 times as much.
    assert (both.cost, both.share) == (pytest.approx(4.0), pytest.approx(0.5))


def test_the_rival_is_not_for_sale() -> None:
    # Within 32 the larger model is best, and the pair has nothing but its own cell.
    dear = pl.DataFrame([*LARGE, *rows("pair", {8: (0.8, 4.0), 16: (0.6, 32.0)})])
    curve = against("large", dear)
    assert curve["level"].to_list() == [2, 3, 4, 5]
    assert curve["accuracy"].to_list() == [pytest.approx(0.8)] * 4


def test_an_end_that_is_unknown_is_no_saving() -> None:
    # The larger model is right more often at its cheapest already: there is no lower end.
    worse = pl.DataFrame([*LARGE, *rows("pair", {8: (0.6, 7.0)})])
    (one,) = savings([against("large", worse)])
    assert one.lo == -math.inf
    assert not one.is_sure


def test_a_saving_within_noise_is_not_sure() -> None:
    rng = np.random.default_rng(1)
    right = rng.random((3, COUNT))
    made: list[dict[str, object]] = []
    # All as good as each other for the same cost: a factor of 1 but for chance.
    for name, budget, row in (("large", 1, 0), ("pair", 8, 1), ("small", 1, 2)):
        for number in range(COUNT):
            one = {"question_id": f"q{number:03}", "strategy": name, "budget": budget}
            made.append(one | {"accuracy": float(right[row, number] < 0.7), "cost": 4.0})
    outcomes = pl.DataFrame(made)
    (one,) = savings([against("large", outcomes), against("small", outcomes)])
    assert not one.is_sure


def test_the_threshold_is_judged_on_questions_it_was_not_chosen_on() -> None:
    """Thresholds that differ by noise alone: the best of many looks better than it is."""
    rng = np.random.default_rng(3)
    names = [f"pair{number}" for number in range(30)]
    made = [*LARGE]
    for name in names:
        right = rng.random(COUNT) < 0.5
        for number in range(COUNT):
            one = {"question_id": f"q{number:03}", "strategy": name, "budget": 8}
            made.append(one | {"accuracy": float(right[number]), "cost": 4.0})
    outcomes = pl.DataFrame(made)
    best = outcomes.group_by("strategy").agg(pl.col("accuracy").mean())
    flattering = best.filter(pl.col("strategy").is_in(names))["accuracy"].max()
    curve = against("large", outcomes, tuple(names))
    honest = curve["accuracy"][0]
    assert isinstance(flattering, float)
    assert honest < flattering - 0.02
    assert curve["lo"][0] < 0.5 < curve["hi"][0]
