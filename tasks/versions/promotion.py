"""Whether a new model version's policy takes the champion's place (METHOD §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tasks.versions.comparison import Comparison

MARGIN: Final = 0.03
"""Accuracy that may at most be lost by a version that is promoted for being cheaper.

With 97.5 % confidence: about what 500 questions can tell apart. With fewer the interval is wider
and the version stays candidate.
"""


class Decision(NamedTuple):
    """Whether a version becomes champion, in one sentence why or why not."""

    promoted: bool
    why: str


def decide(compared: Sequence[Comparison]) -> Decision:
    """Promotion when better at one budget and worse at none, or not worse by MARGIN and cheaper.

    Better, worse and cheaper: the paired 95 % interval says so. Cheaper is cheaper at one budget
    and dearer at none.
    """
    if not compared:
        return Decision(
            False,
            "it shares no budget with the champion; run the study with the champion's model too",
        )
    worse = [one for one in compared if one.gain.estimate.hi < 0]
    if worse:
        return Decision(False, f"worse than the champion {_places(worse)}")
    better = [one for one in compared if one.gain.estimate.lo > 0]
    if better:
        return Decision(True, f"better than the champion {_places(better)}, worse nowhere")
    # Not `<=`: an end that one question leaves unknown is NaN, and must promote nothing.
    unsure = [one for one in compared if not one.gain.estimate.lo > -MARGIN]
    if unsure:
        return Decision(
            False,
            "not told apart from the champion; "
            f"may be worse by more than {MARGIN:g} {_places(unsure)}",
        )
    return _decide_by_cost(compared)


def _decide_by_cost(compared: Sequence[Comparison]) -> Decision:
    dearer = [one for one in compared if one.cost.estimate.lo > 0]
    cheaper = [one for one in compared if one.cost.estimate.hi < 0]
    if not cheaper or dearer:
        return Decision(False, f"as good as the champion (within {MARGIN:g}) but not cheaper")
    saved = [f"{one.cost.estimate.value:+.0%} FLOPs at N = {one.budget}" for one in cheaper]
    return Decision(
        True, f"as good as the champion (within {MARGIN:g}) and cheaper: {', '.join(saved)}"
    )


def _places(several: Sequence[Comparison]) -> str:
    """`at N = 4 (+0.030 [+0.010, +0.050]), at N = 16 (…)`."""
    parts: list[str] = []
    for one in several:
        gain, lo, hi = one.gain.estimate
        parts.append(f"at N = {one.budget} ({gain:+.3f} [{lo:+.3f}, {hi:+.3f}])")
    return ", ".join(parts)
