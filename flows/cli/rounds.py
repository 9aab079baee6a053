"""What `ttc distill` prints: the rounds side by side."""

from __future__ import annotations

import json

from flows.cli.terminal import console, show_rows
from tasks.settings import settings
from tasks.training.rounds import Row, round_rows
from warehouse.store import Store


def show_rounds(run_ids: list[str], *, as_json: bool) -> None:
    """Print the rounds side by side, each against round 0 on the same questions."""
    with Store.open(settings().warehouse) as store:
        rows = round_rows(store, run_ids)
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=1))
        return
    title = "difference to round 0, with its 95 % interval"
    show_rows(side_by_side(rows), as_json=False, title=title)
    # Every round has several figures, and one model.
    models = {row.round: f"{row.model}, version {row.version}" for row in rows}
    for number, model in models.items():
        console().print(f"round {number}: {model}")
    console().print("The verifier is the one made for round 0. Next: ttc policy · ttc up (pages)")


def side_by_side(rows: list[Row]) -> list[dict[str, str]]:
    """A line a figure, a column a round."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        line = lines.setdefault(row.figure, {"figure": row.figure})
        line[f"round {row.round}"] = _cell(row)
    return list(lines.values())


def _cell(row: Row) -> str:
    """Accuracy and, but for round 0, its difference to that."""
    if row.difference is None:
        return f"{row.accuracy:.3f}"
    figures = (row.difference, row.lo, row.hi)
    difference, lo, hi = (format(one, "+.3f") for one in figures if one is not None)
    # Better and worse can be seen from the sign; that an interval holds 0 is easily missed.
    undecided = " no difference" if row.comparison == "no difference" else ""
    return f"{row.accuracy:.3f}  {difference} [{lo}, {hi}]{undecided}"
