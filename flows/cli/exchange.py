"""What `ttc exchange` prints: small model minus larger one at equal FLOPs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tasks.statistics.difficulty import used_difficulty
from warehouse import snapshot


def load_exchange(folder: Path, run_id: str) -> pl.DataFrame:
    """The rows of view `exchange_by_bin` of a run, in the bins of the used difficulty."""
    rows = snapshot.Snapshot(folder).read(
        "SELECT * FROM exchange_by_bin WHERE run_id = $run_id ORDER BY source DESC, ratio, bin",
        run_id=run_id,
    )
    kinds = rows["difficulty"].unique().to_list()
    return rows.filter(difficulty=used_difficulty(kinds))


def exchange_table(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a bin, a column a ratio with small − large and its 95 % interval."""
    shown: dict[int, dict[str, Any]] = {}
    for one in rows.iter_rows(named=True):
        bin_ = one["bin"]
        # Bin 0 stands for all questions.
        first = {"bin": bin_ or "all", "pass@1": one["alone"], "large": one["large"]}
        row = shown.setdefault(bin_, first)
        row[_column(one)] = _difference(one)
    return list(shown.values())


def _column(one: dict[str, Any]) -> str:
    """The ratio, and the budget that was compared of as many generations as the FLOPs buy."""
    ratio = f"R = {one['ratio']:.2g}"
    budget = f"N = {one['budget']} of {one['multiple']:,.0f}"
    return f"{ratio}: {budget}"


def _difference(one: dict[str, Any]) -> str:
    """`+.21 [+.10, +.33]`: without its zeros, so that all ratios fit side by side."""

    def text(figure: float | None) -> str:
        if figure is None:
            return "?"
        return f"{figure:+.2f}".replace("0.", ".")

    value, lo, hi = (text(one[name]) for name in ("difference", "lo", "hi"))
    return f"{value} [{lo}, {hi}]"
