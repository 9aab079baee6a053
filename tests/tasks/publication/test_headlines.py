"""Sentences of a run about what it could not know."""

from __future__ import annotations

import polars as pl
from summaries import summary_of

from tasks.publication.headlines import headlines


def test_costs_that_nobody_told_are_said() -> None:
    summary = summary_of()
    assert not [line for line in headlines(summary) if "FLOPs" in line]
    unknown = summary.accuracy.with_columns(flops=pl.lit(None, dtype=pl.Float64))
    told = headlines(summary._replace(accuracy=unknown))
    (said,) = [line for line in told if "FLOPs" in line]
    assert "not told" in said
