"""The HTML report of one run: one file, no network, no script."""

from __future__ import annotations

from html import escape
from typing import Any

from tasks.publication import report_tables as tables
from tasks.publication.axis_policies import axis_factor_text, axis_factors
from tasks.publication.cost_figures import NOTE as COSTS
from tasks.publication.cost_figures import cost_figures
from tasks.publication.exchange_figure import exchange_figure, exchange_note
from tasks.publication.figures import (
    PALETTE,
    accuracy_by_bin,
    accuracy_by_budget,
    first_curve,
)
from tasks.publication.first_lines import first_lines
from tasks.publication.headlines import (
    best_fixed,
    best_fixed_name,
    headlines,
    largest_factor,
    other_kinds,
)
from tasks.publication.policy_grid import policy_grid
from tasks.publication.provenance import provenance
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.summary import RunSummary
from tasks.publication.words import (
    amount_text,
    factor_text,
    model_short_name,
    plus_minus_text,
)
from tasks.strategies.names import short_names

STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;\
max-width:1240px;margin:24px auto;
padding:0 32px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:30px 0 4px}.sub,.note{color:#555;margin:0 0 8px}
.cards{display:flex;gap:14px;margin:16px 0 10px}\
.card{flex:1;border:1px solid #ccc;border-radius:6px;
padding:10px 14px}
.card b{display:block;font-size:27px;line-height:1.25;font-variant-numeric:tabular-nums;\
white-space:nowrap}
.card span{display:block;color:#555;font-size:13px}
.headlines{margin:6px 0;padding-left:20px}svg{width:100%;height:auto;display:block}
table{border-collapse:collapse;margin:6px 0;font-variant-numeric:tabular-nums}
th,td{padding:3px 14px 3px 0;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;border-bottom:1.5px solid #888}td.n,th.n{text-align:right}
.provenance th{border-bottom:1px solid #ddd}
.columns{display:flex;gap:48px;flex-wrap:wrap}.scroll{overflow-x:auto}\
code{font-size:13px;overflow-wrap:anywhere}
@media print{.page{break-before:page}}
</style>"""
"""Looks of a page; quotation marks around attributes are left out where HTML lets them."""
_GRID = (
    "Refitted on all questions. A cell: strategy, accuracy ± half its 95 % interval, "
    "(gain over baseline)."
)
_BANDS = "Lines are means over questions, bands 95 % intervals. Compute-optimal is cross-validated."
_FIRST = (
    "Over all questions; bands are 95 % intervals. Policy and best fixed strategy are chosen on "
    "other questions than they are measured on."
)
_BINS = (
    "The draws that set a question's bin are not those its accuracy is measured on. "
    "Bin 1 is the easiest."
)


def html(summary: RunSummary) -> str:
    """The whole page, UTF-8 text that stands alone: it can be mailed, or kept for years."""
    run = summary.run
    model = model_short_name(run["model"])
    title = f"{model} v{run['version']} on {run['benchmark']}"
    body = "".join(_sections(summary, title))
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title>{STYLE}</head>'
    return f'<!doctype html><html lang="en">{head}<body>{body}</body></html>'


def _sections(summary: RunSummary, title: str) -> list[str]:
    """The page from the top: result with its curve and its policy, then figures, then tables."""
    # The used difficulty's policy stands before the curves, the others' behind them: it is what
    # the page is about, and they are there for comparison.
    used, *others = [_by_difficulty(summary, kind) for kind in summary.difficulties] or [""]
    return [
        _head(summary, title),
        _list(first_lines(summary)),
        _figure("Accuracy against budget", first_curve(summary), note=_FIRST),
        used,
        _list(recommendation_lines(summary)),
        "<h2 class=page>In detail</h2>",
        _cards(summary),
        _list([*headlines(summary), *other_kinds(summary)]),
        _figure(
            "Accuracy against budget, all questions",
            accuracy_by_budget(summary),
            note=_curve_note(summary),
        ),
        *(_figure(name, svg, note=COSTS) for name, svg in cost_figures(summary).items()),
        _exchange(summary),
        *others,
        tables.along_axes(summary),
        tables.changes(summary),
        _side_by_side(tables.efficiency(summary), tables.costs(summary)),
        tables.fleet(summary),
        tables.rates(summary),
        _side_by_side(tables.failures(summary), tables.steps(summary)),
        provenance(summary),
    ]


def _head(summary: RunSummary, title: str) -> str:
    """The title, and below it which run this is."""
    study = summary.run["study"]
    opened = f"{summary.run['opened_at']:%Y-%m-%d %H:%M}"
    grader = summary.run["grader"]
    subtitle = f"Run {summary.run_id} · study {study} · {opened} · judged by grader {grader}"
    # What a user named is escaped wherever it goes: it may be anything.
    return f"<h1>{escape(title)}</h1><p class=sub>{escape(subtitle)}</p>"


def _list(sentences: list[str]) -> str:
    """A line each."""
    items = [f"<li>{escape(sentence)}</li>" for sentence in sentences]
    return f"<ul class=headlines>{''.join(items)}</ul>"


def _side_by_side(*parts: str) -> str:
    """Parts beside each other; below where the window is narrow."""
    return f"<div class=columns>{''.join(parts)}</div>"


def _figure(title: str, svg: str, *, note: str) -> str:
    """A figure under its title and what is in it."""
    top = f"<h2>{escape(title)}</h2><p class=note>{escape(note)}</p>"
    return f"{top}{svg}"


def _curve_note(summary: RunSummary) -> str:
    """What the lines are, and which of them are shown where they are many."""
    every = len(summary.strategies)
    lines = len(PALETTE)
    if every <= lines:
        return _BANDS
    # A reader has to know that lines are missing, and which.
    return f"{_BANDS} The {lines} of {every} strategies chosen or best most often."


def _exchange(summary: RunSummary) -> str:
    """The exchange with a larger model; nothing where the study has none."""
    rows = summary.shown_exchange
    if not rows.height:
        return ""
    models = rows["large_model"].unique(maintain_order=True)
    larger = " and ".join(model_short_name(name) for name in models)
    title = f"Exchange with a larger model, {larger}"
    return _figure(title, exchange_figure(rows), note=exchange_note(rows))


def _by_difficulty(summary: RunSummary, kind: str) -> str:
    """The policy grid and accuracy by bin under one kind of difficulty.

    One below the other, because the one says what to do and the other why.
    """
    grid = policy_grid(summary, kind)
    curves = accuracy_by_bin(summary, kind)
    return "".join(
        (
            _figure(f"Policy by {kind} difficulty", grid, note=_GRID),
            _figure(f"Accuracy by bin, {kind} difficulty", curves, note=_BINS),
        )
    )


def _cards(summary: RunSummary) -> str:
    """The largest budget's accuracies and the largest efficiency factor, in large print.

    What fits in one look; the sentences below say the same with intervals.
    """
    cards = [*_accuracy_cards(summary), *_factor_card(summary), *_token_factor_card(summary)]
    return f"<div class=cards>{''.join(cards)}</div>"


def _accuracy_cards(summary: RunSummary) -> list[str]:
    """The policy, the best fixed strategy and the baseline."""
    top = summary.budgets[-1]
    names = short_names(summary.strategies)
    cards: list[str] = []
    if summary.difficulties:
        kind = summary.used_difficulty
        rows = summary.curve.filter(difficulty=kind, budget=top)
        for row in rows.iter_rows(named=True):
            cards.append(_accuracy_card("compute-optimal", f"{kind} difficulty", row))
    best = best_fixed(summary, top)
    cards.append(_accuracy_card("best fixed strategy", best_fixed_name(best, names), best))
    rows = summary.overall.filter(strategy=summary.baseline, budget=top)
    for row in rows.iter_rows(named=True):
        cards.append(_accuracy_card("baseline", names[summary.baseline], row))
    return cards


def _accuracy_card(name: str, note: str, row: dict[str, Any]) -> str:
    """A card of an accuracy with half the width of its interval."""
    half = (row["hi"] - row["lo"]) / 2
    value = plus_minus_text(row["accuracy"], half)
    remark = f"{note}, at N = {row['budget']}"
    return _card(name, value, remark)


def _factor_card(summary: RunSummary) -> list[str]:
    """One card, or none where no efficiency factor is known."""
    best = largest_factor(summary)
    if best is None:
        return []
    # A lower bound says so before the number, which is what is read.
    bound = "> " if best["beyond"] else ""
    value = f"{bound}{best['factor']:.2g}×"
    note = f"{factor_text(best)} at N = {best['budget']}, its largest"
    return [_card(f"efficiency factor over {summary.baseline}", value, note)]


def _token_factor_card(summary: RunSummary) -> list[str]:
    """The largest factor along generated tokens; none where they are unknown."""
    rows = axis_factors(summary, "tokens")
    if not rows:
        return []
    best = max(rows, key=lambda row: row["factor"])
    bound = "> " if best["beyond"] else ""
    value = f"{bound}{best['factor']:.2g}×"
    cost = amount_text(best["cost"])
    note = f"{axis_factor_text(best)} at {cost} tokens a question, its largest"
    return [_card(f"the same in tokens over {summary.baseline}", value, note)]


def _card(name: str, value: str, note: str) -> str:
    """One large number between what it is and a remark."""
    number = f"<b>{escape(value)}</b>"
    remark = f"<span>{escape(note)}</span>"
    return f"<div class=card>{escape(name)}{number}{remark}</div>"
