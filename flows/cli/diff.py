"""`ttc diff`: two model versions side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.terminal import console
from tasks.publication.words import model_short_name
from tasks.statistics.comparisons import Difference
from tasks.strategies.names import short_names
from tasks.versions.comparison import Comparison
from tasks.versions.diff import ChangedCell, Diff, Mover, difference
from tasks.versions.version import Scope, pair
from warehouse.snapshot import Snapshot


def show_diff(folder: Path, before: str, now: str, *, scope: Scope, as_json: bool) -> None:
    """Print what changed from one model version to another, 100 columns wide, or all of it as JSON."""
    store = Snapshot(folder)
    found = difference(store, *pair(store, before, now, scope=scope))
    if as_json:
        print(json.dumps(_plain(found), indent=1))
        return
    _print(found, console())


def _plain(value: Any) -> Any:
    """NamedTuples as objects with their fields' names; a tested difference in one object."""
    if isinstance(value, Difference):
        gain, lo, hi = value.estimate
        return {"gain": gain, "lo": lo, "hi": hi, "p": value.p}
    if hasattr(value, "_asdict"):
        own = {"significant": value.significant} if isinstance(value, ChangedCell) else {}
        return {name: _plain(part) for name, part in value._asdict().items()} | own
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]  # type: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}  # type: ignore[reportUnknownVariableType]
    return value


def _print(found: Diff, out: Console) -> None:
    before, now = found.before, found.now
    out.print(
        Text(
            f"{now.family} on {now.benchmark}: version {before.version} → {now.version}",
            style="bold",
        )
    )
    for version in (before, now):
        out.print(
            f"  version {version.version}: {model_short_name(version.model)}, run {version.run_id}"
        )
    out.print(
        "\nEach under its own policy, cross-validated; differences are paired, with 95 % intervals."
    )
    out.print(_budgets(found.compared))
    significant = sum(cell.significant for cell in found.changed)
    changed = f"{len(found.changed)} of {found.cells}"
    out.print(f"\nPolicy cells that changed: {changed}, {significant} of them significantly.")
    if found.changed:
        out.print(_cells(found.changed))
        out.print(
            "gain: the strategy now over the one before, on the newer version; p adjusted (Holm); "
            "a bin is each version's own",
            style="dim",
        )
    for title, movers in (("Biggest winners", found.winners), ("Biggest losers", found.losers)):
        out.print(f"\n{title} at N = {found.budget}" + ("" if movers else ": none"), style="bold")
        for mover in movers:
            _print_mover(mover, out)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(
            column,
            justify="left" if column in ("before", "now", "verdict") else "right",
            overflow="fold",
        )
    return table


def _budgets(compared: list[Comparison]) -> Table:
    table = _table("N", "accuracy before", "accuracy now", "difference", "FLOPs", "verdict")
    for one in compared:
        gain, cost = one.gain.estimate, one.cost.estimate
        verdict = "better" if gain.lo > 0 else "worse" if gain.hi < 0 else "cannot be told apart"
        table.add_row(
            str(one.budget),
            f"{one.before:.3f}",
            f"{one.accuracy:.3f}",
            f"{gain.value:+.3f} [{gain.lo:+.3f}, {gain.hi:+.3f}]",
            f"{cost.value:+.0%} [{cost.lo:+.0%}, {cost.hi:+.0%}]",
            verdict,
        )
    return table


def _cells(changed: list[ChangedCell]) -> Table:
    names = short_names(name for cell in changed for name in (cell.before, cell.now))
    table = _table("bin", "N", "before", "now", "gain", "p")
    for cell in changed:
        gain = None if cell.gain is None else cell.gain.estimate
        said = (
            "not measured"
            if gain is None
            else f"{gain.value:+.3f} [{gain.lo:+.3f}, {gain.hi:+.3f}]"
        )
        p = "–" if cell.p is None else f"{cell.p:.3f}" + (" *" if cell.significant else "")
        table.add_row(str(cell.bin), str(cell.budget), names[cell.before], names[cell.now], said, p)
    return table


def _print_mover(mover: Mover, out: Console) -> None:
    out.print(Text(f"{mover.question_id}: {mover.before:.2f} → {mover.now:.2f}"))
    out.print(Text(f"  question  {_line(mover.question)}"), no_wrap=True, overflow="ellipsis")
    out.print(Text(f"  target    {_line(mover.target)}"), no_wrap=True, overflow="ellipsis")
    for name, draws in mover.draws.items():
        for draw in draws:
            score = "" if draw["score"] is None else f" {draw['score']:.2f}"
            said = draw["canonical"] or "no answer"
            told = f"  {name:<9} {draw['verdict'] or '–'}{score}, {said}: {_line(draw['text'])}"
            out.print(Text(told), no_wrap=True, overflow="ellipsis")


def _line(text: str) -> str:
    """A text on one line."""
    return " ⏎ ".join(part.strip() for part in text.splitlines() if part.strip())
