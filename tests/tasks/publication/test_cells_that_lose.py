"""A strategy that loses many completions is named with a mark on every surface."""

import io
import json

import polars as pl
import pytest
from rich.console import Console
from summaries import summary_of

from flows.cli.diff import _print_cells
from flows.cli.policy_view import _print_changed_cells
from flows.cli.regrade import _marked
from flows.cli.solve import _text
from tasks.publication import report_tables
from tasks.publication.cells import cell_name, changed_losses, loss_lines, policy_cells
from tasks.publication.headlines import best_fixed, headlines
from tasks.publication.policy_grid import policy_grid
from tasks.publication.policy_table import policy_text
from tasks.publication.report import html
from tasks.strategies.names import short_names
from tasks.tracking.entries import publication_of
from tasks.versions.diff import ChangedCell, Diff

TOP = 16


@pytest.fixture
def summary():
    """At the largest budget bin 1 loses 30 %, bin 2 names a stand-in; nobody else loses much."""
    plain = summary_of()
    at_top = pl.col("budget") == TOP
    lost = pl.when(at_top & (pl.col("bin") == 1)).then(0.3).otherwise(0.1)
    stands_in = at_top & (pl.col("bin") == 2)
    policy = plain.policy.with_columns(
        truncated=lost,
        no_answer=lost,
        recommended=~stands_in,
        decided=pl.col("decided") & ~stands_in,
    )
    changes = plain.changes.with_columns(
        truncated_now=lost, no_answer_now=lost, recommended_now=~stands_in
    )
    return plain._replace(policy=policy, changes=changes)


def named(summary, bin_):
    (cell,) = [
        cell
        for cell in policy_cells(summary, summary.used_difficulty)
        if (cell.bin, cell.budget) == (bin_, TOP)
    ]
    return cell, short_names(summary.strategies)[cell.strategy]


def test_a_tenth_is_not_many_and_more_is_marked(summary):
    cell, name = named(summary, 1)
    assert cell_name(cell, {cell.strategy: name}) == f"{name} ✂"
    assert cell_name(cell._replace(truncated=0.1, no_answer=0.1), {}) == cell.strategy
    assert cell_name(cell._replace(truncated=0.0, no_answer=0.11), {}) == f"{cell.strategy} ✂"
    # A run from before it was counted has no mark.
    assert cell_name(cell._replace(truncated=None, no_answer=None), {}) == cell.strategy
    assert cell_name(cell._replace(recommended=False), {}) == f"none ({cell.strategy})"


def test_every_surface_marks_it_and_says_what_the_mark_means(summary):
    lossy, stand_in = named(summary, 1)[1], named(summary, 2)[1]
    out = io.StringIO()
    Console(file=out, width=100, color_system=None).print(policy_text(summary))
    publication = publication_of(summary)
    cells = dict(zip(*publication.tables["policy_cells.json"].values(), strict=True))
    surfaces = {
        "terminal": out.getvalue(),
        "report": html(summary),
        "figure": policy_grid(summary, summary.used_difficulty),
        "first screen": publication.first_screen.above.replace("\u00a0", " "),
        "headlines": " ".join(headlines(summary)),
    }
    for place, text in surfaces.items():
        assert f"{lossy} ✂" in text, place
        assert f"none ({stand_in})" in text, place
    assert cells[f"bin 1 · N={TOP}"].startswith(f"{lossy} ✂")
    assert cells[f"bin 2 · N={TOP}"].startswith(f"none ({stand_in}) ")
    for place in ("terminal", "first screen", "headlines"):
        words = " ".join(surfaces[place].split())
        assert "more than 10% of its completions there were cut or gave no answer" in words, place
        assert "nothing is recommended" in words, place


def printed(show, *args):
    out = io.StringIO()
    show(*args, Console(file=out, width=100, color_system=None))
    return " ".join(out.getvalue().split())


