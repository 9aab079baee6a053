"""The command line `ttc`."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from flows import quiet
from flows.guard import guarded
from flows.policy_commands import policy_app
from flows.replicate import exchange, replicate
from flows.terminal import console, show_rows
from flows.train import train_app
from tasks.settings import settings
from tasks.study.study import Study, load_study
from warehouse.errors import Busy, UserError

REGRESSED = 3
"""Exit code of `ttc run --gate` for a model version that is significantly worse than the champion."""
GUARDED = "TTC_GUARDED"
"""Set in the environment of a process that already runs under a guard."""

STARTING = ("demo", "run", "distill", "solve", "serve", "exchange", "replicate")
"""Commands that start engines or servers."""

app = App(name="ttc", help="How a model turns test-time compute into accuracy, and which strategy to use where.")
warehouse_app = App(name="warehouse", help="The database of draws, scores, outcomes and policies.")
app.command(warehouse_app)
app.command(train_app)
app.command(policy_app)
app.command(exchange)
app.command(replicate)

MaxBudget = Annotated[int | None, Parameter(name="--max-budget", help="Largest budget; powers of two up to it.")]

Policy = Annotated[str | None, Parameter(help="A run's id, `champion` or `latest`; the champion if there is one.")]


def main() -> None:
    """Run the command line and leave with its exit code.

    What starts engines and servers runs under a guard: a run that is killed takes them along.
    """
    if sys.argv[1:2] and sys.argv[1] in STARTING and GUARDED not in os.environ:
        os.environ[GUARDED] = "1"
        code = guarded([sys.executable, "-m", "flows.cli", *sys.argv[1:]])
    else:
        code = exit_code()
    _leave(code)


def exit_code() -> int:
    """Run the command line: 0 good, 1 our fault, 2 the user's, 3 a regression, 75 try again later, 130 stopped."""
    quiet.hush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except UserError as error:
        return _told(str(error), 2)
    except Busy as error:
        return _told(str(error), 75)
    except KeyboardInterrupt:
        return _told("stopped; run the same command again to go on where it stopped", 130)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    return 0


