"""The report's tables: efficiency factor, fleet budget, costs, rates, failures, changes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import polars as pl

from tasks.publication.summary import RunSummary
from tasks.publication.words import factor_text, net_text
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.strategies.names import short_names

_UNKNOWN = "–"


def efficiency(summary: RunSummary) -> str:
    """The efficiency factor by budget, a column a difficulty, and beside it the net factor."""
    rows = summary.efficiency
    known = set(rows["difficulty"].to_list())
    kinds = [kind for kind in DIFFICULTIES if kind in known]
    texts: dict[tuple[int, str], tuple[str, str]] = {}
    for row in rows.iter_rows(named=True):
        pair = factor_text(row), net_text(row) or _UNKNOWN
        texts[row["budget"], row["difficulty"]] = pair
    head = ["N"]
    for kind in kinds:
        head += [kind, "net"]
    body: list[list[str]] = []
    for budget in rows["budget"].unique().sort().to_list():
        line = [str(budget)]
        for kind in kinds:
            line += texts.get((budget, kind), (_UNKNOWN, _UNKNOWN))
        body.append(line)
    note = (
        "Budget at which the baseline reaches the policy's accuracy at N, divided by N; net: by "
        "the generations spent, those that estimate the difficulty included."
    )
    return _section(f"Efficiency factor over {summary.baseline}", head, body, note=note)


def fleet(summary: RunSummary) -> str:
    """What it is worth to spend an average budget unevenly over the bins (METHOD §11.4).

    Nothing for a run from before it was computed.
    """
    rows = summary.fleet.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    # An average without an interval was not measured on both folds.
    body = [_fleet_line(row) for row in rows.drop_nulls("gain_lo").iter_rows(named=True)]
    note = (
        "The same average budget, uniform or by marginal gain over bins; cross-validated, "
        f"differences paired. {summary.used_difficulty.capitalize()} difficulty, its own draws in "
        "neither."
    )
    head = ["average", "uniform", "by gain", "difference", "spent", "average of bins 1 …"]
    return _section("One budget over many questions", head, body, note=note)


def _fleet_line(row: dict[str, Any]) -> list[str]:
    # Three digits, where other tables have two: the differences are that small.
    return [
        str(row["budget"]),
        f"{row['uniform']:.3f}",
        f"{row['accuracy']:.3f}",
        f"{row['gain']:+.3f} [{row['gain_lo']:+.3f}, {row['gain_hi']:+.3f}]",
        f"{row['spent']:.1f}",
        " · ".join(f"{budget:.3g}" for budget in row["bin_budgets"]),
    ]


def costs(summary: RunSummary) -> str:
    """What the run really spent, a row a role."""
    frame = summary.costs
    body = [[_number(value) for value in row] for row in frame.iter_rows()]
    head = [column.replace("_", " ") for column in frame.columns]
    note = "What this run really spent; draws shared with earlier runs cost it nothing."
    return _section("Cost by role", head, body, note=note)


def rates(summary: RunSummary) -> str:
    """No-answer and truncation rates by bin at the largest budget; nothing without bins."""
    if not summary.difficulties:
        return ""
    kind = summary.used_difficulty
    top = summary.budgets[-1]
    rows = summary.accuracy.filter(difficulty=kind, budget=top)
    bins = rows["bin"].unique().sort().to_list()
    texts: dict[tuple[str, int], str] = {}
    for row in rows.iter_rows(named=True):
        text = f"{row['no_answer']:.1%} / {row['truncated']:.1%}"
        texts[row["strategy"], row["bin"]] = text
    body: list[list[str]] = []
    for key, name in short_names(summary.strategies).items():
        body.append([name, *(texts.get((key, bin_), _UNKNOWN) for bin_ in bins)])
    head = ["strategy", *(f"bin {bin_}" for bin_ in bins)]
    note = (
        f"Completions without an answer / cut at the token limit, at N = {top}, {kind} difficulty."
    )
    return _section("No answer and truncation by bin", head, body, note=note)


def failures(summary: RunSummary) -> str:
    """Verifier calls that gave no score, by reason."""
    rows = summary.failures.iter_rows(named=True)
    body = [[str(row["reason"]), _number(row["calls"])] for row in rows]
    note = "Missing scores, never counted as 0."
    return _section("Verifier failures", ["reason", "calls"], body or [["none", "0"]], note=note)


def changes(summary: RunSummary) -> str:
    """Cells that name another strategy than the previous model version's; nothing without one."""
    rows = summary.changes.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    changed = rows.filter(pl.col("changed")).to_dicts()
    # The earlier version may name strategies that this run does not have.
    earlier = [row["strategy_before"] for row in changed if row["strategy_before"]]
    names = short_names([*summary.strategies, *earlier])
    body: list[list[str]] = []
    for row in changed:
        before = _cell(names.get(row["strategy_before"]), row["accuracy_before"])
        now = _cell(names.get(row["strategy_now"]), row["accuracy_now"])
        body.append([f"bin {row['bin']} · N = {row['budget']}", before, now])
    version = rows["version_before"][0]
    note = f"{len(changed)} of {rows.height} cells name another strategy."
    if not rows["same_questions"].all():
        note += " The benchmark's content changed in between, so accuracies do not compare."
    head = ["cell", f"v{version}", f"v{summary.run['version']}"]
    return _section(f"Changed since v{version}", head, body, note=note)


def _cell(name: str | None, accuracy: float | None) -> str:
    if name is None:
        return _UNKNOWN
    return name if accuracy is None else f"{name} {accuracy:.2f}"


def _number(value: object) -> str:
    """Thousands set apart, large or fractional numbers in short form, `–` for unknown."""
    if value is None:
        return _UNKNOWN
    if not isinstance(value, int | float):
        return str(value)
    # FLOPs are whole numbers too, but a column of 13 digits cannot be read.
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e9):
        return f"{value:.3g}"
    # A narrow no-break space, as the SI brochure has it: a comma is a decimal sign to some.
    return f"{int(value):,}".replace(",", "\u202f")


def _section(title: str, head: Sequence[str], body: Sequence[Sequence[str]], *, note: str) -> str:
    rows = [_row(head, "th"), *(_row(values, "td") for values in body)]
    # Only the table scrolls where it is wider than the page.
    table = f"<div class=scroll><table>{''.join(rows)}</table></div>"
    return f"<div><h2>{escape(title)}</h2><p class=note>{escape(note)}</p>{table}</div>"


def _row(values: Sequence[str], tag: str) -> str:
    """A name and, set right by their class, numbers."""
    first, *rest = [escape(value) for value in values]
    numbers = "".join(f"<{tag} class=n>{value}</{tag}>" for value in rest)
    return f"<tr><{tag}>{first}</{tag}>{numbers}</tr>"
