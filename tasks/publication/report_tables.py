"""The report's tables: efficiency factor, costs, rates, verifier failures, changes, provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import polars as pl

from tasks.publication.summary import RunSummary
from tasks.publication.words import factor_text, net_text
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.strategies.names import short_names


def efficiency(summary: RunSummary) -> str:
    """The efficiency factor by budget, a column a difficulty, and beside it net of what the difficulty cost."""
    rows = summary.efficiency
    kinds = [kind for kind in DIFFICULTIES if kind in rows["difficulty"]]
    texts = {
        (r["budget"], r["difficulty"]): (factor_text(r), net_text(r) or "–")
        for r in rows.iter_rows(named=True)
    }
    budgets = rows["budget"].unique().sort().to_list()
    body = [
        [str(n), *(text for kind in kinds for text in texts.get((n, kind), ("–", "–")))]
        for n in budgets
    ]
    note = "Budget at which the baseline reaches the policy's accuracy at N, divided by N; net: by the generations "
    note += "spent, those that estimate the difficulty included."
    head = ["N", *(text for kind in kinds for text in (kind, "net"))]
    return _section(f"Efficiency factor over {summary.baseline}", head, body, note=note)


def fleet(summary: RunSummary) -> str:
    """What it is worth to spend an average budget unevenly over the bins; nothing for a run from before that."""
    rows = summary.fleet.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    body = [
        [
            str(r["budget"]),
            f"{r['uniform']:.3f}",
            f"{r['accuracy']:.3f}",
            f"{r['gain']:+.3f} [{r['gain_lo']:+.3f}, {r['gain_hi']:+.3f}]",
            f"{r['spent']:.1f}",
            " · ".join(f"{one:.3g}" for one in r["bin_budgets"]),
        ]
        for r in rows.drop_nulls("gain_lo").iter_rows(named=True)
    ]
    note = "The same average budget, uniform or by marginal gain over bins; cross-validated, differences paired. "
    note += f"{summary.used_difficulty.capitalize()} difficulty, its own draws in neither."
    head = ["average", "uniform", "by gain", "difference", "spent", "average of bins 1 …"]
    return _section("One budget over many questions", head, body, note=note)


def costs(summary: RunSummary) -> str:
    """What the run really spent, a row a role."""
    frame = summary.costs
    body = [[_number(value) for value in row] for row in frame.iter_rows()]
    head = [column.replace("_", " ") for column in frame.columns]
    note = "What this run really spent; draws shared with earlier runs cost it nothing."
    return _section("Cost by role", head, body, note=note)


def rates(summary: RunSummary) -> str:
    """No-answer and truncation rates by bin at the largest budget."""
    parts: list[str] = []
    for kind in summary.difficulties[:1]:
        top = summary.budgets[-1]
        rows = summary.accuracy.filter((pl.col("difficulty") == kind) & (pl.col("budget") == top))
        bins = rows["bin"].unique().sort().to_list()
        by = {
            (r["strategy"], r["bin"]): f"{r['no_answer']:.1%} / {r['truncated']:.1%}"
            for r in rows.iter_rows(named=True)
        }
        names = short_names(summary.strategies)
        body = [[name, *(by.get((key, b), "–") for b in bins)] for key, name in names.items()]
        note = f"Completions without an answer / cut at the token limit, at N = {top}, {kind} difficulty."
        head = ["strategy", *(f"bin {b}" for b in bins)]
        parts.append(_section("No answer and truncation by bin", head, body, note=note))
    return "".join(parts)


def failures(summary: RunSummary) -> str:
    """Verifier calls that gave no score, by reason."""
    body = [[str(r["reason"]), _number(r["calls"])] for r in summary.failures.iter_rows(named=True)]
    note = "Missing scores, never counted as 0."
    return _section("Verifier failures", ["reason", "calls"], body or [["none", "0"]], note=note)


def changes(summary: RunSummary) -> str:
    """Cells that name another strategy than the previous model version's; nothing without one."""
    rows = summary.changes.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    changed = rows.filter(pl.col("changed")).to_dicts()
    names = short_names(
        [*summary.strategies, *(r["strategy_before"] for r in changed if r["strategy_before"])]
    )
    body = [
        [
            f"bin {r['bin']} · N = {r['budget']}",
            _cell(names.get(r["strategy_before"]), r["accuracy_before"]),
            _cell(names.get(r["strategy_now"]), r["accuracy_now"]),
        ]
        for r in changed
    ]
    before, same = rows["version_before"][0], bool(rows["same_questions"].all())
    note = f"{len(changed)} of {rows.height} cells name another strategy."
    note += (
        "" if same else " The benchmark's content changed in between, so accuracies do not compare."
    )
    head = ["cell", f"v{before}", f"v{summary.run['version']}"]
    return _section(f"Changed since v{before}", head, body, note=note)


def provenance(summary: RunSummary) -> str:
    """Names, fingerprints, seed, commit, versions."""
    run = summary.run
    verifier = f"{run['verifier']} · {run['verifier_fingerprint']} · {run['aggregate']} step score"
    packages = json.loads(run["packages_json"] or "{}")
    rows = {
        "model": f"{run['model']} · {run['model_fingerprint']}",
        "verifier": verifier if run["verifier"] else "none",
        "revisions by, judged by": _revisers(run),
        "benchmark": f"{run['benchmark']} · {run['benchmark_fingerprint']}",
        "seed, replicate": f"{run['seed']}, {run['replicate']}",
        "code commit": run["code_commit"],
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "Prefect run": summary.prefect_run_id or "none: started without Prefect",
        "minimum detectable difference": "not computed"
        if summary.mdd is None
        else f"{summary.mdd:.3f}",
    }
    body = "".join(
        f"<tr><th>{k}</th><td><code>{escape(str(v))}</code></td></tr>" for k, v in rows.items()
    )
    return f"<div style='max-width:860px'><h2>Provenance</h2><table class=provenance>{body}</table></div>"


def _revisers(run: dict[str, Any]) -> str:
    if run["reviser_fingerprint"] is None:
        return "none: the study does not revise"
    told = json.loads(run["study_json"]).get("revisions") or {}
    judge = (told.get("verifier") or {}).get("model", run["verifier"])
    reviser = f"{told.get('model') or run['model']} · {run['reviser_fingerprint']}"
    return (
        f"{reviser}; {judge} · {run['judge_fingerprint'] or run['verifier_fingerprint'] or 'none'}"
    )


def _cell(name: str | None, accuracy: float | None) -> str:
    if name is None:
        return "–"
    return name if accuracy is None else f"{name} {accuracy:.2f}"


def _number(value: object) -> str:
    """Thousands set apart, large or fractional numbers in short form, `–` for unknown."""
    if value is None:
        return "–"
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e9):
        return f"{value:.3g}"
    return (
        f"{int(value):,}".replace(",", "\u202f") if isinstance(value, int | float) else str(value)
    )


def _section(title: str, head: Sequence[str], body: Sequence[Sequence[str]], *, note: str) -> str:
    rows = [_row(head, "th"), *(_row(values, "td") for values in body)]
    table = f"<div class=scroll><table>{''.join(rows)}</table></div>"
    return f"<div><h2>{escape(title)}</h2><p class=note>{escape(note)}</p>{table}</div>"


def _row(values: Sequence[str], tag: str) -> str:
    first, *rest = [escape(value) for value in values]
    return (
        f"<tr><{tag}>{first}</{tag}>"
        + "".join(f"<{tag} class=n>{v}</{tag}>" for v in rest)
        + "</tr>"
    )
