"""The paper's claims about the exchange with a larger model at equal FLOPs (figures 1 and 9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from tasks.replication.conclusions import Conclusion, above, below, every, some
from tasks.replication.paper import FEW_INFERRED, MUCH_INFERRED, SAYS, TRIVIAL, Claim
from tasks.replication.wording import estimate_text
from tasks.statistics.difficulty import BINS
from tasks.statistics.intervals import Estimate


def exchange_claims(rows: pl.DataFrame) -> Iterable[Claim]:
    """Those that the rows of an exchange can speak to, the small model under its policy."""
    # Bin 0 is all questions.
    by_bin = rows.filter(pl.col("bin") > 0)
    few = by_bin.filter(pl.col("ratio") == FEW_INFERRED)
    much = by_bin.filter(pl.col("ratio") == MUCH_INFERRED)
    if few.height:
        yield ahead_somewhere(few)
        yield behind_on_the_hardest(few)
    if much.height:
        yield _behind_on_hard(much)


def _behind_on_hard(much: pl.DataFrame) -> Claim:
    """At R = 22 behind on both of the hard bins."""
    rows = much.filter(pl.col("bin") >= BINS - 1).sort("bin")
    hard = [_difference(row) for row in rows.to_dicts()]
    differences = "; ".join(map(estimate_text, hard))
    measured = f"small minus large in bins 4 and 5: {differences}"
    conclusion = every(map(below, hard))
    return Claim("exchange", SAYS["much inferred"], measured, conclusion)


def ahead_somewhere(few: pl.DataFrame) -> Claim:
    """Headline 2, first half: at R = 0.16 ahead on a bin whose pass@1 is between .05 and .95."""
    best = best_bin(few)
    if best is None:
        measured = "no bin with a pass@1 between .05 and .95"
        return Claim("exchange", SAYS["ahead"], measured, "cannot be told")
    conclusions: list[Conclusion] = []
    ahead: list[str] = []
    for row in _telling(few).to_dicts():
        conclusion = above(_difference(row))
        conclusions.append(conclusion)
        if conclusion == "holds":
            ahead.append(str(row["bin"]))
    where = f"ahead in bin {', '.join(ahead)}; " if ahead else ""
    # The best bin is shown even where no bin is ahead: how near it came.
    gap = estimate_text(_difference(best))
    best_text = f"bin {best['bin']} (pass@1 {best['alone']:.2f})"
    measured = f"{where}{best_text}, small minus large: {gap}"
    return Claim("exchange", SAYS["ahead"], measured, some(conclusions))


def behind_on_the_hardest(few: pl.DataFrame) -> Claim:
    """Headline 2, second half: at R = 0.16 behind on the hardest bin."""
    # Whatever its pass@1: out of reach of one draw is what the paper means by hard.
    hardest = few.sort("bin").row(-1, named=True)
    gap = _difference(hardest)
    small = f"small {hardest['small']:.2f}"
    large = f"large {hardest['large']:.2f}"
    measured = f"bin {hardest['bin']}: {small}, {large}, difference {estimate_text(gap)}"
    return Claim("exchange", SAYS["behind"], measured, below(gap))


def best_bin(few: pl.DataFrame) -> dict[str, Any] | None:
    """The row of the bin with a telling pass@1 where the small model is furthest ahead."""
    rows = _telling(few).sort("difference", descending=True)
    if not rows.height:
        return None
    return rows.row(0, named=True)


def _telling(few: pl.DataFrame) -> pl.DataFrame:
    """Rows of the bins that are neither solved by one draw nor out of reach."""
    least, most = TRIVIAL
    telling = pl.col("alone").is_between(least, most)
    return few.filter(pl.col("bin") > 0, telling).sort("bin")


def _difference(row: dict[str, Any]) -> Estimate:
    return Estimate(row["difference"], row["lo"], row["hi"])
