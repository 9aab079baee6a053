"""The HTML report of one run: headline first, figures, tables, provenance; one file, no network, no script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import polars as pl

from tasks.figures import accuracy_by_bin, accuracy_by_budget, policy_grid
from tasks.headlines import best_fixed, headlines
from tasks.summary import (
    COVERAGE,
    RunSummary,
    benchmark_name,
    factor_text,
    half_width,
    model_short_name,
    short_names,
)


def html(summary: RunSummary) -> str:
    """The whole page, UTF-8 text that stands alone."""
    run = summary.run
    title = f"{model_short_name(run['model'])} v{run['version']} on {benchmark_name(run['benchmark'])}"
    day = f"{run['opened_at']:%Y-%m-%d %H:%M}" if run.get("opened_at") else ""
    sections = [
        f"<h1>{escape(title)}</h1><p class=sub>Run {escape(summary.run_id)} · study {escape(run['study'])} · {day}</p>",
        _cards(summary),
        "<ul class=headlines>" + "".join(f"<li>{escape(s)}</li>" for s in headlines(summary)) + "</ul>",
        *_by_difficulty(summary)[:1],
        _figure("Accuracy against budget, all questions", accuracy_by_budget(summary), _BANDS),
        *_by_difficulty(summary)[1:],
        "<div class=columns>" + _efficiency(summary) + _costs(summary) + "</div>",
        _rates(summary),
        "<div class=columns>" + _failures(summary) + _provenance(summary) + "</div>",
    ]
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{_STYLE}</head><body>{"".join(sections)}</body></html>'


_BANDS = "Lines are means over the questions, bands 95 % intervals. Compute-optimal is cross-validated over two folds."
_BINS = "The draws that set a question's bin are not those its accuracy is measured on. Bin 1 is the easiest."

_STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:1240px;margin:24px auto;padding:0 32px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:30px 0 4px}.sub,.note{color:#555;margin:0 0 8px}
.cards{display:flex;gap:14px;margin:16px 0 10px}.card{flex:1;border:1px solid #ccc;border-radius:6px;padding:10px 14px}
.card b{display:block;font-size:27px;line-height:1.25;font-variant-numeric:tabular-nums}.card span{display:block;color:#555;font-size:13px}
.headlines{margin:6px 0;padding-left:20px}svg{width:100%;height:auto;display:block}
table{border-collapse:collapse;margin:6px 0;font-variant-numeric:tabular-nums}th,td{padding:3px 14px 3px 0;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;border-bottom:1.5px solid #888}td.n,th.n{text-align:right}.columns{display:flex;gap:48px;flex-wrap:wrap}.scroll{overflow-x:auto}
code{font-size:13px;overflow-wrap:anywhere}
</style>"""


def _cards(summary: RunSummary) -> str:
    budget = summary.budgets[-1]
    names = short_names(summary.strategies)
    found: list[tuple[str, str, str]] = []
    for kind in summary.difficulties[:1]:
        top = summary.curve.filter((pl.col("difficulty") == kind) & (pl.col("budget") == budget)).to_dicts()
        found += [_accuracy_card("compute-optimal", f"{kind} difficulty, at N = {budget}", row) for row in top]
    best = best_fixed(summary, budget)
    found.append(_accuracy_card("best fixed strategy", f"{names[best['strategy']]}, at N = {budget}", best))
    base = summary.overall.filter((pl.col("strategy") == summary.baseline) & (pl.col("budget") == budget)).to_dicts()
    found += [_accuracy_card("baseline", f"{names.get(summary.baseline, summary.baseline)}, at N = {budget}", row) for row in base]
    found += _factor_card(summary)
    return "<div class=cards>" + "".join(
        f"<div class=card>{escape(name)}<b>{escape(value)}</b><span>{escape(note)}</span></div>" for name, value, note in found
    ) + "</div>"  # fmt: skip


def _accuracy_card(name: str, note: str, row: dict[str, Any]) -> tuple[str, str, str]:
    return name, f"{row['accuracy']:.2f} {half_width((row['hi'] - row['lo']) / 2)}", note


def _factor_card(summary: RunSummary) -> list[tuple[str, str, str]]:
    kinds = summary.difficulties[:1]
    rows = summary.efficiency.filter(pl.col("difficulty").is_in(kinds) & (pl.col("budget") > 1))
    if not rows.height:
        return []
    best = rows.sort("factor", descending=True, maintain_order=True).row(0, named=True)
    value = ("> " if best["beyond"] else "") + f"{best['factor']:.2g}×"
    note = f"over {summary.baseline}, at N = {best['budget']}: {factor_text(best)}"
    return [("efficiency factor, its largest", value, note)]


def _figure(title: str, svg: str, note: str) -> str:
    return f"<h2>{escape(title)}</h2><p class=note>{escape(note)}</p>{svg}"