def _told(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _leave(code: int) -> None:
    """Go past DuckDB's binding, which reports every object that an exception, or training, kept alive."""
    # Ends the servers that Prefect started for this process.
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@app.command
def demo(*, max_budget: MaxBudget = None) -> None:
    """Evaluate the bundled model on the bundled benchmark: a whole nightly run in minutes."""
    _evaluate(load_study("demo", max_budget=max_budget))


@app.command
def run(
    study: str,
    *,
    max_budget: MaxBudget = None,
    gate: Annotated[bool, Parameter(help="Exit code 3 when a version is worse than the champion.")] = False,
) -> None:
    """Evaluate a study: a name in infra/studies/ or the path of a TOML file. Run again to resume."""
    from flows.policy_view import tell_regressions

    run_ids = _evaluate(load_study(study, max_budget=max_budget))
    if tell_regressions(settings().warehouse, run_ids) and gate:
        raise SystemExit(REGRESSED)


def _evaluate(study: Study) -> list[str]:
    from flows.policy_view import load
    from tasks.publication.headlines import headlines
    from tasks.publication.policy_table import policy_text

    _refuse_before_prefect(study)
    with quiet.prefect():
        from flows.nightly import nightly

        run_ids = nightly(study)
    for run_id in run_ids:
        summary = load(settings().warehouse, run_id)
        console().print(policy_text(summary))
        for line in headlines(summary):
            console().print(f"· {line}")
    console().print(f"\nrun {run_ids[-1]} in {settings().warehouse}")
    console().print("Next: ttc policy · ttc sql · ttc up (schedule and pages)")
    return run_ids


def _refuse_before_prefect(study: Study) -> None:
    """Whatever is wrong with models and benchmark is said before seconds are spent on starting anything."""
    from tasks.runs.loading import prepared

    for model in study.generator.models:
        prepared(study, model, run_id="")


@app.command
def distill(
    study: str = "distill",
    *,
    rounds: Annotated[int, Parameter(help="Versions to make, each from the one before.")] = 2,
    by: Annotated[Literal["verifier", "target"], Parameter(help="Who says what is right to learn.")] = "verifier",
    json: bool = False,
) -> None:
    """Teach a generator what its own search finds, and evaluate every version. Run again to resume."""
    from tasks.training.harvest import wanted

    if rounds < 0:
        raise UserError(f"distill: expected 0 rounds or more, got {rounds}; 0 evaluates the model as it is")
    asked = load_study(study)
    wanted(asked)
    with quiet.prefect():
        from flows.distill import distill as rounds_of
        from flows.distill import show_rounds

        run_ids = rounds_of(asked, rounds, by)
    show_rounds(run_ids, as_json=json)


@app.command
def solve(
    question: str,
    *,
    budget: Annotated[int, Parameter(help="Generations allowed, the probe's included.")] = 16,
    policy: Policy = None,
    json: bool = False,
) -> None:
    """Answer a question under a policy: probe, bin, strategy; with its cost."""
    from flows.solve import solve as answer

    answer(settings().warehouse, question, budget=budget, policy=policy, console=console(), as_json=json)


@app.command
def serve(
    *,
    port: int = 8200,
    budget: Annotated[int | None, Parameter(help="Where a request names none; the policy's largest up to 16.")] = None,
    policy: Policy = None,
) -> None:
    """Answer under a policy at an OpenAI-compatible endpoint, until Ctrl-C."""
    from flows.serve import serve as answer

    answer(settings().warehouse, host=settings().host, port=port, budget=budget, policy=policy)


@app.command
def plan(study: str, *, max_budget: MaxBudget = None, json: bool = False) -> None:
    """What a study will cost: draws, tokens, minutes and disk, and what is there already."""
    from tasks.evaluation.forecast import forecast
    from warehouse.store import Store

    wanted = load_study(study, max_budget=max_budget)
    with Store.open(settings().warehouse) as store:
        rows = [forecast(store, wanted, model)._asdict() for model in wanted.generator.models]
    show_rows(rows, as_json=json, title=f"study {wanted.name}")


@app.command
def status(*, json: bool = False) -> None:
    """Runs, newest first: state, tokens spent (and if every cell had drawn alone), what is missing."""
    from warehouse import snapshot

    sql = (
        "SELECT run_id, study, parse_filename(model) AS model, state, generated_tokens AS tokens, "
        "alone_tokens::BIGINT AS if_alone, round(share, 2) AS share, seconds, missing_cells AS missing "
        "FROM run_history LEFT JOIN sharing USING (run_id) ORDER BY opened_at DESC LIMIT 20"
    )
    frame = snapshot.query(settings().warehouse, sql)
    show_rows(frame.to_dicts(), as_json=json, title=f"data {snapshot.age_seconds(settings().warehouse) or 0:.0f} s old")


@app.command
def diff(
    before: str,
    now: str,
    *,
    family: Annotated[str | None, Parameter(help="Whose versions, where several families are known.")] = None,
    benchmark: Annotated[str | None, Parameter(help="On which benchmark, where there are several.")] = None,
    json: bool = False,
) -> None:
    """What changed between two model versions: numbers, models' names, or runs."""
    from flows.diff import show_diff
    from tasks.versions.version import Scope

    show_diff(settings().warehouse, before, now, scope=Scope(family, benchmark), as_json=json)


@app.command
def sql(
    query: str | None = None,
    *,
    format: Annotated[Literal["table", "csv", "json"], Parameter(help="How to print.")] = "table",
    csv: bool = False,
    json: bool = False,
    parquet: Path | None = None,
) -> None:
    """Ask the warehouse in SQL; without a query, interactively. Answers also while a run is writing."""
    from flows.sql import interactive, print_result
    from warehouse import snapshot

    chosen = "csv" if csv else "json" if json else format
    if query is None:
        interactive(settings().warehouse)
        return
    frame = snapshot.query(settings().warehouse, query)
    if parquet is not None:
        frame.write_parquet(parquet)
        print(f"{frame.height} rows in {parquet}", file=sys.stderr)
        return
    print_result(frame, chosen)


@warehouse_app.command
def rebuild() -> None:
    """Make the database again from the journal alone."""
    from warehouse.store import Store

    with Store.rebuild(settings().warehouse) as store:
        tables = store.read("SELECT table_name, estimated_size AS rows FROM duckdb_tables() ORDER BY table_name")
        store.publish_snapshot()
    show_rows(tables.to_dicts(), as_json=False, title="rebuilt from the journal")


@app.command
def up() -> None:
    """Start Prefect, MLflow and a worker on loopback, with the nightly schedule; Ctrl-C ends them."""
    from flows.up import up as start

    raise SystemExit(start())


@app.command
def showcase() -> None:
    """Write the demo's own table and figure into the README."""
    from flows.showcase import showcase as write

    print(f"README.md shows run {write(settings().warehouse)}", file=sys.stderr)


@app.command
def doctor(*, json: bool = False) -> None:
    """Explain machine, versions, engine, ports, locks and state."""
    from flows.doctor import doctor as examine

    raise SystemExit(examine(as_json=json))


if __name__ == "__main__":
    main()
