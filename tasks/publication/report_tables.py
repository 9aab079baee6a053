"""The report's tables: efficiency factor, fleet budget, costs, rates, failures, changes.

Each is HTML with a title and a note that says what its numbers are; empty text where the run has
nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import polars as pl

from tasks.publication.axis_policies import axis_tables
from tasks.publication.cells import (
    LOSSY,
    Loss,
    changed_losses,
    loses_much,
    loss_lines,
    marked_name,
)
from tasks.publication.summary import RunSummary
from tasks.publication.words import factor_text, net_text, rate_text
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.outcomes import MANY
from tasks.strategies.names import short_names

_UNKNOWN = "–"


def efficiency(summary: RunSummary) -> str:
    """The efficiency factor by budget, a column a difficulty, and beside it the net factor.

    Each with its 95 % interval; `–` where a kind has no factor at a budget.
    """
    rows = summary.efficiency
    # Not the kinds that have a policy: a factor is shown whether or not there is one.
    known = set(rows["difficulty"].to_list())
    kinds = [kind for kind in DIFFICULTIES if kind in known]
    texts = _factor_texts(rows)
    head = ["N"]
    for kind in kinds:
        head += [kind, "net"]
    body: list[list[str]] = []
    # A budget has a row also where only one of the kinds has a factor.
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


def _factor_texts(rows: pl.DataFrame) -> dict[tuple[int, str], tuple[str, str]]:
    """The factor and the net factor in words, by budget and kind of difficulty."""
    texts: dict[tuple[int, str], tuple[str, str]] = {}
    for row in rows.iter_rows(named=True):
        factor = factor_text(row)
        net = net_text(row) or _UNKNOWN
        texts[row["budget"], row["difficulty"]] = factor, net
    return texts


def along_axes(summary: RunSummary) -> str:
    """What the policy names when a question may cost so much, a table an axis that is known."""
    return "".join(
        _section(one.title, one.head, one.body, note=one.note) for one in axis_tables(summary)
    )


def fleet(summary: RunSummary) -> str:
    """What it is worth to spend an average budget unevenly over the bins (METHOD §11.4).

    Under the used difficulty only; nothing for a run from before it was computed.
    """
    rows = summary.fleet.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    # The interval is what makes it a result: an average without one is left out.
    body = [_fleet_line(row) for row in rows.drop_nulls("gain_lo").iter_rows(named=True)]
    note = (
        "The same average budget, uniform or by marginal gain over bins; cross-validated, "
        f"differences paired. {summary.used_difficulty.capitalize()} difficulty, its own draws in "
        "neither."
    )
    head = ["average", "uniform", "by gain", "difference", "spent", "average of bins 1 …"]
    return _section("One budget over many questions", head, body, note=note)


def _fleet_line(row: dict[str, Any]) -> list[str]:
    """One average budget: accuracy either way, the difference, and where the budget went.

    In the last column the mean budget of each bin's questions, easiest bin first.
    """
    # Three digits, where other tables have two: the differences are that small.
    interval = f"[{row['gain_lo']:+.3f}, {row['gain_hi']:+.3f}]"
    budgets = [f"{budget:.3g}" for budget in row["bin_budgets"]]
    return [
        str(row["budget"]),
        f"{row['uniform']:.3f}",
        f"{row['accuracy']:.3f}",
        f"{row['gain']:+.3f} {interval}",
        f"{row['spent']:.1f}",
        " · ".join(budgets),
    ]


def costs(summary: RunSummary) -> str:
    """What the run really spent, a row a role.

    A ledger of its own (METHOD §9): less than what the strategies cost, because they share draws.
    """
    frame = summary.costs
    # Most formats know no thinking, and two columns of unknowns tell nothing.
    parts = ("thinking_tokens", "answer_tokens")
    unknown = [name for name in parts if frame[name].null_count() == len(frame)]
    frame = frame.drop(unknown)
    body = [[_number(value) for value in row] for row in frame.iter_rows()]
    head = [column.replace("_", " ") for column in frame.columns]
    note = "What this run really spent; draws shared with earlier runs cost it nothing."
    return _section("Cost by role", head, body, note=note)


def rates(summary: RunSummary) -> str:
    """No-answer and truncation rates by bin at the largest budget; nothing without bins.

    By bin, because a low accuracy on hard questions may be a token limit that is too low.
    """
    if not summary.difficulties:
        return ""
    kind = summary.used_difficulty
    top = summary.budgets[-1]
    rows = summary.accuracy.filter(difficulty=kind, budget=top)
    texts = _rate_texts(rows)
    bins = rows["bin"].unique().sort().to_list()
    head = ["strategy", *(f"bin {bin_}" for bin_ in bins)]
    body: list[list[str]] = []
    for key, name in short_names(summary.strategies).items():
        line = [texts.get((key, bin_), _UNKNOWN) for bin_ in bins]
        body.append([name, *line])
    note = (
        f"Completions without an answer / cut, at N = {top}, {kind} difficulty; "
        f"{LOSSY} where either is more than {MANY:.0%}."
    )
    if rows["forced_ends"].drop_nulls().len():
        note += " Forced: thinking was cut at its cap, and the answer asked for there."
    return _section("No answer and truncation by bin", head, body, note=note)


def _rate_texts(rows: pl.DataFrame) -> dict[tuple[str, int], str]:
    """`2.0% / 1.0%` by strategy and bin: without an answer, cut; and forced, where caps are."""
    texts: dict[tuple[str, int], str] = {}
    for row in rows.iter_rows(named=True):
        silent = rate_text(row["no_answer"])
        cut = rate_text(row["truncated"])
        mark = f" {LOSSY}" if loses_much(row["truncated"], row["no_answer"]) else ""
        forced = row["forced_ends"]
        capped = "" if forced is None else f", {rate_text(forced)} forced"
        texts[row["strategy"], row["bin"]] = f"{silent} / {cut}{mark}{capped}"
    return texts


def failures(summary: RunSummary) -> str:
    """Verifier calls that gave no score, by reason, the most frequent first.

    A model server that restarts in the night looks like a bad verifier without this table.
    """
    body: list[list[str]] = []
    for reason, calls in summary.failures.select("reason", "calls").iter_rows():
        body.append([str(reason), _number(calls)])
    # An empty table would leave open whether failures were counted.
    if not body:
        body = [["none", "0"]]
    head = ["reason", "calls"]
    note = "Missing scores, never counted as 0."
    return _section("Verifier failures", head, body, note=note)


def steps(summary: RunSummary) -> str:
    """How long the model's steps are, and how often a limit of the study cut one or a search.

    A search whose steps are cut returns nothing, however good its verifier is.
    """
    (row,) = summary.steps.to_dicts()
    mean = _UNKNOWN if row["mean_steps"] is None else f"{row['mean_steps']:.1f}"
    body = [
        ["steps of a whole completion, mean", mean],
        ["steps of a completion, most", _number(row["most_steps"])],
        ["longest step, in tokens", _number(row["longest_step"])],
        ["steps cut at max_step_tokens", _of(row["cut_steps"], row["step_draws"])],
        ["searches ended by max_rounds", _of(row["out_of_rounds"], row["searches"])],
    ]
    return _section("Steps", ["what", "figure"], body, note="Limits of the study: [generator].")


def _of(part: int, whole: int) -> str:
    return f"{_number(part)} of {_number(whole)}"


def changes(summary: RunSummary) -> str:
    """Cells that name another strategy than the previous model version's.

    Nothing where there is none. Accuracies beside them, so that a change of mind between equals
    does not look like progress.
    """
    rows = summary.changes.filter(difficulty=summary.used_difficulty)
    if not rows.height:
        return ""
    changed = rows.filter(pl.col("changed")).to_dicts()
    # The earlier version may name strategies that this run does not have.
    earlier = [row["strategy_before"] for row in changed if row["strategy_before"]]
    names = short_names([*summary.strategies, *earlier])
    body = [_change_line(row, names) for row in changed]
    version = rows["version_before"][0]
    # Cells that stayed are counted and not listed: the grid above shows them.
    note = f"{len(changed)} of {rows.height} cells name another strategy."
    if not rows["same_questions"].all():
        note += " The benchmark's content changed in between, so accuracies do not compare."
    losses = [loss for row in changed for loss in changed_losses(row)]
    note += "".join(f" {line}." for line in loss_lines(losses))
    head = ["cell", f"v{version}", f"v{summary.run['version']}"]
    return _section(f"Changed since v{version}", head, body, note=note)


def _change_line(row: dict[str, Any], names: dict[str, str]) -> list[str]:
    """One cell, and what it named before and names now."""
    before, now = (names.get(row[key]) for key in ("strategy_before", "strategy_now"))
    lost_before, lost_now = changed_losses(row)
    return [
        f"bin {row['bin']} · N = {row['budget']}",
        _cell_text(before, row["accuracy_before"], lost_before),
        _cell_text(now, row["accuracy_now"], lost_now),
    ]


def _cell_text(name: str | None, accuracy: float | None, loss: Loss) -> str:
    """`beam m=4 ✂ 0.62`; the strategy alone where its accuracy is not known."""
    if name is None:
        return _UNKNOWN
    shown = marked_name(name, loss)
    return shown if accuracy is None else f"{shown} {accuracy:.2f}"


def _number(value: object) -> str:
    """Thousands set apart, large or fractional numbers in short form, `–` for unknown.

    `506 221`, `8.2e+11`; what is no number as it is.
    """
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
    """A table under its title and a note that says what is in it."""
    rows = [_row(head, "th")]
    rows += [_row(values, "td") for values in body]
    # Only the table scrolls where it is wider than the page.
    table = f"<div class=scroll><table>{''.join(rows)}</table></div>"
    top = f"<h2>{escape(title)}</h2><p class=note>{escape(note)}</p>"
    return f"<div>{top}{table}</div>"


def _row(values: Sequence[str], tag: str) -> str:
    """A name and, set right by their class, numbers.

    Escaped here, once for every table.
    """
    first, *rest = [escape(value) for value in values]
    parts = [f"<{tag}>{first}</{tag}>"]
    parts += [f"<{tag} class=n>{value}</{tag}>" for value in rest]
    return f"<tr>{''.join(parts)}</tr>"