def _by_difficulty(summary: RunSummary) -> list[str]:
    """Policy and accuracy by bin for each kind of difficulty, the deployable one first."""
    note = "Refitted on all questions. Each cell: strategy, accuracy ± half its 95 % interval, gain over the baseline in brackets."
    parts: list[str] = []
    for kind in summary.difficulties:
        parts.append(_figure(f"Policy by {kind} difficulty", policy_grid(summary, kind), note))
        parts.append(_figure(f"Accuracy by bin, {kind} difficulty", accuracy_by_bin(summary, kind), _BINS))
    return parts


def _efficiency(summary: RunSummary) -> str:
    rows = summary.efficiency.sort("budget", "difficulty")
    kinds = sorted(rows["difficulty"].unique().to_list(), reverse=True)
    by = {(r["budget"], r["difficulty"]): factor_text(r) for r in rows.iter_rows(named=True)}
    body = [[str(n), *(by.get((n, kind), "–") for kind in kinds)] for n in rows["budget"].unique().sort().to_list()]
    return _section(
        f"Efficiency factor over {summary.baseline}", ["N", *kinds], body,
        note="Budget at which the baseline reaches the policy's accuracy at N, divided by N.",
    )  # fmt: skip


def _costs(summary: RunSummary) -> str:
    frame = summary.costs
    body = [[_number(value) for value in row] for row in frame.iter_rows()]
    return _section("Cost by role", [c.replace("_", " ") for c in frame.columns], body, note="What this run really spent.")


def _rates(summary: RunSummary) -> str:
    """No-answer and truncation rates by bin at the largest budget."""
    parts: list[str] = []
    for kind in summary.difficulties[:1]:
        rows = summary.accuracy.filter(
            (pl.col("difficulty") == kind) & (pl.col("budget") == summary.budgets[-1]) & (pl.col("strategy") != COVERAGE)
        )
        names, bins = short_names(summary.strategies), sorted(b for b in rows["bin"].unique().to_list() if b)
        by = {(r["strategy"], r["bin"]): f"{r['no_answer']:.1%} / {r['truncated']:.1%}" for r in rows.iter_rows(named=True)}
        body = [[names[key], *(by.get((key, b), "–") for b in bins)] for key in summary.strategies]
        note = f"Share of completions without an answer / cut at the token limit, at N = {summary.budgets[-1]}, {kind} difficulty."
        parts.append(_section("No answer and truncation by bin", ["strategy", *(f"bin {b}" for b in bins)], body, note=note))
    return "".join(parts)


def _failures(summary: RunSummary) -> str:
    body = [[str(r["reason"]), _number(r["calls"])] for r in summary.failures.iter_rows(named=True)]
    return _section("Verifier failures", ["reason", "calls"], body or [["none", "0"]], note="Missing scores, never counted as 0.")


def _provenance(summary: RunSummary) -> str:
    run = summary.run
    packages = ", ".join(f"{k} {v}" for k, v in json.loads(run["packages_json"] or "{}").items())
    rows = [
        ("model", f"{run['model']} · {run['model_fingerprint']}"),
        ("verifier", f"{run['verifier']} · {run['verifier_fingerprint']} · {run['aggregate']} step score" if run["verifier"] else "none"),
        ("benchmark", f"{run['benchmark']} · {run['benchmark_fingerprint']}"),
        ("seed, replicate", f"{run['seed']}, {run['replicate']}"),
        ("code commit", run["code_commit"]),
        ("packages", packages),
        ("Prefect run", summary.prefect_run_id or "none: started without Prefect"),
        ("minimum detectable difference", "not computed" if summary.mdd is None else f"{summary.mdd:.3f}"),
    ]  # fmt: skip
    body = "".join(f"<tr><th>{name}</th><td><code>{escape(str(value))}</code></td></tr>" for name, value in rows)
    return f"<div style='max-width:860px'><h2>Provenance</h2><table>{body}</table></div>"


def _number(value: object) -> str:
    """Thousands with thin spaces, large or fractional ones in short form, `–` for unknown."""
    if value is None:
        return "–"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and value < 1e9):
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _section(title: str, head: Sequence[str], body: Sequence[Sequence[str]], *, note: str) -> str:
    def row(values: Sequence[str], tag: str) -> str:
        kind = ["", *[" class=n"] * (len(values) - 1)]
        return "<tr>" + "".join(f"<{tag}{k}>{escape(v)}</{tag}>" for k, v in zip(kind, values, strict=True)) + "</tr>"

    table = row(head, "th") + "".join(row(values, "td") for values in body)
    return f"<div><h2>{escape(title)}</h2><p class=note>{escape(note)}</p><div class=scroll><table>{table}</table></div></div>"
