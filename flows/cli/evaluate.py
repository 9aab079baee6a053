"""`ttc demo`, `run`, `plan`, `status`: a study evaluated, what it will cost, what ran so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows.cli.terminal import REGRESSED, MaxBudget, console, show_rows
from flows.servers import quiet
from tasks.settings import settings

if TYPE_CHECKING:
    from tasks.study.study import Study


def demo(*, max_budget: MaxBudget = None) -> None:
    """Evaluate the bundled model on the bundled benchmark: a whole nightly run in minutes."""
    from tasks.study.reading import load_study
    from warehouse.errors import say

    study = load_study("demo", max_budget=max_budget)
    standing = _standing(study)
    if standing:
        say("All of it was drawn and measured by this very code, and is shown as it stands;")
        say(f"{_again(max_budget)} measures it again.")
        _show(standing)
        return
    _announce(study)
    evaluate(study)


def _again(max_budget: int | None) -> str:
    """The command that evaluates the demo's study whatever stands."""
    return "ttc run demo" + ("" if max_budget is None else f" --max-budget {max_budget}")


def run(
    study: str,
    *,
    max_budget: MaxBudget = None,
    gate: Annotated[
        bool, Parameter(help="Exit code 3 when a version is worse than the champion.")
    ] = False,
) -> None:
    """Evaluate a study: a name in infra/studies/ or the path of a TOML file. Run again to
    resume.
    """
    from flows.cli.policy_view import print_alarms
    from tasks.study.reading import load_study

    run_ids = evaluate(load_study(study, max_budget=max_budget))
    if print_alarms(settings().warehouse, run_ids) and gate:
        raise SystemExit(REGRESSED)


def evaluate(study: Study) -> list[str]:
    """Ids of the study's runs, once their policies are printed."""
    _refuse_before_prefect(study)
    # Prefect reads its settings when it is imported: quiet first.
    with quiet.prefect():
        from flows.nightly import nightly

        run_ids = nightly(study)
    _show(run_ids)
    return run_ids


def _show(run_ids: list[str]) -> None:
    from flows.cli.evaluated import show_runs
    from warehouse.snapshot import Snapshot

    # The summaries are read from the snapshot, which another run that is writing does not hold.
    folder = settings().warehouse
    show_runs(Snapshot(folder), run_ids, console())
    console().print(f"\nrun {run_ids[-1]} in {folder}")
    console().print("Next: ttc policy · ttc sql · ttc up (schedule and pages)")


def _standing(study: Study) -> list[str]:
    """Ids of the study's runs where another evaluation would give the same; else none."""
    from tasks.runs.events import PATIENCE_SECONDS
    from tasks.runs.opening import unchanged_run
    from warehouse.store import Store

    with Store.open(settings().warehouse, patience=PATIENCE_SECONDS) as store:
        run_ids = [unchanged_run(store, one, model) for one, model in study.pairs()]
    return [run_id for run_id in run_ids if run_id] if all(run_ids) else []


def _announce(study: Study) -> None:
    """What is about to happen and how long it takes, before anything is started."""
    from flows.cli.evaluated import announce
    from tasks.evaluation.forecast import forecast
    from tasks.runs.events import PATIENCE_SECONDS
    from warehouse.store import Store

    folder = settings().warehouse
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        costs = [forecast(store, one, model) for one, model in study.pairs()]
    announce(study, costs, folder)


def _refuse_before_prefect(study: Study) -> None:
    """Whatever is wrong with models and benchmark is said before anything is started."""
    from tasks.runs.loading import prepare_run

    for one, model in study.pairs():
        prepare_run(one, model, run_id="")


def plan(study: str, *, max_budget: MaxBudget = None, json: bool = False) -> None:
    """What a study will cost (draws, tokens, minutes, memory, disk), and what kind of answer it
    reads.
    """
    from tasks.evaluation.forecast import forecast
    from tasks.study.reading import load_study
    from warehouse.store import Store

    wanted = load_study(study, max_budget=max_budget)
    # A row a run: a study may evaluate several versions of a family, on several benchmarks.
    with Store.open(settings().warehouse) as store:
        rows = [forecast(store, one, model)._asdict() for one, model in wanted.pairs()]
    if json:
        show_rows(rows, as_json=True, title="")
        return
    # All models answer the same questions: what is said of these is said once a benchmark.
    said = ("answer", "because", "grader")
    of = {row["benchmark"]: [row[name] for name in said] for row in rows}
    costs = [_readable(row, several=len(of) > 1) for row in rows]
    show_rows(costs, as_json=False, title=f"study {wanted.name}")
    for benchmark, (answer, because, grader) in of.items():
        which = f" of {benchmark}" if len(of) > 1 else ""
        console().print(f"answers{which}: {answer}, because {because} (grader {grader})")
    for row in rows:
        for line in power_lines(row, several=len(rows) > 1):
            console().print(line)
    for model, note in sorted({(row["model"], row["note"]) for row in rows if row["note"]}):
        console().print(f"prompts of {model}: {note}")


def power_lines(row: dict[str, Any], *, several: bool) -> list[str]:
    """What the questions of a forecast will show, and how many would show more."""
    who = f" of {row['model']} on {row['benchmark']}" if several else ""
    seen = (
        f"as run {row['power_from']} varied"
        if row["power_from"]
        else ("at the most that single draws can vary, since no run of this family is complete")
    )
    lines = [
        f"power{who}: {row['questions']} questions show a difference of {row['detectable']:.3f} "
        f"with 80 % power, {seen}"
    ]
    for points, by_draws in row["needed"].items():
        counts: list[str] = []
        for draws, count in by_draws.items():
            ending = "s" if draws > 1 else ""
            counts.append(f"{count:,} of {draws} draw{ending}")
        shown = ", ".join(counts)
        lines.append(f"  {points} points take questions: {shown}")
    return lines


def _readable(row: dict[str, Any], *, several: bool) -> dict[str, Any]:
    """What of a forecast has room on a line; the benchmark where there are `several`."""
    names = ("model", *(["benchmark"] if several else []))
    counts = ("questions", "seen", "draws", "there", "tokens")
    seconds = row["seconds"]
    return {
        **{name: row[name] for name in (*names, *counts)},
        "minutes": None if seconds is None else seconds / 60,
        "memory GB": row["memory"] / 1e9,
        "disk MB": row["disk"] / 1e6,
    }


# Beside what the run generated: what its cells would have, had each drawn alone (view `sharing`).
_STATUS = """
SELECT run_id, study, parse_filename(model) AS model, state, generated_tokens AS tokens,
    alone_tokens::BIGINT AS if_alone, round(share, 2) AS share, seconds, missing_cells AS missing
FROM run_history LEFT JOIN sharing USING (run_id) ORDER BY opened_at DESC LIMIT 20
"""


def status(*, json: bool = False) -> None:
    """Runs, newest first: state, tokens spent (and if every cell had drawn alone), what is
    missing.
    """
    from warehouse import snapshot

    folder = settings().warehouse
    rows = snapshot.query(folder, _STATUS).to_dicts()
    age = snapshot.age_seconds(folder) or 0
    show_rows(rows, as_json=json, title=f"data {age:.0f} s old")
