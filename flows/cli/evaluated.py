"""What `ttc demo` and `ttc run` print: what is about to happen, and what came out."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from flows.cli.diff import budget_table
from tasks.publication.headlines import cautions
from tasks.publication.policy_table import first_texts, policy_text
from tasks.publication.summary import load_summary
from tasks.publication.words import model_short_name
from tasks.settings import INFRA
from tasks.versions.champion import champion_of, standing_of
from tasks.versions.diff import difference
from tasks.versions.version import Version, version_of
from warehouse.errors import say
from warehouse.reader import Reader
from warehouse.snapshot import still

if TYPE_CHECKING:
    from tasks.evaluation.forecast import Forecast
    from tasks.study.study import Study

DEMO_TIME = INFRA / "figures" / "demo_time.json"
"""What the demo took where the README's figures come from; `ttc showcase` writes it."""
_NOT_COMPARED = ("not compared", "it is older than the champion")


def announce(study: Study, costs: Sequence[Forecast], folder: Path) -> None:
    """Say what the study does, how long it takes, and where what it finds is kept."""
    (questions,) = {cost.questions for cost in costs}
    names = ", ".join(cost.model for cost in costs)
    budgets = ", ".join(map(str, study.budgets))
    tokens = sum(cost.tokens for cost in costs)
    say(f"{len(costs)} versions of one model: {names}.")
    say(f"Each answers {questions} questions of {costs[0].benchmark}, right answers known, with")
    say(f"{len(study.strategies)} strategies at budgets of {budgets} generations, on this machine.")
    say(_duration(costs, tokens))
    say(f"What is drawn is kept in {folder}.")


def _duration(costs: Sequence[Forecast], tokens: float) -> str:
    if tokens < 1:
        return "Nothing is left to draw: all is there, and is measured again."
    seconds = [cost.seconds for cost in costs if cost.seconds is not None]
    if len(seconds) < len(costs):
        return f"At most {tokens:,.0f} tokens; {_first_time()}."
    # Models start, and what was drawn is measured: about a minute.
    minutes = sum(seconds) / 60 + 1
    return f"At most {tokens:,.0f} tokens; about {minutes:.0f} minutes at this machine's pace."


def _first_time() -> str:
    """What the demo took elsewhere, where the pace of no model is known here yet."""
    seen = json.loads(DEMO_TIME.read_text(encoding="utf-8"))
    minutes = math.ceil(seen["seconds"] / 60)
    return f"the first time takes about {minutes} minutes on {seen['cores']} cores"


def show_runs(reader: Reader, run_ids: Sequence[str], console: Console) -> None:
    """Print the runs: of each family on a benchmark one in full, its other versions as a diff."""
    with still(reader) as one:
        _show_runs(one, run_ids, console)


def _show_runs(reader: Reader, run_ids: Sequence[str], console: Console) -> None:
    versions = [version_of(reader, run_id) for run_id in run_ids]
    in_tracks = sorted(versions, key=lambda one: (one.track, one.version))
    for _, members in groupby(in_tracks, key=lambda one: one.track):
        _show_track(reader, list(members), console)


def _show_track(reader: Reader, versions: Sequence[Version], console: Console) -> None:
    """The version that answers in full, the others by what they gain or lose against it."""
    champion = champion_of(reader, versions[0])
    shown = answering(reader, versions)
    _show_whole(reader, shown, console)
    for one in versions:
        if one.version != shown.version:
            _show_beside(reader, shown, one, console)
    if champion is not None:
        _show_standings(reader, versions, champion, console)


def answering(reader: Reader, versions: Sequence[Version]) -> Version:
    """Of one family's versions on a benchmark, the newest last, the one that answers questions.

    A champion that is not among them is not shown: the newest version is, then.
    """
    champion = champion_of(reader, versions[0])
    fingerprint = champion["model_fingerprint"] if champion else None
    found = [one for one in versions if one.model_fingerprint == fingerprint]
    return (found or versions)[-1]


def _show_whole(reader: Reader, version: Version, console: Console) -> None:
    """The first lines, curve, policy, and what must not be overread; the report has the rest."""
    summary = load_summary(reader, version.run_id)
    console.print(policy_text(summary))
    for line in cautions(summary):
        console.print(f"· {line}")
    console.print(f"· Answers judged by grader {summary.run['grader']}.")


def _show_beside(reader: Reader, shown: Version, other: Version, console: Console) -> None:
    """Another version's first lines, and at each headline budget what the newer gained."""
    before, now = sorted((shown, other), key=lambda one: one.version)
    diff = difference(reader, before, now)
    name = model_short_name(other.model)
    console.print(Text(f"\nVersion {other.version}, {name}", style="bold"))
    for line in first_texts(load_summary(reader, other.run_id)):
        console.print(line)
    title = f"What version {now.version} gained or lost against version {before.version}:"
    console.print(title, style="bold")
    console.print(budget_table(diff.compared))
    command = f"ttc diff {before.version} {now.version}"
    changed = f"{len(diff.changed)} of {diff.cells} policy cells changed"
    console.print(f"{changed}; {command} lists them.", style="dim")


def _show_standings(
    reader: Reader, versions: Sequence[Version], champion: dict[str, Any], console: Console
) -> None:
    """Which version answers questions from now on, why, and how to take another."""
    number = champion["version"]
    name = model_short_name(champion["model"])
    who = f"ttc solve and ttc serve answer with version {number} ({name})"
    console.print(Text(f"\n{who}: {champion['why']}.", style="bold"))
    others = [one for one in versions if one.version != number]
    for one in others:
        standing, why = standing_of(reader, one) or _NOT_COMPARED
        console.print(f"Version {one.version} is {standing}: {why}.")
        console.print(f"To answer with it: ttc policy promote {one.version}")
