"""`ttc diff`: two model versions side by side."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.terminal import console
from tasks.publication.cells import loss_lines, marked_name
from tasks.publication.words import model_short_name
from tasks.statistics.comparisons import Difference
from tasks.statistics.intervals import Estimate
from tasks.strategies.names import short_names
from tasks.versions.comparison import Comparison
from tasks.versions.diff import ChangedCell, Diff, Mover, difference
from tasks.versions.release import Finding, Judged, Release, judge_release
from tasks.versions.version import Scope, pair
from warehouse.snapshot import Snapshot


def show_diff(folder: Path, before: str, now: str, *, scope: Scope, as_json: bool) -> None:
    """Print what changed from one model version to another, 100 columns wide, or all as JSON."""
    store = Snapshot(folder)
    diff = difference(store, *pair(store, before, now, scope=scope))
    if as_json:
        print(json.dumps(_plain(diff), indent=1))
        return
    _print(diff, console())


def show_release(
    folder: Path,
    before: str,
    now: str,
    *,
    studies: list[str],
    family: str | None,
    as_json: bool,
) -> Finding:
    """Print what every benchmark of the studies says of a release, and all of them together."""
    release = judge_release(Snapshot(folder), before, now, studies=studies, family=family)
    if as_json:
        print(json.dumps(_plain(release), indent=1))
    else:
        _print_release(release, console())
    return release.finding


def _print_release(release: Release, out: Console) -> None:
    newest = release.benchmarks[0]
    models = [model_short_name(one.model) for one in (newest.before, newest.now)]
    out.print(Text(f"{newest.now.family}: {' → '.join(models)}", style="bold"))
    table = _table("study", "benchmark", "N", "difference", "p", "comparison")
    for one in release.benchmarks:
        budgets = ", ".join(map(str, one.budgets))
        table.add_row(
            Text(one.study),
            Text(one.benchmark),
            budgets,
            *_judged_row(one.judged),
        )
    table.add_row("all", "", "", *_judged_row(release.overall))
    out.print(table)
    out.print(
        "difference: accuracy, the mean over the budgets, with its 95 % interval; over all every "
        "benchmark counts the same; p adjusted over all rows (Holm): versions of equal worth are "
        "called better or worse anywhere in 5 of 100 releases at most",
        style="dim",
    )
    out.print(f"Release: {release.finding}.")


def _judged_row(judged: Judged) -> tuple[str, str, str]:
    p = "–" if math.isnan(judged.p) else f"{judged.p:.3f}"
    return _with_ends(judged.gain.estimate, "+.3f"), p, judged.finding


def _plain(value: Any) -> Any:
    """NamedTuples as objects with their fields' names, a difference and its p in one object."""
    if isinstance(value, Difference):
        gain, lo, hi = value.estimate
        return {"gain": gain, "lo": lo, "hi": hi, "p": value.p}
    if isinstance(value, ChangedCell):
        return _fields(value) | {"significant": value.significant}
    # Before lists and tuples: a NamedTuple is a tuple, and JSON would lose its names.
    if hasattr(value, "_asdict"):
        return _fields(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


def _fields(value: Any) -> dict[str, Any]:
    """A NamedTuple as an object."""
    return {name: _plain(part) for name, part in value._asdict().items()}


def _print(diff: Diff, out: Console) -> None:
    """The whole comparison: budgets, then cells, then single questions."""
    _print_versions(diff, out)
    out.print(
        "\nEach under its own policy, cross-validated; differences are paired, with 95 % intervals."
    )
    out.print(budget_table(diff.compared))
    _print_cells(diff, out)
    for title, movers in (("Biggest winners", diff.winners), ("Biggest losers", diff.losers)):
        none = "" if movers else ": none"
        out.print(f"\n{title} at N = {diff.budget}{none}", style="bold")
        for mover in movers:
            _print_mover(mover, out)


def _print_versions(diff: Diff, out: Console) -> None:
    """Which two versions these are, and the runs that measured them."""
    before = diff.before
    now = diff.now
    # As Text: names in square brackets are not markup.
    title = f"{now.family} on {now.benchmark}: version {before.version} → {now.version}"
    out.print(Text(title, style="bold"))
    for version in (before, now):
        model = model_short_name(version.model)
        out.print(f"  version {version.version}: {model}, run {version.run_id}")


def _print_cells(diff: Diff, out: Console) -> None:
    """How many cells changed, and those that did."""
    significant = sum(cell.significant for cell in diff.changed)
    changed = f"{len(diff.changed)} of {diff.cells}"
    out.print(f"\nPolicy cells that changed: {changed}, {significant} of them significantly.")
    if not diff.changed:
        return
    out.print(_cells(diff.changed))
    out.print(
        "gain: the strategy now over the one before, on the newer version; p adjusted (Holm); "
        "a bin is each version's own",
        style="dim",
    )
    losses = [loss for cell in diff.changed for loss in (cell.lost_before, cell.lost_now)]
    for line in loss_lines(losses):
        out.print(line, style="dim")


WORDS = ("before", "now", "comparison", "study", "benchmark")
"""Columns that hold words and stand to the left; numbers stand to the right."""


def _table(*columns: str) -> Table:
    """An empty table with these columns."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        justify = "left" if column in WORDS else "right"
        # Folded, not cut off: a strategy's name is what the reader came for.
        table.add_column(column, justify=justify, overflow="fold")
    return table


def budget_table(compared: list[Comparison]) -> Table:
    """A row a budget: both accuracies, what was gained and what it costs more; 80 columns wide."""
    table = _table("N", "from", "to", "difference", "FLOPs", "comparison")
    for one in compared:
        gain = one.gain.estimate
        table.add_row(
            str(one.budget),
            f"{one.before:.3f}",
            f"{one.accuracy:.3f}",
            _with_ends(gain, "+.3f"),
            _with_ends(one.cost.estimate, "+.0%"),
            _comparison(gain),
        )
    return table


def _comparison(gain: Estimate) -> str:
    """What the interval allows to be said of the newer version."""
    if gain.lo > 0:
        return "better"
    return "worse" if gain.hi < 0 else "not told apart"


def _with_ends(one: Estimate, form: str) -> str:
    """`+0.120 [+0.050, +0.190]`."""
    value, lo, hi = (format(figure, form) for figure in one)
    return f"{value} [{lo}, {hi}]"


def _cells(changed: list[ChangedCell]) -> Table:
    """A row a changed cell; a star marks a significant gain."""
    names = short_names(name for cell in changed for name in (cell.before, cell.now))
    table = _table("bin", "N", "before", "now", "gain", "p")
    for cell in changed:
        gain = "not measured" if cell.gain is None else _with_ends(cell.gain.estimate, "+.3f")
        star = " *" if cell.significant else ""
        # Unknown where either strategy was not measured on the newer version.
        p = "–" if cell.p is None else f"{cell.p:.3f}{star}"
        before = marked_name(names[cell.before], cell.lost_before)
        now = marked_name(names[cell.now], cell.lost_now)
        table.add_row(str(cell.bin), str(cell.budget), before, now, gain, p)
    return table


def _print_mover(mover: Mover, out: Console) -> None:
    """A question, its target, and a few completions of either version."""

    def show(line: str) -> None:
        # Whole completions are long: their beginning is enough to know them by.
        out.print(Text(line), no_wrap=True, overflow="ellipsis")

    before = f"{mover.before:.2f}"
    now = f"{mover.now:.2f}"
    out.print(Text(f"{mover.question_id}: {before} → {now}"))
    show(f"  question  {_one_line(mover.question)}")
    show(f"  target    {_one_line(mover.target)}")
    for name, draws in mover.draws.items():
        for draw in draws:
            show(f"  {name:<9} {_completion(draw)}")


def _completion(draw: dict[str, Any]) -> str:
    """`correct 0.93, 5: 2 + 3 = ⏎ Answer: 5`; the score is missing where the verifier failed."""
    verdict = draw["verdict"] or "–"
    score = "" if draw["score"] is None else f" {draw['score']:.2f}"
    answer = draw["canonical"] or "no answer"
    text = _one_line(draw["text"])
    return f"{verdict}{score}, {answer}: {text}"


def _one_line(text: str) -> str:
    """A text with its line ends shown instead of made."""
    parts = (part.strip() for part in text.splitlines())
    return " ⏎ ".join(part for part in parts if part)
