"""What a replay says of a strategy: accuracy and costs, and how far it is from the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from tasks.evaluation.arena import Replayed
from tasks.statistics.axes import COST_COLUMNS
from tasks.statistics.comparisons import Difference, paired_difference
from tasks.statistics.intervals import Estimate, groups_of, mean_accuracy
from warehouse.errors import UserError
from warehouse.reader import Reader


class Figure(NamedTuple):
    """A strategy at one budget: means over the questions that it was replayed on."""

    strategy: str
    budget: int
    questions: int
    missing: int
    """Questions on which it asked for draws that are not stored; they are in no figure."""
    accuracy: Estimate
    mc_error: float
    """Standard error of averaging over orders; 0 where a single run of it decides."""
    costs: dict[str, float | None]
    """By column of table `outcomes`; None: unknown."""


class Gap(NamedTuple):
    """A strategy less a baseline at one budget, on the questions that both have."""

    strategy: str
    budget: int
    baseline: str
    questions: int
    difference: Difference
    costs: dict[str, float | None]
    """Of the strategy by the baseline's, by column; None: unknown, or the baseline's is 0."""


class Report(NamedTuple):
    """All of a replay: a line a strategy and budget, and a line a baseline beside it."""

    figures: list[Figure]
    gaps: list[Gap]


def load_baselines(reader: Reader, replayed: Replayed, names: Sequence[str]) -> pl.DataFrame:
    """Outcomes of the run's own strategies of these names; none: its baseline and majority.

    UserError for one that the run has not measured.
    """
    measured = reader.read(
        "SELECT * FROM run_outcomes WHERE run_id = $run_id", run_id=replayed.run.run_id
    )
    known = sorted(measured["strategy"].unique())
    usual = [name for name in dict.fromkeys((replayed.baseline, "majority")) if name in known]
    wanted = list(names) or usual
    for name in wanted:
        if name not in known:
            raise UserError(
                f"replay: expected baselines among what run {replayed.run.run_id} measured "
                f"({', '.join(known)}), got {name!r}; name one of these"
            )
    return measured.filter(pl.col("strategy").is_in(wanted))


def report(replayed: Replayed, baselines: pl.DataFrame) -> Report:
    """Figures of every strategy at every budget, and its paired differences to the baselines."""
    figures: list[Figure] = []
    gaps: list[Gap] = []
    belongs = _groups(replayed)
    for strategy, budget in _cells(replayed):
        mine = _at(replayed.outcomes, strategy, budget)
        missing = sum(one[:2] == (strategy, budget) for one in replayed.missing)
        if not len(mine):
            nothing = Estimate(float("nan"), float("nan"), float("nan"))
            figures.append(Figure(strategy, budget, 0, missing, nothing, float("nan"), {}))
            continue
        figures.append(_figure(mine, strategy, budget, missing, belongs))
        for baseline in baselines["strategy"].unique(maintain_order=True).sort():
            other = _at(baselines, baseline, budget)
            names = (strategy, budget, baseline)
            if gap := _gap(mine, other, names, replayed.run.study.seed, belongs):
                gaps.append(gap)
    return Report(figures, gaps)


def _groups(replayed: Replayed) -> pl.DataFrame:
    """(question_id, question_group) of the run's questions."""
    questions = replayed.run.benchmark.questions
    named = [(one.question_id, one.group) for one in questions]
    schema = {"question_id": pl.String, "question_group": pl.String}
    return pl.DataFrame(named, schema=schema, orient="row")


def _cells(replayed: Replayed) -> list[tuple[str, int]]:
    return replayed.run.study.cells()


def _at(outcomes: pl.DataFrame, strategy: str, budget: int) -> pl.DataFrame:
    return outcomes.filter(pl.col("strategy") == strategy, pl.col("budget") == budget)


def _figure(
    rows: pl.DataFrame, strategy: str, budget: int, missing: int, belongs: pl.DataFrame
) -> Figure:
    accuracy = rows["accuracy"].to_numpy()
    count = len(accuracy)
    # The questions' errors are independent of each other.
    error = float((rows["mc_error"].to_numpy() ** 2).sum()) ** 0.5 / count
    return Figure(
        strategy,
        budget,
        count,
        missing,
        mean_accuracy(accuracy, groups_of(rows["question_id"], belongs)),
        error,
        _means(rows),
    )


def _means(rows: pl.DataFrame) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for name in COST_COLUMNS:
        column: Any = rows[name].cast(pl.Float64).fill_nan(None)
        means[name] = None if column.has_nulls() else float(column.mean())
    return means


def _gap(
    mine: pl.DataFrame,
    other: pl.DataFrame,
    names: tuple[str, int, str],
    seed: int,
    belongs: pl.DataFrame,
) -> Gap | None:
    """None where they have no question in common."""
    both = mine.join(other, on="question_id", suffix="_other").sort("question_id")
    if not len(both):
        return None
    ours = both["accuracy"].to_numpy()
    theirs = both["accuracy_other"].to_numpy()
    ids = both.select("question_id")
    costs = _ratios(
        _means(mine.join(ids, on="question_id")), _means(other.join(ids, on="question_id"))
    )
    groups = groups_of(both["question_id"], belongs)
    difference = paired_difference(ours, theirs, seed=seed, groups=groups)
    return Gap(*names, len(both), difference, costs)


def _ratios(
    ours: dict[str, float | None], theirs: dict[str, float | None]
) -> dict[str, float | None]:
    ratios: dict[str, float | None] = {}
    for name, own in ours.items():
        base = theirs[name]
        ratios[name] = own / base if own is not None and base else None
    return ratios
