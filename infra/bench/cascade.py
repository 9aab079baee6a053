"""What a pair of models saves against each alone: `python infra/bench/cascade.py RUN [WAREHOUSE]`.

Of a run with cascades, `larger` and a baseline of the small model, from its stored outcomes. Along
FLOPs and money: the frontier of the cascades, thresholds chosen on one half of the questions and
measured on the other, against the baseline and against the larger model alone. A saving is claimed
where the lower end of both factors is above 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import polars as pl

from tasks.runs.loading import load_run
from tasks.settings import settings
from tasks.statistics.axes import AXES
from tasks.statistics.cascade.frontier import Saving, frontier, savings
from tasks.study.study import Study
from warehouse.reader import Reader
from warehouse.snapshot import Snapshot

RIVAL = "larger"
SHOWN = ("flops", "money", "tokens", "latency")

_OUTCOMES = """
SELECT question_id, strategy, budget, accuracy, truncated, no_answer, {column} AS cost
FROM outcomes WHERE run_id = $run_id AND strategy <> 'pass'
"""
_ALONE = """
SELECT strategy, budget, avg(accuracy) AS accuracy, avg({column}) AS cost
FROM outcomes WHERE run_id = $run_id AND strategy IN ($small, $large)
GROUP BY ALL ORDER BY strategy, budget
"""


def show_axis(reader: Reader, run_id: str, study: Study, axis: str) -> None:
    """Print each model alone, the frontier of the pair, and what it saves."""
    column = AXES[axis].column
    outcomes = reader.read(_OUTCOMES.format(column=column), run_id=run_id)
    print(f"\n{axis}, mean of a question ({AXES[axis].unit})")
    if outcomes["cost"].has_nulls():
        print(f"  unknown: needs {AXES[axis].needs}")
        return
    alone = reader.read(
        _ALONE.format(column=column), run_id=run_id, small=study.baseline, large=RIVAL
    )
    for name, budget, accuracy, cost in alone.iter_rows():
        print(f"  {name:>10} {budget:>3}  {cost:10.4g}  {accuracy:.3f}")
    pair = [key for key in study.asking_larger if study.strategy(key).small]
    unit = float(alone.filter(pl.col("strategy") == study.baseline)["cost"].min())  # pyright: ignore
    curves = {
        rival: frontier(outcomes, pair=pair, alone=rival, unit=unit, seed=study.seed)
        for rival in (study.baseline, RIVAL)
    }
    print("  within       cost   accuracy              costs as accurate alone (times)")
    found = savings(list(curves.values()))
    for place, one in enumerate(found):
        _show_limit(one, {name: curve.row(place, named=True) for name, curve in curves.items()})
    sure = [one for one in found if one.is_sure]
    if not sure:
        print("  saving at equal accuracy: none")
    for one in sure:
        print(f"  saving at {one.accuracy:.3f}: {one.share:.0%}, at least {one.lo:.0%}")


def _show_limit(one: Saving, rows: dict[str, dict[str, Any]]) -> None:
    """One line: the limit, the pair within it, and what each model alone would cost."""
    first = next(iter(rows.values()))
    interval = f"[{first['lo']:.3f}, {first['hi']:.3f}]"
    factors = [f"{name} {_factor(row)}" for name, row in rows.items()]
    told = "; ".join(factors)
    print(f"  {one.at_most:10.4g} {one.cost:10.4g}  {one.accuracy:.3f} {interval}  {told}")


def _factor(row: dict[str, Any]) -> str:
    """With its ends; behind `>` where the model alone never gets there."""
    ends = (row["factor_lo"], row["factor_hi"])
    lo, hi = ("…" if end is None else f"{end:.2f}" for end in ends)
    beyond = ">" if row["beyond"] else ""
    return f"{beyond}{row['factor']:.2f} [{lo}, {hi}]"


def main() -> None:
    """Print all axes of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("warehouse", type=Path, nargs="?", default=settings().warehouse)
    options = parser.parse_args()
    reader = Snapshot(options.warehouse)
    study = load_run(reader, options.run).study
    for axis in SHOWN:
        show_axis(reader, options.run, study, axis)


if __name__ == "__main__":
    main()
