"""The replication report in one file: the paper's figures in their order, claims beside figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import polars as pl

from tasks.publication.exchange_figure import exchange_figure, exchange_note
from tasks.publication.report import STYLE
from tasks.publication.words import benchmark_name, factor_text, model_short_name, signed_text
from tasks.replication import figures
from tasks.replication.claims import claims
from tasks.replication.conclusions import (
    FACTOR,
    LEAST_BUDGET,
    LEAST_END,
    Conclusion,
    every,
    factor_conclusion,
    largest_factor,
)
from tasks.replication.evidence import Evidence
from tasks.replication.exchange_claims import ahead_somewhere, behind_on_the_hardest, best_bin
from tasks.replication.paper import FEW_INFERRED, Claim, Figure
from tasks.strategies.names import short_names

PAPER = "https://arxiv.org/abs/2408.03314"
_OWN = """<style>
.heads{display:flex;gap:16px;margin:16px 0 6px}
.head{flex:1;border:1px solid #bbb;border-left-width:8px;border-radius:6px;padding:10px 16px}
.head p{margin:2px 0}
.head b{font-size:25px;line-height:1.3;display:block;font-variant-numeric:tabular-nums}
.head small{color:#444;font-size:13.5px;display:block}
.i{white-space:nowrap}.v{font-weight:700;white-space:nowrap}
.yes{color:#00558a}.no{color:#a63f00}.open{color:#555}
.head.yes{border-color:#0072B2;color:inherit}.head.no{border-color:#D55E00;color:inherit}
.head.open{border-color:#888;color:inherit}
table.claims{width:100%;table-layout:fixed;margin-bottom:4px}table.claims td{padding:6px 14px 6px 0}
table.claims th:nth-child(1){width:38%}table.claims th:nth-child(3){width:130px}
nav{margin:10px 0 6px;font-size:13.5px}nav a{color:#00558a;margin-right:11px;white-space:nowrap}
section{border-top:1px solid #ccc;margin-top:26px}section h2{margin-top:18px}
</style>"""
# A sign and a word beside the colour: the report is also printed, and read without colours.
MARKS: dict[Conclusion, tuple[str, str]] = {
    "holds": ("yes", "✓ holds"),
    "does not hold": ("no", "✗ does not hold"),
    "cannot be told": ("open", "? cannot be told"),
}
_READ = (
    "A conclusion is drawn from the 95 % interval over questions, paired where two things are "
    "compared: a claim holds when the whole interval is on its side, does not hold when the whole "
    "interval is on the other, and else cannot be told. Compute-optimal accuracy is "
    "cross-validated, with the choice of strategies repeated inside each resample."
)


class Headline(NamedTuple):
    """One of the two results that stand on top."""

    question: str
    figure: str
    detail: str
    conclusion: Conclusion


def html(evidence: Evidence) -> str:
    """The whole page, UTF-8 text that stands alone."""
    tested = claims(evidence)
    title = "Test-time compute: the paper's claims, measured"
    body = [
        _head(evidence, title),
        f"<div class=heads>{''.join(map(_box, headlines(evidence)))}</div>",
        _count(tested),
        *_sections(evidence, tested),
        _provenance(evidence),
    ]
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title>{STYLE}{_OWN}</head>'
    return f'<!doctype html><html lang="en">{head}<body>{"".join(body)}</body></html>'


def headlines(evidence: Evidence) -> list[Headline]:
    """The saving over best-of-N, and the exchange with the larger model."""
    return [_saving(evidence), _trade(evidence)]


def _saving(evidence: Evidence) -> Headline:
    question = f"Does choosing the strategy by difficulty save {FACTOR:g}× over best-of-N weighted?"
    kind = evidence.used_difficulty
    rows = evidence.summary.efficiency.filter(pl.col("difficulty") == kind)
    best = largest_factor(rows)
    if best is None:
        unmeasured = f"No budget of {LEAST_BUDGET} or more was measured."
        return Headline(question, "–", unmeasured, "cannot be told")
    sentences = [
        f"efficiency factor at N = {best['budget']}, {kind} difficulty, 95 % interval in brackets"
    ]
    if best.get("net_factor") is not None:
        net = f"{best['net_factor']:.2g}×"
        sentences[0] += f"; {net} with the draws that estimate difficulty counted"
    others = _other_factors(evidence, best["budget"])
    if others:
        sentences.append(f"By {', by '.join(others)}")
    sentences.append(
        f"Wanted: {FACTOR:g} or more at some N ≥ {LEAST_BUDGET}, lower end above {LEAST_END:g}."
    )
    return Headline(question, _factor(best), ". ".join(sentences), factor_conclusion(rows))


def _other_factors(evidence: Evidence, budget: int) -> list[str]:
    """The factor at a budget under the kinds of difficulty that the policy is not used by."""
    factors: list[str] = []
    for kind in evidence.bins:
        if kind != evidence.used_difficulty:
            rows = evidence.summary.efficiency.filter(difficulty=kind, budget=budget)
            factors += [f"{kind} {factor_text(row)}" for row in rows.to_dicts()]
    return factors


def _factor(row: dict[str, Any]) -> str:
    """`5.2× [3.1, 8.0]`, `> 4× [3.9, no upper bound]`."""
    # Beyond the baseline's largest budget the figure is only a lower bound.
    bound = "> " if row["beyond"] else ""
    value = f"{bound}{row['factor']:.2g}×"
    low = "?" if row["lo"] is None else f"{row['lo']:.2g}"
    high = "no upper bound" if row["hi"] is None else f"{row['hi']:.2g}"
    return f"{value} [{low}, {high}]"


def _trade(evidence: Evidence) -> Headline:
    question = (
        "At equal FLOPs, is the small model ahead of the larger one on some bin, "
        "and behind on the hardest?"
    )
    rows = evidence.summary.shown_exchange
    few = rows.filter(pl.col("ratio") == FEW_INFERRED, pl.col("bin") > 0).sort("bin")
    if not few.height:
        unmeasured = "No larger model was asked at R = 0.16."
        return Headline(question, "not measured", unmeasured, "cannot be told")
    ahead, behind = ahead_somewhere(few), behind_on_the_hardest(few)
    by_bin = ", ".join(signed_text(row["difference"]) for row in few.to_dicts())
    # By bin, because the best may be the hardest itself: then it is shown once.
    shown = {
        row["bin"]: f"bin {row['bin']}: {signed_text(row['difference'])}"
        for row in (best_bin(few), few.row(-1, named=True))
        if row
    }
    one = few.row(0, named=True)
    detail = (
        f"accuracy of small minus large, by bin {by_bin}; "
        f"R = 0.16, {one['parameter_ratio']:.1f}× the parameters, "
        f"N = {one['budget']} of {one['multiple']:,.0f} affordable. "
        f"{ahead.measured[:1].upper()}{ahead.measured[1:]}. "
        f"Hardest: {behind.measured}."
    )
    conclusion = every([ahead.conclusion, behind.conclusion])
    return Headline(question, " · ".join(shown.values()), detail, conclusion)


def _head(evidence: Evidence, title: str) -> str:
    run = evidence.summary.run
    questions = evidence.outcomes["question_id"].n_unique()
    asked = (
        f"{model_short_name(run['model'])} on {questions} questions of "
        f"{benchmark_name(run['benchmark'])}, "
        f"budgets {evidence.budgets[0]} … {evidence.budgets[-1]}"
    )
    where = f"run {run['run_id']}, {run['opened_at']:%Y-%m-%d}"
    paper = f'Snell, Lee, Xu, Kumar, <a href="{PAPER}">arXiv 2408.03314</a>'
    facts = f"{paper} · {escape(asked)} · {escape(where)}"
    return f"<h1>{escape(title)}</h1><p class=sub>{facts}</p>"


def _box(head: Headline) -> str:
    mark, words = MARKS[head.conclusion]
    return (
        f"<div class='head {mark}'><p>{escape(head.question)}</p><b>{escape(head.figure)}</b>"
        f"<p class='v {mark}'>{words}</p><small>{_unbroken(head.detail)}</small></div>"
    )


def _count(tested: list[Claim]) -> str:
    plural: dict[Conclusion, str] = {
        "holds": "hold",
        "does not hold": "do not hold",
        "cannot be told": "cannot be told",
    }
    counts = Counter(claim.conclusion for claim in tested)
    parts = [
        f"<span class='v {MARKS[conclusion][0]}'>{counts[conclusion]} {words}</span>"
        for conclusion, words in plural.items()
    ]
    links = " ".join(f'<a href="#{slug}">{escape(title)}</a>' for _, slug, title in _TITLES)
    count = f"Of {len(tested)} claims: {' · '.join(parts)}"
    return f"<nav>{count}<br>{links}</nav><p class=note>{_READ}</p>"


_TITLES: Sequence[tuple[Figure, str, str]] = (
    ("search", "search", "Fig. 3 · search against best-of-N"),
    ("search policy", "search-policy", "Fig. 4 · compute-optimal search"),
    ("ratio", "ratio", "Fig. 6, 7 · sequential against parallel"),
    ("revision policy", "revision-policy", "Fig. 8 · compute-optimal revisions"),
    ("exchange", "exchange", "Fig. 1, 9 · exchange with a larger model"),
)


def _sections(evidence: Evidence, tested: list[Claim]) -> list[str]:
    drawn = _drawings(evidence)
    sections: list[str] = []
    for figure, slug, title in _TITLES:
        table = _table([claim for claim in tested if claim.figure == figure])
        charts = [f"<p class=note>{escape(note)}</p>{svg}" for note, svg in drawn[figure]]
        body = f"<h2>{escape(title)}</h2>{table}{''.join(charts)}"
        sections.append(f'<section id="{slug}">{body}</section>')
    return sections


def _drawings(evidence: Evidence) -> dict[Figure, list[tuple[str, str]]]:
    """Charts of each figure of the paper, each with a note; none where nothing was measured."""
    drawn: dict[Figure, list[tuple[str, str]]] = {
        "search": [
            ("", figures.search(evidence)),
            ("By bin of oracle difficulty", figures.search_by_bin(evidence)),
        ],
        "search policy": [("", figures.search_policy(evidence))] if evidence.search else [],
        "ratio": _ratio_figures(evidence),
        "revision policy": [("", figures.revision_policy(evidence))] if evidence.revising else [],
        "exchange": _exchange_figure(evidence),
    }
    return drawn


def _ratio_figures(evidence: Evidence) -> list[tuple[str, str]]:
    if not evidence.revising:
        return []
    note = (
        "N attempts in N/s chains of s in sequence, chosen by the verifier; "
        "a line's left end is all in parallel, its right end all in sequence."
    )
    by_bin = "By bin of oracle difficulty; with a verifier, and by majority without one"
    return [(note, figures.ratio(evidence)), (by_bin, figures.ratio_by_bin(evidence))]


def _exchange_figure(evidence: Evidence) -> list[tuple[str, str]]:
    rows = evidence.summary.shown_exchange
    if not rows.height:
        return []
    return [(exchange_note(rows), exchange_figure(rows))]


def _table(tested: list[Claim]) -> str:
    if not tested:
        return "<p class=note>Not in this study.</p>"
    columns = ("The paper says", "Measured here [95 % interval]", "Conclusion")
    head = "".join(f"<th>{column}</th>" for column in columns)
    rows: list[str] = []
    for claim in tested:
        mark, words = MARKS[claim.conclusion]
        said, measured = escape(claim.paper), _unbroken(claim.measured)
        rows.append(f"<tr><td>{said}</td><td>{measured}</td><td class='v {mark}'>{words}</td></tr>")
    return f"<table class=claims><tr>{head}</tr>{''.join(rows)}</table>"


def _unbroken(words: str) -> str:
    """The words as HTML, an interval never split between two lines."""
    # A figure, a space, and all up to the bracket that closes.
    interval = re.compile(r"\S+ \[[^\]]*[\])]")
    return interval.sub(lambda match: f"<span class=i>{match[0]}</span>", escape(words))


def _provenance(evidence: Evidence) -> str:
    run, names = evidence.summary.run, short_names(evidence.strategies)
    larger = evidence.summary.exchange["large_model"].unique().to_list() or ["none"]
    rows = {
        "run, study": f"{run['run_id']} · {run['study']}",
        "small model": f"{run['model']} · {run['model_fingerprint']}",
        "larger model": ", ".join(larger),
        "verifier": f"{run['verifier']} · {run['verifier_fingerprint']}",
        "benchmark, seed": f"{run['benchmark']} · {run['benchmark_fingerprint']} · {run['seed']}",
        "code commit": run["code_commit"],
        "strategies": ", ".join(names.values()),
    }
    body = "".join(
        f"<tr><th>{name}</th><td><code>{escape(str(value))}</code></td></tr>"
        for name, value in rows.items()
    )
    return f"<section><h2>Provenance</h2><table class=provenance>{body}</table></section>"
