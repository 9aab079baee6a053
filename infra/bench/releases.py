"""How often a release of equal worth is called better or worse, over several benchmarks at once.

`PYTHONPATH=. python infra/bench/releases.py [--releases N] [--json PATH]`

Versions and nights are drawn by `infra.bench.nights_family`, which shares no code with what is
judged: every benchmark has questions of its own, and a version its own taste for each of them.

- equal: shares of releases with anything called better or worse (at most 5 % is meant).
- losses: of releases that lose so many points on one benchmark, and on all of them, how many are
  called worse.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infra.bench.nights_family import BUDGETS, abilities, night_of, version_of
from infra.bench.nights_of_equals import worth_of_night
from tasks.versions.comparison import Gain, gain_of
from tasks.versions.release import Finding, finding_of, judge

SIZES = (100, 100, 200, 200)
"""Questions of the benchmarks."""


def gain(questions: int, *, seed: Sequence[int], worse: float, resamples: int) -> Gain:
    """What one benchmark measures of a version that is so much worse than the one before."""
    rng = np.random.default_rng(seed)
    ability = abilities(questions, rng)
    before = worth_of_night(night_of(version_of(ability, rng), rng))
    now = worth_of_night(night_of(version_of(ability, rng, worse=worse), rng))
    return gain_of([now], [before], budgets=BUDGETS, seed=seed[-1], resamples=resamples)


def release(seed: int, losses: Sequence[float], *, resamples: int = 300) -> Finding:
    """What is said of one release that loses so much on each benchmark."""
    gains = [
        gain(questions, seed=[seed, place], worse=worse, resamples=resamples)
        for place, (questions, worse) in enumerate(zip(SIZES, losses, strict=True))
    ]
    return finding_of(*judge(gains))


def shares(losses: Sequence[float], *, releases: int, resamples: int = 300) -> dict[str, float]:
    """Percent of releases by what is said of them."""
    found = [release(seed, losses, resamples=resamples) for seed in range(releases)]
    kinds: tuple[Finding, ...] = ("better", "worse", "cannot be told")
    return {kind: 100.0 * found.count(kind) / releases for kind in kinds}


def main(releases: int) -> dict[str, Any]:
    """Equal versions, and some that lose."""
    report: dict[str, Any] = {"releases": releases, "questions": SIZES}
    report["equal"] = shares((0.0,) * 4, releases=releases)
    print(json.dumps(report), flush=True)
    fewer = max(releases // 4, 1)
    for points in (5, 10, 20):
        lost = points / 100
        one = (0.0, 0.0, 0.0, lost)
        report[f"{points} points lost on one"] = shares(one, releases=fewer)
        report[f"{points} points lost on all"] = shares((lost,) * 4, releases=fewer)
        print(json.dumps(report), flush=True)
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Releases judged on several benchmarks.")
    parser.add_argument("--releases", type=int, default=200, metavar="N")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    figures = main(options.releases)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
