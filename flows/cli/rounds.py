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
    show_rows(
        side_by_side(rows), as_json=False, title="difference to round 0, with its 95 % interval"
    )
    for number, model in {row.round: f"{row.model}, version {row.version}" for row in rows}.items():
        console().print(f"round {number}: {model}")
    console().print("The verifier is the one made for round 0. Next: ttc policy · ttc up (pages)")


def side_by_side(rows: list[Row]) -> list[dict[str, str]]:
    """A line a figure, a column a round."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        lines.setdefault(row.figure, {"figure": row.figure})[f"round {row.round}"] = _told(row)
    return list(lines.values())


def _told(row: Row) -> str:
    if row.difference is None:
        return f"{row.accuracy:.3f}"
    undecided = " no difference" if row.comparison == "no difference" else ""
    return f"{row.accuracy:.3f}  {row.difference:+.3f} [{row.lo:+.3f}, {row.hi:+.3f}]{undecided}"
