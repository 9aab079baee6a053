"""Whether a new model version's policy takes the champion's place (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tasks.versions.comparison import Comparison

MARGIN: Final = 0.03
"""Accuracy that may at most be lost, with 97.5 % confidence, by a version that is promoted for being cheaper.

About what 500 questions can tell apart; with fewer the interval is wider and the version stays candidate.
"""


class Decision(NamedTuple):
    """Whether a version becomes champion, in one sentence why or why not."""

    promoted: bool
    why: str


def decide(compared: Sequence[Comparison]) -> Decision:
    """Promotion when better at one budget and worse at none, or not worse by MARGIN anywhere and cheaper.

    Better, worse and cheaper: the paired 95 % interval says so. Cheaper is cheaper at one budget and dearer at
    none. Where one question leaves an interval unknown nothing is promoted.
    """
    if not compared:
        return Decision(
            False,
            "it shares no budget with the champion; run the study with the champion's model too",
        )
    worse = [one for one in compared if one.gain.estimate.hi < 0]
    if worse:
        return Decision(False, f"worse than the champion {_where(worse)}")
    better = [one for one in compared if one.gain.estimate.lo > 0]
    if better:
        return Decision(True, f"better than the champion {_where(better)}, worse nowhere")
    unsure = [one for one in compared if not one.gain.estimate.lo > -MARGIN]
    if unsure:
        return Decision(
            False,
            f"not told apart from the champion; may be worse by more than {MARGIN:g} {_where(unsure)}",
        )
    return _by_cost(compared)


def _by_cost(compared: Sequence[Comparison]) -> Decision:
    dearer = [one for one in compared if one.cost.estimate.lo > 0]
    cheaper = [one for one in compared if one.cost.estimate.hi < 0]
    if cheaper and not dearer:
        parts = ", ".join(
            f"{one.cost.estimate.value:+.0%} FLOPs at N = {one.budget}" for one in cheaper
        )
        return Decision(True, f"as good as the champion (within {MARGIN:g}) and cheaper: {parts}")
    return Decision(False, f"as good as the champion (within {MARGIN:g}) but not cheaper")


def _where(several: Sequence[Comparison]) -> str:
    return ", ".join(
        f"at N = {one.budget} ({one.gain.estimate.value:+.3f} [{one.gain.estimate.lo:+.3f}, {one.gain.estimate.hi:+.3f}])"
        for one in several
    )
