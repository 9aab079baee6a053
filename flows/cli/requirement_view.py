"""`ttc policy --accuracy 0.9 --tokens 2000`: what meets a requirement, in words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.evaluation.requirements import Met, Requirement, meet
from tasks.publication.words import amount_text, interval_text, model_short_name
from tasks.statistics.requirement import Named, Offer
from tasks.strategies.names import short_names
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

UNITS: Mapping[str, str] = {
    "generations": "generations",
    "tokens": "generated tokens",
    "money": "in money",
    "latency": "tokens in a row",
    "seconds": "seconds",
}
COLUMNS: Mapping[str, str] = {
    "generations": "generations",
    "generated_tokens": "generated tokens",
    "money": "in money",
    "latency_tokens": "tokens in a row",
    "latency_seconds": "seconds",
    "flops": "FLOPs",
}
"""What stands behind a cost, by the column that it is of."""


def show_requirement(
    folder: Path,
    accuracy: float | None,
    limits: Mapping[str, float],
    *,
    by: str | None,
    console: Console,
    as_json: bool,
) -> None:
    """Print what of each latest run meets the requirement, and how surely."""
    if by is not None:
        raise UserError(
            "policy: expected --by or a requirement, got both; --by shows a whole table, a "
            "requirement is answered with a cell"
        )
    reader = Snapshot(folder)
    latest = reader.read("SELECT DISTINCT run_id FROM latest_policy ORDER BY run_id")
    if not len(latest):
        raise UserError(
            "policy: no complete run in the warehouse yet; start with `ttc demo` or `ttc run STUDY`"
        )
    wanted = Requirement(accuracy, limits)
    answers = [meet(reader, run_id, wanted) for run_id in latest["run_id"]]
    if as_json:
        print(json.dumps([_plain(one, wanted) for one in answers], indent=1))
        return
    for one in answers:
        _print(one, wanted, console)


def _print(met: Met, wanted: Requirement, console: Console) -> None:
    title = f"{model_short_name(met.model)} on {met.benchmark}: {_wanted_text(wanted)}"
    console.print(title, style="bold", markup=False)
    console.print(answer_text(met, wanted), markup=False)
    offer = met.answer.recommended
    if len(offer.cells) > 1:
        console.print(_cells(met, offer))
    console.print(_NOTE, style="dim", markup=False)


_NOTE = (
    "An answer beyond a limit does not count. Rates and costs are of questions that did not choose "
    "the cells; figures of single bins are not."
)


def _wanted_text(wanted: Requirement) -> str:
    """`accuracy ≥ 0.9, at most 2,000 generated tokens`."""
    parts = [f"at most {amount_text(most)} {UNITS[name]}" for name, most in wanted.limits.items()]
    first = "highest accuracy" if wanted.accuracy is None else f"accuracy ≥ {wanted.accuracy:g}"
    return ", ".join([first, *parts])


def answer_text(met: Met, wanted: Requirement) -> str:
    """One sentence: what to use, whether that meets what is wanted, how often and at what cost."""
    answer = met.answer
    offer = answer.recommended
    names = short_names(one.cell.strategy for one in offer.cells)
    what = "by difficulty, below" if answer.adapts else _cell_text(offer.cells[0], names)
    rate = interval_text(*offer.met)
    paid = f"{amount_text(offer.cost.value)} {COLUMNS[met.paid_in]} a question"
    if answer.conclusion == "cannot be reached":
        return f"Cannot be reached: the best is {what}, right on {rate} within the limits ({paid})."
    if wanted.accuracy is None and offer.met.value == 0.0:
        return "Nothing is right within these limits."
    said = {"reached": "Reached", "cannot be told": "Cannot be told whether it is reached"}
    verb = said[answer.conclusion] if answer.conclusion else "Best"
    return f"{verb}: {what}, right on {rate} of questions ({paid})."


def _cell_text(one: Named, names: Mapping[str, str]) -> str:
    return f"{names[one.cell.strategy]} at N = {one.cell.budget} for all questions"


def _cells(met: Met, offer: Offer) -> Table:
    """A row a bin."""
    names = short_names(one.cell.strategy for one in offer.cells)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("bin", "strategy", "N", "right within limits", COLUMNS[met.paid_in]):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for one in offer.cells:
        table.add_row(
            str(one.bin),
            Text(names[one.cell.strategy]),
            str(one.cell.budget),
            f"{one.met:.2f}",
            amount_text(one.cost),
        )
    return table


def _plain(met: Met, wanted: Requirement) -> dict[str, Any]:
    """For scripts: plain values, names as on the command line."""
    answer = met.answer
    return {
        "run_id": met.run_id,
        "model": met.model,
        "benchmark": met.benchmark,
        "difficulty": met.difficulty,
        "wanted": {"accuracy": wanted.accuracy, **wanted.limits},
        "paid_in": met.paid_in,
        "recommended": "by_bin" if answer.adapts else "for_all",
        "conclusion": answer.conclusion,
        "by_bin": _plain_offer(answer.by_bin),
        "for_all": _plain_offer(answer.for_all),
    }


def _plain_offer(offer: Offer) -> dict[str, Any]:
    cells = [
        {"bin": one.bin, **one.cell._asdict(), "met": one.met, "cost": one.cost}
        for one in offer.cells
    ]
    return {
        "cells": cells,
        "met": offer.met._asdict(),
        "cost": offer.cost._asdict(),
    }
