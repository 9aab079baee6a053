"""One release judged on several benchmarks at once (METHOD §14)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats
from tasks.statistics.comparisons import SIGNIFICANCE, Difference, holm
from tasks.statistics.intervals import Estimate
from tasks.statistics.worth import PolicyWorth
from tasks.versions.comparison import Gain, gain_of
from tasks.versions.version import Scope, Version, pair, study_of, worths_of_runs
from warehouse.errors import UserError
from warehouse.reader import Reader

Finding = Literal["better", "worse", "cannot be told"]


class Judged(NamedTuple):
    """What one benchmark, or all of them together, says of a release."""

    gain: Difference
    """Accuracy gained, the mean over the headline budgets; p as a test of its own would have it."""
    p: float
    """Holm-adjusted over all benchmarks and the mean of them; NaN: too few questions."""
    finding: Finding


class Benchmark(NamedTuple):
    """One benchmark on which both versions were measured."""

    study: str
    benchmark: str
    before: Version
    now: Version
    budgets: list[int]
    judged: Judged


class Release(NamedTuple):
    """A model version against another on several benchmarks."""

    benchmarks: list[Benchmark]
    overall: Judged
    """Over all: every benchmark counts the same, however many questions it has."""
    finding: Finding
    """worse: on some benchmark or over all. better: on one or over all, and worse on none."""


def judge_release(
    store: Reader, before: str, now: str, *, studies: Sequence[str], family: str | None = None
) -> Release:
    """The two versions on every benchmark of these studies.

    UserError for a study that did not measure both, and where two benchmarks ask the same.
    """
    places = [place for study in studies for place in _places(store, study, family)]
    pairs = [pair(store, before, now, scope=place) for place in places]
    _check_apart(pairs)
    gains: list[Gain] = []
    budgets: list[list[int]] = []
    for seed, (old, new) in enumerate(pairs):
        worth_before, worth_now = worths_of_runs(store, old.run_id, new.run_id)
        headline = study_of(store, new.run_id).headline_budgets
        shared = _shared(headline, worth_before, worth_now)
        budgets.append(shared)
        # Seeds of their own: benchmarks of one size would be resampled alike.
        gained = gain_of([worth_now], [worth_before], budgets=shared, seed=seed)
        gains.append(gained)
    each, overall = judge(gains)
    benchmarks: list[Benchmark] = []
    for (old, new), shared, judged in zip(pairs, budgets, each, strict=True):
        one = Benchmark(
            study=new.study,
            benchmark=new.benchmark,
            before=old,
            now=new,
            budgets=shared,
            judged=judged,
        )
        benchmarks.append(one)
    return Release(benchmarks, overall, finding_of(each, overall))


def _places(store: Reader, study: str, family: str | None) -> list[Scope]:
    """The study's benchmarks."""
    rows = store.read(
        "SELECT DISTINCT benchmark FROM complete_runs WHERE study = $study ORDER BY ALL",
        study=study,
    )
    if not len(rows):
        known = store.read("SELECT DISTINCT study FROM complete_runs ORDER BY ALL")["study"]
        raise UserError(
            f"diff: expected a study that was run, got {study!r}; "
            f"known are {', '.join(known) or 'none yet'}"
        )
    return [Scope(family, benchmark, study) for benchmark in rows["benchmark"]]


def _check_apart(pairs: Sequence[tuple[Version, Version]]) -> None:
    seen: dict[str, Version] = {}
    for _, new in pairs:
        twin = seen.setdefault(new.benchmark_fingerprint, new)
        if twin is not new:
            raise UserError(
                f"diff: expected benchmarks of different questions, got those of {new.benchmark} "
                f"in study {twin.study} and in {new.study}; name one of them"
            )


def _shared(headline: Sequence[int], old: PolicyWorth, new: PolicyWorth) -> list[int]:
    """Headline budgets that both have; where there is none, the largest that both have."""
    shared = [budget for budget in new.budgets if budget in old.budgets]
    if not shared:
        raise UserError(
            "diff: expected a budget that both versions have, got none; run the study with both"
        )
    return [budget for budget in headline if budget in shared] or shared[-1:]


def judge(gains: Sequence[Gain]) -> tuple[list[Judged], Judged]:
    """Of every benchmark and of all: better, worse or cannot be told, by Holm over all of them."""
    tested = [one.difference for one in gains]
    tested.append(_together(gains))
    raw = np.array([one.p for one in tested], dtype=np.float64)
    judged: list[Judged] = []
    for one, p in zip(tested, holm(raw).tolist(), strict=True):
        judged.append(Judged(one, p, _finding(one, p)))
    return judged[:-1], judged[-1]


def finding_of(each: Sequence[Judged], overall: Judged) -> Finding:
    """What follows for the release."""
    findings = {one.finding for one in (*each, overall)}
    if "worse" in findings:
        return "worse"
    return "better" if "better" in findings else "cannot be told"


def _finding(gain: Difference, p: float) -> Finding:
    # NaN is not below anything: what cannot be tested cannot be told.
    if not p < SIGNIFICANCE:
        return "cannot be told"
    return "better" if gain.estimate.value > 0 else "worse"


def _together(gains: Sequence[Gain]) -> Difference:
    """The mean of the benchmarks' gains; they are independent, and a t of Welch's freedom."""
    count = len(gains)
    if count == 1:
        return gains[0].difference
    estimates = [one.difference.estimate for one in gains]
    mean = float(np.mean([one.value for one in estimates]))
    errors: Floats = np.array([one.error for one in gains])
    variances = errors**2 / count**2
    freedoms = np.array([one.units - 1 for one in gains], dtype=np.float64)
    if not np.isfinite(variances).all() or not variances.any():
        return Difference(Estimate(mean, mean, mean), 1.0 if mean == 0.0 else float("nan"))
    variance = float(variances.sum())
    error = sqrt(variance)
    parts = variances**2 / freedoms
    freedom = variance**2 / float(parts.sum())
    t = abs(mean) / error
    p = 2.0 * float(special.stdtr(freedom, -t))  # pyright: ignore
    quantile = float(special.stdtrit(freedom, 1 - SIGNIFICANCE / 2))  # pyright: ignore
    half = quantile * error
    return Difference(Estimate(mean, mean - half, mean + half), p)
