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
    return rows.filter(difficulty=used_difficulty(rows["difficulty"].unique().to_list()))


def exchange_table(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """What `ttc exchange` prints: a row a bin, a column a ratio with small − large and its 95 % interval."""
    shown: dict[int, dict[str, Any]] = {}
    for one in rows.iter_rows(named=True):
        row = shown.setdefault(
            one["bin"], {"bin": one["bin"] or "all", "pass@1": one["alone"], "large": one["large"]}
        )
        row[f"R = {one['ratio']:.2g}: N = {one['budget']} of {one['multiple']:,.0f}"] = _difference(
            one
        )
    return list(shown.values())


def _difference(one: dict[str, Any]) -> str:
    """`+.21 [+.10, +.33]`."""
    value, *ends = (
        "?" if one[name] is None else f"{one[name]:+.2f}".replace("0.", ".")
        for name in ("difference", "lo", "hi")
    )
    return f"{value} [{', '.join(ends)}]"
