"""The replication report in one file: the paper's figures in their order, claims beside figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html import escape

from tasks.publication.exchange_figure import exchange_figure, exchange_note
from tasks.publication.report import STYLE
from tasks.publication.words import model_short_name
from tasks.replication import figures
from tasks.replication.claims import claims
from tasks.replication.conclusions import Conclusion
from tasks.replication.evidence import Evidence
from tasks.replication.headlines import Headline, headlines
from tasks.replication.paper import Claim, Figure
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


def html(evidence: Evidence) -> str:
    """The whole page, UTF-8 text that stands alone."""
    tested = claims(evidence)
    title = "Test-time compute: the paper's claims, measured"
    boxes = "".join(map(_box, headlines(evidence)))
    body = [
        _head(evidence, title),
        f"<div class=heads>{boxes}</div>",
        _count(tested),
        *_sections(evidence, tested),
        _provenance(evidence),
    ]
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title>{STYLE}{_OWN}</head>'
    return f'<!doctype html><html lang="en">{head}<body>{"".join(body)}</body></html>'


def _head(evidence: Evidence, title: str) -> str:
    run = evidence.summary.run
    model = model_short_name(run["model"])
    benchmark = run["benchmark"]
    questions = evidence.outcomes["question_id"].n_unique()
    first = evidence.budgets[0]
    last = evidence.budgets[-1]
    asked = f"{model} on {questions} questions of {benchmark}, budgets {first} … {last}"
    where = f"run {run['run_id']}, {run['opened_at']:%Y-%m-%d}"
    paper = f'Snell, Lee, Xu, Kumar, <a href="{PAPER}">arXiv 2408.03314</a>'
    facts = f"{paper} · {escape(asked)} · {escape(where)}"
    return f"<h1>{escape(title)}</h1><p class=sub>{facts}</p>"


def _box(head: Headline) -> str:
    mark, words = MARKS[head.conclusion]
    return (
        f"<div class='head {mark}'>"
        f"<p>{escape(head.question)}</p>"
        f"<b>{escape(head.figure)}</b>"
        f"<p class='v {mark}'>{words}</p>"
        f"<small>{_unbroken(head.detail)}</small>"
        "</div>"
    )


def _count(tested: list[Claim]) -> str:
    plural: dict[Conclusion, str] = {
        "holds": "hold",
        "does not hold": "do not hold",
        "cannot be told": "cannot be told",
    }
    counts = Counter(claim.conclusion for claim in tested)
    parts: list[str] = []
    for conclusion, words in plural.items():
        mark, _ = MARKS[conclusion]
        # A conclusion that no claim ends with is counted too: 0 is an answer.
        parts.append(f"<span class='v {mark}'>{counts[conclusion]} {words}</span>")
    links: list[str] = []
    for _, slug, title in _TITLES:
        links.append(f'<a href="#{slug}">{escape(title)}</a>')
    count = f"Of {len(tested)} claims: {' · '.join(parts)}"
    return f"<nav>{count}<br>{' '.join(links)}</nav><p class=note>{_READ}</p>"


_TITLES: Sequence[tuple[Figure, str, str]] = (
    ("search", "search", "Fig. 3 · search against best-of-N"),
    ("search policy", "search-policy", "Fig. 4 · compute-optimal search"),
    ("ratio", "ratio", "Fig. 6, 7 · sequential against parallel"),
    ("revision policy", "revision-policy", "Fig. 8 · compute-optimal revisions"),
    ("exchange", "exchange", "Fig. 1, 9 · exchange with a larger model"),
)


def _sections(evidence: Evidence, tested: list[Claim]) -> list[str]:
    drawings = _drawings(evidence)
    sections: list[str] = []
    for figure, slug, title in _TITLES:
        # Claims first: what a chart shows is read with its conclusion in mind.
        body = f"<h2>{escape(title)}</h2>"
        body += _table([claim for claim in tested if claim.figure == figure])
        for note, svg in drawings[figure]:
            body += f"<p class=note>{escape(note)}</p>{svg}"
        sections.append(f'<section id="{slug}">{body}</section>')
    return sections


def _drawings(evidence: Evidence) -> dict[Figure, list[tuple[str, str]]]:
    """Charts of each figure of the paper, each with a note; none where nothing was measured."""
    drawings: dict[Figure, list[tuple[str, str]]] = {
        "search": [
            ("", figures.search(evidence)),
            ("By bin of oracle difficulty", figures.search_by_bin(evidence)),
        ],
        "search policy": [],
        "ratio": _ratio_figures(evidence),
        "revision policy": [],
        "exchange": _exchange_figure(evidence),
    }
    # A study without the baseline of a figure has no policy to draw in it.
    if evidence.search:
        drawings["search policy"].append(("", figures.search_policy(evidence)))
    if evidence.revising:
        drawings["revision policy"].append(("", figures.revision_policy(evidence)))
    return drawings


def _ratio_figures(evidence: Evidence) -> list[tuple[str, str]]:
    if not evidence.revising:
        return []
    note = (
        "N attempts in N/s chains of s in sequence, chosen by the verifier; "
        "a line's left end is all in parallel, its right end all in sequence."
    )
    by_bin = "By bin of oracle difficulty; with a verifier, and by majority without one"
    return [
        (note, figures.ratio(evidence)),
        (by_bin, figures.ratio_by_bin(evidence)),
    ]


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
        cells = (
            f"<td>{escape(claim.paper)}</td>"
            f"<td>{_unbroken(claim.measured)}</td>"
            f"<td class='v {mark}'>{words}</td>"
        )
        rows.append(f"<tr>{cells}</tr>")
    return f"<table class=claims><tr>{head}</tr>{''.join(rows)}</table>"


def _unbroken(words: str) -> str:
    """The words as HTML, an interval never split between two lines."""
    # A figure, a space, and all up to the bracket that closes.
    interval = re.compile(r"\S+ \[[^\]]*[\])]")
    return interval.sub(lambda match: f"<span class=i>{match[0]}</span>", escape(words))


def _provenance(evidence: Evidence) -> str:
    run = evidence.summary.run
    names = short_names(evidence.strategies)
    larger = evidence.summary.exchange["large_model"].unique().to_list() or ["none"]
    # Fingerprints beside names: a name may stand for other weights or questions next year.
    rows = {
        "run, study": f"{run['run_id']} · {run['study']}",
        "small model": f"{run['model']} · {run['model_fingerprint']}",
        "larger model": ", ".join(larger),
        "verifier": f"{run['verifier']} · {run['verifier_fingerprint']}",
        "benchmark, seed": f"{run['benchmark']} · {run['benchmark_fingerprint']} · {run['seed']}",
        "code commit": run["code_commit"],
        "strategies": ", ".join(names.values()),
    }
    body = ""
    for name, value in rows.items():
        code = escape(str(value))
        body += f"<tr><th>{name}</th><td><code>{code}</code></td></tr>"
    return f"<section><h2>Provenance</h2><table class=provenance>{body}</table></section>"
