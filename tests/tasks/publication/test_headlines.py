"""Sentences of a run about what it could not know."""

from __future__ import annotations

import polars as pl
import pytest
from summaries import summary_of

from tasks.publication.headlines import headlines
from tasks.publication.words import rate_text


def test_costs_that_nobody_told_are_said() -> None:
    summary = summary_of()
    assert not [line for line in headlines(summary) if "FLOPs" in line]
    unknown = summary.accuracy.with_columns(flops=pl.lit(None, dtype=pl.Float64))
    told = headlines(summary._replace(accuracy=unknown))
    (said,) = [line for line in told if "FLOPs" in line]
    assert "not told" in said


@pytest.mark.parametrize("draws", [1, 7, 400, 100_000])
def test_none_and_all_are_said_of_none_and_all_alone(draws: int) -> None:
    said = {n: rate_text(n / draws) for n in {0, 1, draws // 2, draws - 1, draws}}
    assert [n for n, text in said.items() if text == "0.0%"] == [0]
    assert [n for n, text in said.items() if text == "100.0%"] == [draws]
