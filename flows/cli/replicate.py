"""`ttc replicate` and `ttc exchange`: the paper's comparisons, from plan to report."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.cli.terminal import MaxBudget, console, show_rows
from flows.servers import quiet
from tasks.settings import settings
from warehouse.errors import say

if TYPE_CHECKING:
    import polars as pl

    from tasks.evaluation.forecast import Forecast
    from tasks.replication.evidence import Evidence
    from tasks.study.study import Study

Questions = Annotated[
    int | None, Parameter(help="How many questions; fewer take less time and decide less.")
]


def exchange(study: str, *, max_budget: MaxBudget = None, json: bool = False) -> None:
    """Set a study's policy against its larger model at equal FLOPs; the study must have run."""
    from tasks.study.reading import load_study

    wanted = load_study(study, max_budget=max_budget)
    _refuse_early(wanted)
    with quiet.prefect():
        from flows.exchange import exchange as compare

        run_ids = compare(wanted)
    for run_id in run_ids:
        _show_exchange(run_id, as_json=json)


def replicate(*, max_budget: MaxBudget = None, questions: Questions = None) -> None:
    """Replicate the paper on the bundled models: run, exchange, one HTML report. Run again to
    resume.
    """
    from tasks.study.reading import load_study

    study = load_study("replicate", max_budget=max_budget)
    if questions is not None:
        study = dataclasses.replace(study, questions=questions)
    _refuse_early(study)
    _say_plan(study)
    run_id = _complete(study)
    with quiet.prefect():
        from flows.exchange import exchange as compare

        compare(study)
    _show_exchange(run_id, as_json=False)
    _print_conclusions(run_id)


def _refuse_early(study: Study) -> None:
    """Whatever is wrong with the models, the larger one too, is said before anything starts."""
    from tasks.evaluation.exchange import larger
    from tasks.runs.loading import prepare_run

    for one, model in study.pairs():
        small = prepare_run(one, model, run_id="").generator
        larger(one, small, run_id="")


def _say_plan(study: Study) -> None:
    """One line a model on stderr, before hours are spent: stdout is for results."""
    from tasks.evaluation.forecast import forecast
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        plans = [forecast(store, one, model) for one, model in study.pairs()]
    for plan in plans:
        say(textwrap.fill(_plan_text(plan), 100, subsequent_indent="  "))


def _plan_text(plan: Forecast) -> str:
    """At most so much: searches share steps, and how many is only seen afterwards."""
    there = f", of which {plan.there:,} are there" if plan.there else ""
    # No hours before the first run: the pace of this machine is not known yet.
    hours = f", about {plan.seconds / 3600:.1f} h at the pace so far" if plan.seconds else ""
    draws = f"at most {plan.draws:,} completions' worth{there}"
    bound = f"about, by {plan.seen:,} complete questions," if plan.seen else "at most"
    tokens = f"{bound} {plan.tokens / 1e6:.1f} M tokens to generate{hours}"
    room = f"{plan.memory / 1e9:.1f} GB of memory, {plan.disk / 1e9:.2f} GB of disk"
    return f"plan: {plan.model}, {plan.questions} questions, {draws}; {tokens}; {room}"


def _complete(study: Study) -> str:
    """Id of the complete run of the study, which is run now unless it is there.

    Several hours, so that a replication that was killed in the exchange does not repeat them.
    """
    from tasks.runs.opening import complete_run
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        run_id = complete_run(store, study, study.generator.models[0])
    if run_id:
        return run_id
    with quiet.prefect():
        from flows.nightly import nightly

        # The study names one model: one run.
        return nightly(study)[0]


def _show_exchange(run_id: str, *, as_json: bool) -> None:
    """The comparison with the larger model, a row a bin."""
    rows = _load_exchange(run_id)
    title = (
        f"run {run_id}: small model under its policy, minus the larger one decoded greedily, "
        "at equal FLOPs"
    )
    # Scripts get every column of the view, people what fits on a screen.
    shown = rows.to_dicts() if as_json else _exchange_table(rows)
    show_rows(shown, as_json=as_json, title=title)


def _load_exchange(run_id: str) -> pl.DataFrame:
    """The rows of view `exchange_by_bin` of a run, in the bins of the used difficulty."""
    from tasks.statistics.difficulty import used_difficulty
    from warehouse.snapshot import Snapshot

    rows = Snapshot(settings().warehouse).read(
        "SELECT * FROM exchange_by_bin WHERE run_id = $run_id ORDER BY source DESC, ratio, bin",
        run_id=run_id,
    )
    kinds = rows["difficulty"].unique().to_list()
    return rows.filter(difficulty=used_difficulty(kinds))


def _exchange_table(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a bin, a column a ratio with small − large and its 95 % interval."""
    shown: dict[int, dict[str, Any]] = {}
    for one in rows.iter_rows(named=True):
        bin_ = one["bin"]
        # Bin 0 stands for all questions.
        first = {"bin": bin_ or "all", "pass@1": one["alone"], "large": one["large"]}
        row = shown.setdefault(bin_, first)
        row[_column(one)] = _difference_text(one)
    return list(shown.values())


def _column(one: dict[str, Any]) -> str:
    """The ratio, and the budget that was compared of as many generations as the FLOPs buy."""
    ratio = f"R = {one['ratio']:.2g}"
    budget = f"N = {one['budget']} of {one['multiple']:,.0f}"
    return f"{ratio}: {budget}"


def _difference_text(one: dict[str, Any]) -> str:
    """`+.21 [+.10, +.33]`: without its zeros, so that all ratios fit side by side."""

    def text(figure: float | None) -> str:
        if figure is None:
            return "?"
        return f"{figure:+.2f}".replace("0.", ".")

    value, lo, hi = (text(one[name]) for name in ("difference", "lo", "hi"))
    return f"{value} [{lo}, {hi}]"


def _print_conclusions(run_id: str) -> None:
    """Headlines and claims on the terminal, all of it in a report."""
    from tasks.replication.evidence import load_evidence
    from tasks.replication.headlines import headlines
    from tasks.replication.report import html
    from warehouse.snapshot import Snapshot

    evidence = load_evidence(Snapshot(settings().warehouse), run_id)
    for head in headlines(evidence):
        console().print(f"\n{head.question}\n  {head.figure} · {head.conclusion}")
    show_rows(_claim_rows(evidence), as_json=False, title="")
    path = report_path(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(evidence), encoding="utf-8")
    # Unwrapped: a path on two lines cannot be opened by a click or copied.
    console().print(f"\nreport: {path}", soft_wrap=True)


def _claim_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """The paper's claims beside what was measured, under the headers of the table."""
    from tasks.replication.claims import claims

    return [
        {
            "figure": one.figure,
            "the paper": one.paper,
            "measured": one.measured,
            "conclusion": one.conclusion,
        }
        for one in claims(evidence)
    ]


def report_path(run_id: str) -> Path:
    """Where the report of a run lies."""
    return settings().home / "reports" / f"replication-{run_id}.html"
