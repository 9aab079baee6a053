"""The HTML report of one run: headline, figures, tables, provenance; one file, no network, no script."""

from __future__ import annotations

from html import escape
from typing import Any

from tasks.publication import report_tables as tables
from tasks.publication.cost_figures import NOTE as COSTS
from tasks.publication.cost_figures import cost_figures
from tasks.publication.exchange_figure import exchange_figure, exchange_note
from tasks.publication.figures import PALETTE, accuracy_by_bin, accuracy_by_budget, policy_grid
from tasks.publication.headlines import best_fixed, headlines, largest_factor
from tasks.publication.summary import RunSummary
from tasks.publication.words import benchmark_name, factor_text, half_width_text, model_short_name
from tasks.strategies.names import short_names

STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:1240px;margin:24px auto;
padding:0 32px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:30px 0 4px}.sub,.note{color:#555;margin:0 0 8px}
.cards{display:flex;gap:14px;margin:16px 0 10px}.card{flex:1;border:1px solid #ccc;border-radius:6px;
padding:10px 14px}
.card b{display:block;font-size:27px;line-height:1.25;font-variant-numeric:tabular-nums;white-space:nowrap}
.card span{display:block;color:#555;font-size:13px}
.headlines{margin:6px 0;padding-left:20px}svg{width:100%;height:auto;display:block}
table{border-collapse:collapse;margin:6px 0;font-variant-numeric:tabular-nums}
th,td{padding:3px 14px 3px 0;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;border-bottom:1.5px solid #888}td.n,th.n{text-align:right}
.provenance th{border-bottom:1px solid #ddd}
.columns{display:flex;gap:48px;flex-wrap:wrap}.scroll{overflow-x:auto}code{font-size:13px;overflow-wrap:anywhere}
</style>"""
_GRID = "Refitted on all questions. A cell: strategy, accuracy ± half its 95 % interval, (gain over baseline)."
_BANDS = "Lines are means over questions, bands 95 % intervals. Compute-optimal is cross-validated."
_BINS = "The draws that set a question's bin are not those its accuracy is measured on. Bin 1 is the easiest."


def html(summary: RunSummary) -> str:
    """The whole page, UTF-8 text that stands alone."""
    run = summary.run
    title = (
        f"{model_short_name(run['model'])} v{run['version']} on {benchmark_name(run['benchmark'])}"
    )
    first, *others = [_by_difficulty(summary, kind) for kind in summary.difficulties] or [""]
    sections = [
        _head(summary, title),
        _cards(summary),
        "<ul class=headlines>"
        + "".join(f"<li>{escape(s)}</li>" for s in headlines(summary))
        + "</ul>",
        first,
        _figure(
            "Accuracy against budget, all questions",
            accuracy_by_budget(summary),
            note=_bands(summary),
        ),
        *(_figure(title, svg, note=COSTS) for title, svg in cost_figures(summary).items()),
        _exchange(summary),
        *others,
        tables.changes(summary),
        f"<div class=columns>{tables.efficiency(summary)}{tables.costs(summary)}</div>",
        tables.fleet(summary),
        tables.rates(summary),
        f"<div class=columns>{tables.failures(summary)}{tables.provenance(summary)}</div>",
    ]
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title>{STYLE}</head>'
    return f'<!doctype html><html lang="en">{head}<body>{"".join(sections)}</body></html>'


def _bands(summary: RunSummary) -> str:
    every, drawn = len(summary.strategies), len(PALETTE)
    return (
        _BANDS
        if every <= drawn
        else f"{_BANDS} The {drawn} of {every} strategies chosen or best most often."
    )


def _head(summary: RunSummary, title: str) -> str:
    run = summary.run
    told = f"Run {summary.run_id} · study {run['study']} · {run['opened_at']:%Y-%m-%d %H:%M}"
    return f"<h1>{escape(title)}</h1><p class=sub>{escape(told)}</p>"


def _figure(title: str, svg: str, *, note: str) -> str:
    return f"<h2>{escape(title)}</h2><p class=note>{escape(note)}</p>{svg}"


def _exchange(summary: RunSummary) -> str:
    rows = summary.shown_exchange
    if not rows.height:
        return ""
    larger = " and ".join(
        model_short_name(name) for name in rows["large_model"].unique(maintain_order=True)
    )
    return _figure(
        f"Exchange with a larger model, {larger}", exchange_figure(rows), note=exchange_note(rows)
    )


def _by_difficulty(summary: RunSummary, kind: str) -> str:
    """The policy grid and accuracy by bin under one kind of difficulty."""
    grid = _figure(f"Policy by {kind} difficulty", policy_grid(summary, kind), note=_GRID)
    return grid + _figure(
        f"Accuracy by bin, {kind} difficulty", accuracy_by_bin(summary, kind), note=_BINS
    )


def _cards(summary: RunSummary) -> str:
    """The largest budget's accuracies and the largest efficiency factor, in large print."""
    shown = [*_accuracy_cards(summary), *_factor_card(summary)]
    return f"<div class=cards>{''.join(shown)}</div>"


def _card(name: str, value: str, note: str) -> str:
    return f"<div class=card>{escape(name)}<b>{escape(value)}</b><span>{escape(note)}</span></div>"


def _accuracy_cards(summary: RunSummary) -> list[str]:
    top, names = summary.budgets[-1], short_names(summary.strategies)
    best = best_fixed(summary, top)
    found: list[tuple[str, str, dict[str, Any]]] = []
    for kind in summary.difficulties[:1]:
        rows = summary.curve.filter(difficulty=kind, budget=top).to_dicts()
        found += [("compute-optimal", f"{kind} difficulty", row) for row in rows]
    found.append(("best fixed strategy", names[best["strategy"]], best))
    rows = summary.overall.filter(strategy=summary.baseline, budget=top).to_dicts()
    found += [("baseline", names[summary.baseline], row) for row in rows]
    return [
        _card(
            name,
            f"{row['accuracy']:.2f} {half_width_text((row['hi'] - row['lo']) / 2)}",
            f"{note}, at N = {top}",
        )
        for name, note, row in found
    ]


def _factor_card(summary: RunSummary) -> list[str]:
    best = largest_factor(summary)
    if best is None:
        return []
    value = f"{'> ' if best['beyond'] else ''}{best['factor']:.2g}×"
    note = f"{factor_text(best)} at N = {best['budget']}, its largest"
    return [_card(f"efficiency factor over {summary.baseline}", value, note)]
