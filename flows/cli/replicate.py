"""`ttc replicate` and `ttc exchange`: the paper's comparisons, from plan to report."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flows.cli.terminal import MaxBudget, console, show_rows
from flows.servers import quiet
from tasks.settings import settings
from tasks.study.study import Study, load_study

Questions = Annotated[
    int | None, Parameter(help="How many questions; fewer take less time and decide less.")
]


def exchange(study: str, *, max_budget: MaxBudget = None, json: bool = False) -> None:
    """Set a study's policy against its larger model at equal FLOPs; the study must have run."""
    wanted = load_study(study, max_budget=max_budget)
    _refuse_early(wanted)
    with quiet.prefect():
        from flows.exchange import exchange as compare

        run_ids = compare(wanted)
    for run_id in run_ids:
        _show_exchange(run_id, as_json=json)


def replicate(*, max_budget: MaxBudget = None, questions: Questions = None) -> None:
    """Replicate the paper on the bundled models: run, exchange, one HTML report. Run again to resume."""
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
    """Whatever is wrong with the models, the larger one included, is said before anything is started."""
    from tasks.evaluation.exchange import larger
    from tasks.runs.loading import prepare_run

    for model in study.generator.models:
        larger(study, prepare_run(study, model, run_id="").generator, run_id="")


def _say_plan(study: Study) -> None:
    from tasks.evaluation.forecast import forecast
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        plans = [forecast(store, study, model) for model in study.generator.models]
    for plan in plans:
        there = f", of which {plan.there:,} are there" if plan.there else ""
        hours = f", about {plan.seconds / 3600:.1f} h at the pace so far" if plan.seconds else ""
        print(
            f"plan: {plan.model}, {plan.questions} questions, at most {plan.draws:,} completions' worth{there}; "
            f"at most {plan.tokens / 1e6:.1f} M tokens to generate{hours}, {plan.disk / 1e9:.1f} GB",
            file=sys.stderr,
        )


def _complete(study: Study) -> str:
    """Id of the complete run of the study, which is run now unless it is there."""
    from tasks.runs.opening import complete_run
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        run_id = complete_run(store, study, study.generator.models[0])
    if run_id:
        return run_id
    with quiet.prefect():
        from flows.nightly import nightly

        return nightly(study)[0]


def _show_exchange(run_id: str, *, as_json: bool) -> None:
    from flows.cli.exchange import exchange_table, load_exchange

    rows = load_exchange(settings().warehouse, run_id)
    title = f"run {run_id}: small model under its policy, minus the larger one decoded greedily, at equal FLOPs"
    show_rows(rows.to_dicts() if as_json else exchange_table(rows), as_json=as_json, title=title)


def _print_conclusions(run_id: str) -> None:
    from tasks.replication.claims import claims
    from tasks.replication.evidence import load_evidence
    from tasks.replication.report import headlines, html
    from warehouse.snapshot import Snapshot

    evidence = load_evidence(Snapshot(settings().warehouse), run_id)
    for head in headlines(evidence):
        console().print(f"\n{head.question}\n  {head.figure} · {head.conclusion}")
    rows: list[dict[str, Any]] = [
        {
            "figure": one.figure,
            "the paper": one.paper,
            "measured": one.measured,
            "conclusion": one.conclusion,
        }
        for one in claims(evidence)
    ]
    show_rows(rows, as_json=False, title="")
    path = report_path(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html(evidence), encoding="utf-8")
    console().print(f"\nreport: {path}", soft_wrap=True)


def report_path(run_id: str) -> Path:
    """Where the report of a run lies."""
    return settings().home / "reports" / f"replication-{run_id}.html"
