"""`ttc replay`: strategies of the user's own judged on what a run has drawn, without a model."""

from __future__ import annotations

import json as json_text
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.cli.terminal import console, show_rows
from tasks.settings import settings
from warehouse.errors import UserError, say

if TYPE_CHECKING:
    from tasks.evaluation.arena import Replayed
    from tasks.evaluation.arena_figures import Figure, Gap, Report

SHOWN = 5
"""Questions that are named of those that lack draws; `--json` has them all."""

On = Annotated[str | None, Parameter(help="A run's id; left out: the one complete last.")]
Against = Annotated[
    list[str] | None,
    Parameter(help="Strategies of the run to compare with; left out: its baseline and majority."),
]


def replay(
    *strategies: str,
    on: On = None,
    against: Against = None,
    json: bool = False,
) -> None:
    """Judge strategies in files on a run's stored draws: `ttc replay mine.py:f --on RUN`.

    No model is asked. Files are looked for here, then among those in infra/strategies.
    """
    from tasks.evaluation.arena import replay_strategies
    from tasks.evaluation.arena_figures import load_baselines, report
    from tasks.importing.exports import newest_run
    from warehouse.snapshot import Snapshot

    if not strategies:
        raise UserError("replay: expected a strategy such as mine.py:f, got none; name one or more")
    reader = Snapshot(settings().warehouse)
    run_id = on or newest_run(reader)
    replayed = replay_strategies(reader, run_id, strategies, Path.cwd())
    judged = report(replayed, load_baselines(reader, replayed, against or ()))
    _show(replayed, judged, as_json=json)


def _show(replayed: Replayed, judged: Report, *, as_json: bool) -> None:
    # On stderr, as everything that is said beside a result.
    pace = replayed.replays / replayed.seconds
    say(
        f"{replayed.replays:,} question-replays in {replayed.seconds:.1f} s, "
        f"{pace:,.0f} a second; no model was asked"
    )
    if as_json:
        print(json_text.dumps(_plain(replayed, judged), indent=1))
        return
    run = replayed.run
    title = f"run {run.run_id}: {run.generator.name} on {run.benchmark.name}, means of a question"
    show_rows([_figure_row(one) for one in judged.figures], as_json=False, title=title)
    if judged.gaps:
        title = "less each baseline on the same questions; costs are times the baseline's"
        show_rows([_gap_row(one) for one in judged.gaps], as_json=False, title=title)
    for line in _missing_lines(replayed, judged):
        console().print(line)


def _figure_row(one: Figure) -> dict[str, Any]:
    costs = one.costs
    return {
        "strategy": _short(one.strategy),
        "N": one.budget,
        "questions": one.questions,
        "accuracy": _with_ends(one.accuracy, ".3f") if one.questions else None,
        "drawn": costs.get("generations"),
        "tokens": costs.get("generated_tokens"),
        "verifier": costs.get("verifier_tokens"),
        "in a row": costs.get("latency_tokens"),
        "FLOPs": _power(costs.get("flops")),
    }


def _gap_row(one: Gap) -> dict[str, Any]:
    costs = one.costs
    return {
        "strategy": _short(one.strategy),
        "N": one.budget,
        "baseline": _short(one.baseline),
        "difference": _with_ends(one.difference.estimate, "+.3f"),
        "p": "<.001" if one.difference.p < 0.001 else f"{one.difference.p:.3f}",
        "tokens": _times(costs.get("generated_tokens")),
        "in a row": _times(costs.get("latency_tokens")),
        "FLOPs": _times(costs.get("flops")),
    }


def _short(key: str) -> str:
    from tasks.strategies.names import short_names

    return short_names([key])[key]


def _with_ends(one: tuple[float, float, float], form: str) -> str:
    """`.464 [.376, .554]`: without its zeros, so that the table fits on a screen."""
    value, lo, hi = (format(figure, form).replace("0.", ".", 1) for figure in one)
    return f"{value} [{lo}, {hi}]"


def _power(value: float | None) -> str | None:
    return None if value is None else f"{value:.2e}"


def _times(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: what is unknown is null, as the interval of one question."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _missing_lines(replayed: Replayed, judged: Report) -> list[str]:
    """What asked for draws that nobody made, a line a strategy and budget."""
    lines: list[str] = []
    for one in judged.figures:
        if not one.missing:
            continue
        names = _missing_questions(replayed, one)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        lines.append(
            f"· {_short(one.strategy)} at N = {one.budget} asked for draws that are not stored on "
            f"{one.missing} of {one.missing + one.questions} questions "
            f"({', '.join(names[:SHOWN])}{more}). They are in no figure, and the others need not "
            "be like them: name it in a study, which draws what is missing."
        )
    return lines


def _missing_questions(replayed: Replayed, figure: Figure) -> list[str]:
    cell = (figure.strategy, figure.budget)
    return [one.question_id for one in replayed.missing if one[:2] == cell]


def _plain(replayed: Replayed, judged: Report) -> dict[str, Any]:
    """All of it for scripts: every cost, and every question that lacks draws."""
    figures = [
        {
            **one._asdict(),
            "accuracy": _known(one.accuracy._asdict()) if one.questions else None,
            "mc_error": one.mc_error if one.questions else None,
            "missing_questions": _missing_questions(replayed, one),
        }
        for one in judged.figures
    ]
    gaps: list[dict[str, Any]] = []
    for one in judged.gaps:
        difference = {**one.difference.estimate._asdict(), "p": one.difference.p}
        gaps.append({**one._asdict(), "difference": _known(difference)})
    return {
        "run_id": replayed.run.run_id,
        "replays": replayed.replays,
        "seconds": replayed.seconds,
        "figures": figures,
        "differences": gaps,
    }
