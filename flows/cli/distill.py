"""`ttc distill`: a generator learns what its own search found."""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from flows.cli.terminal import console, show_rows
from flows.servers import quiet
from tasks.settings import settings
from warehouse.errors import UserError

if TYPE_CHECKING:
    from tasks.training.rounds import Row


def distill(
    study: str = "distill",
    *,
    rounds: Annotated[int, Parameter(help="Versions to make, each from the one before.")] = 2,
    by: Annotated[
        Literal["verifier", "target"], Parameter(help="Who says what is right to learn.")
    ] = "verifier",
    json: bool = False,
) -> None:
    """Teach a generator what its own search finds, and evaluate every version. Run again to
    resume.
    """
    from tasks.study.reading import load_study
    from tasks.training.harvest import distill_table

    if rounds < 0:
        raise UserError(
            f"distill: expected 0 rounds or more, got {rounds}; 0 evaluates the model as it is"
        )
    asked = load_study(study)
    # Refuses what cannot be distilled before Prefect is started.
    distill_table(asked)
    with quiet.prefect():
        from flows.distill import distill as rounds_of

        run_ids = rounds_of(asked, rounds, by)
    show_rounds(run_ids, as_json=json)


def show_rounds(run_ids: list[str], *, as_json: bool) -> None:
    """Print the rounds side by side, each against round 0 on the same questions."""
    from tasks.training.rounds import round_rows
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        rows = round_rows(store, run_ids)
    if as_json:
        print(json_text.dumps([row._asdict() for row in rows], indent=1))
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
