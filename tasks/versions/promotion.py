"""Whether a new model version's policy takes the champion's place (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tasks.statistics.comparisons import holm
from tasks.statistics.intervals import Estimate
from tasks.versions.comparison import Compared, Comparison, adjusted

MARGIN: Final = 0.03
"""Accuracy that may at most be lost by a version that is promoted for being cheaper.

With 97.5 % confidence: about what 500 questions can tell apart. With fewer the interval is wider
and the version stays candidate.
"""


class Decision(NamedTuple):
    """Whether a version becomes champion, in one sentence why or why not."""

    promoted: bool
    why: str


def decide(compared: Compared, *, significance: float) -> Decision:
    """Promotion when better somewhere and worse at no budget, or not worse by MARGIN and cheaper.

    Better: significant at this level, at all budgets together or at one (`adjusted`). Cheaper: so
    at one budget after Holm over them, and dearer at none. What keeps a version out, worse or
    dearer, is told by the plain paired 95 % interval.
    """
    budgets = compared.budgets
    if not budgets:
        return Decision(
            False,
            "it shares no budget with the champion; run the study with the champion's model too",
        )
    worse = [one for one in budgets if one.gain.estimate.hi < 0]
    if worse:
        return Decision(False, f"worse than the champion {_places(worse)}")
    better = _better(compared, significance)
    if better:
        return Decision(True, f"better than the champion {', '.join(better)}, worse nowhere")
    # Not `<=`: an end that one question leaves unknown is NaN, and must promote nothing.
    unsure = [one for one in budgets if not one.gain.estimate.lo > -MARGIN]
    if unsure:
        return Decision(
            False,
            "not told apart from the champion; "
            f"may be worse by more than {MARGIN:g} {_places(unsure)}",
        )
    return _decide_by_cost(budgets, significance)


def _better(compared: Compared, significance: float) -> list[str]:
    """Where the newer version is significantly better, in words."""
    together, each = adjusted(compared)
    parts: list[str] = []
    overall = compared.overall
    if overall is not None and together <= significance and overall.estimate.value > 0:
        parts.append(f"over all budgets {_figure(overall.estimate)}")
    better = [
        one
        for one, p in zip(compared.budgets, each.tolist(), strict=True)
        if p <= significance and one.gain.estimate.value > 0
    ]
    return [*parts, _places(better)] if better else parts


def _decide_by_cost(budgets: Sequence[Comparison], significance: float) -> Decision:
    dearer = [one for one in budgets if one.cost.estimate.lo > 0]
    adjusted_costs = holm(np.array([one.cost.p for one in budgets], dtype=np.float64))
    cheaper = [
        one
        for one, p in zip(budgets, adjusted_costs.tolist(), strict=True)
        if p <= significance and one.cost.estimate.value < 0
    ]
    if not cheaper or dearer:
        return Decision(False, f"as good as the champion (within {MARGIN:g}) but not cheaper")
    saved = [f"{one.cost.estimate.value:+.0%} FLOPs at N = {one.budget}" for one in cheaper]
    return Decision(
        True, f"as good as the champion (within {MARGIN:g}) and cheaper: {', '.join(saved)}"
    )


def _places(several: Sequence[Comparison]) -> str:
    """`at N = 4 (+0.030 [+0.010, +0.050]), at N = 16 (…)`."""
    parts = [f"at N = {one.budget} {_figure(one.gain.estimate)}" for one in several]
    return ", ".join(parts)


def _figure(gain: Estimate) -> str:
    return f"({gain.value:+.3f} [{gain.lo:+.3f}, {gain.hi:+.3f}])"