def test_the_lists_of_changed_cells_mark_it_too(summary):
    at_top = pl.col("budget") == TOP
    changes = summary.changes.filter(at_top, difficulty=summary.used_difficulty).with_columns(
        changed=pl.lit(True)
    )
    lossy, stand_in = named(summary, 1)[1], named(summary, 2)[1]
    rows = changes.with_columns(
        family=pl.lit("f"), version_now=2, difference=0.1, decided=pl.lit(True)
    )
    cells = [
        ChangedCell(
            bin=row["bin"],
            budget=TOP,
            before=row["strategy_before"],
            now=row["strategy_now"],
            lost_before=lost_before,
            lost_now=lost_now,
            gain=None,
            p=None,
        )
        for row in rows.to_dicts()
        for lost_before, lost_now in [changed_losses(row)]
    ]
    diff = Diff(None, None, [], len(cells), cells, TOP, [], [])
    surfaces = {
        "report": report_tables.changes(summary._replace(changes=changes)),
        "ttc policy": printed(_print_changed_cells, rows),
        "ttc diff": printed(_print_cells, diff),
    }
    for place, text in surfaces.items():
        assert text.count(f"{lossy} ✂") == 1, place
        assert f"none ({stand_in})" in text, place
        assert "more than 10% of its completions there were cut or gave no answer" in text, place
        assert "nothing is recommended" in text, place


def test_a_cell_that_moved_under_another_grader_is_marked_on_its_side_and_may_be_new():
    row = {"bin": 1, "budget": 4, "strategy_before": None, "strategy_now": "weighted"}
    row |= {"accuracy_before": None, "accuracy_now": 0.5}
    lost = {"truncated": 0.0, "no_answer": 0.2, "recommended": True}
    row |= {f"{name}_before": None for name in lost}
    row |= {f"{name}_now": value for name, value in lost.items()}
    shown = {"bin": 1, "budget": 4, "strategy_before": None, "strategy_now": "weighted ✂"}
    assert _marked(row) == shown | {"accuracy_before": None, "accuracy_now": 0.5}


def test_where_nothing_is_lost_no_mark_is_explained():
    cells = policy_cells(summary_of(), "oracle")
    assert loss_lines([cell.loss for cell in cells if not cell.loses_much]) == []


def test_mlflow_gets_the_shares_of_every_cell_and_how_many_lose(summary):
    publication = publication_of(summary)
    cells = {(cell["bin"], cell["budget"]): cell for cell in publication.policy["cells"]}
    assert cells[1, TOP]["truncated"] == cells[1, TOP]["no_answer"] == 0.3
    assert cells[2, TOP]["recommended"] is False and cells[1, TOP]["recommended"] is True
    # It is copied into the registered model, as JSON.
    assert json.loads(json.dumps(publication.policy)) == publication.policy
    tags = {
        name: publication.model_tags[name] for name in publication.model_tags if "cells" in name
    }
    assert tags == {"cells": str(len(cells)), "cells_lossy": "1", "cells_not_recommended": "1"}
    assert publication.tags["ttc.cells_lossy"] == "1"


def test_the_best_fixed_strategy_is_none_that_was_mostly_cut():
    # Without a policy: what the curve names was chosen so already.
    curve = summary_of().curve.with_columns(fixed=pl.lit(None, pl.String))
    plain = summary_of(curve=curve)
    best = best_fixed(plain, TOP)["strategy"]
    cut = pl.when(pl.col("strategy") == best).then(0.6).otherwise(0.0)
    summary = plain._replace(accuracy=plain.accuracy.with_columns(truncated=cut))
    assert best_fixed(summary, TOP)["strategy"] != best
    assert best_fixed(summary, TOP)["accuracy"] <= best_fixed(plain, TOP)["accuracy"]


@pytest.mark.parametrize(
    ("lost", "recommended", "words"),
    [
        (0.05, True, "bin 1 · weighted at 4 of budget 4"),
        (None, True, "bin 1 · weighted at 4 of budget 4"),
        (0.3, True, "weighted ✂ (30% of its completions were cut or silent) at 4"),
        (0.9, False, "weighted (stands in: most completions of every strategy were cut) at 4"),
    ],
)
def test_an_answer_says_that_its_strategy_loses_much(lost, recommended, words):
    cost = dict.fromkeys(
        ("generations", "generated_tokens", "prompt_tokens", "verifier_tokens", "flops"), 1
    )
    record = {"answer": "7", "score": None, "bin": 1, "strategy": "weighted", "measured": 4}
    record |= {"budget": 4, "run_id": "r", "difficulty": "probe", "model": "m", "cost": cost}
    record |= {"advice": None}
    assert words in _text(record | {"lost": lost, "recommended": recommended})
