"""The command line `ttc`."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from flows import quiet
from flows.guard import guarded
from tasks.settings import settings
from tasks.study import Study, load_study
from warehouse.errors import Busy, UserError

GUARDED = "TTC_GUARDED"
"""Set in the environment of a process that already runs under a guard."""

app = App(name="ttc", help="How a model turns test-time compute into accuracy, and which strategy to use where.")
warehouse_app = App(name="warehouse", help="The database of draws, scores, outcomes and policies.")
train_app = App(name="train", help="Rebuild the bundled models.")
app.command(warehouse_app)
app.command(train_app)

MaxBudget = Annotated[int | None, Parameter(name="--max-budget", help="Largest budget; powers of two up to it.")]


def main() -> None:
    """Run the command line and leave with its exit code.

    What starts engines and servers runs under a guard: a run that is killed takes them along.
    """
    if sys.argv[1:2] in (["demo"], ["run"]) and GUARDED not in os.environ:
        os.environ[GUARDED] = "1"
        code = guarded([sys.executable, "-m", "flows.cli", *sys.argv[1:]])
    else:
        code = exit_code()
    if code:
        _leave(code)


def exit_code() -> int:
    """Run the command line: 0 good, 1 our fault, 2 the user's, 75 try again later, 130 stopped."""
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
    """Go past DuckDB's binding, which reports every object that an exception kept alive as a leak."""
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
def run(study: str, *, max_budget: MaxBudget = None) -> None:
    """Evaluate a study: a name in infra/studies/ or the path of a TOML file. Run again to resume."""
    _evaluate(load_study(study, max_budget=max_budget))


def _evaluate(study: Study) -> None:
    from flows.policy_view import load
    from tasks.publication.headlines import headlines
    from tasks.publication.policy_table import policy_text

    _refuse_before_prefect(study)
    with quiet.prefect():
        from flows.nightly import nightly

        run_ids = nightly(study)
    for run_id in run_ids:
        summary = load(settings().warehouse, run_id)
        _console().print(policy_text(summary))
        for line in headlines(summary):
            _console().print(f"· {line}")
    _console().print(f"\nrun {run_ids[-1]} in {settings().warehouse}")
    _console().print("Next: ttc policy · ttc sql · ttc up (schedule and pages)")


def _refuse_before_prefect(study: Study) -> None:
    """Whatever is wrong with models and benchmark is said before seconds are spent on starting anything."""
    from tasks.runs import prepared

    for model in study.generator.models:
        prepared(study, model, run_id="")


@app.command
def plan(study: str, *, max_budget: MaxBudget = None, json: bool = False) -> None:
    """What a study will cost: draws, tokens, minutes and disk, and what is there already."""
    from tasks.planning import forecast
    from warehouse.store import Store

    wanted = load_study(study, max_budget=max_budget)
    with Store.open(settings().warehouse) as store:
        rows = [forecast(store, wanted, model)._asdict() for model in wanted.generator.models]
    _show(rows, as_json=json, title=f"study {wanted.name}")


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
    _show(frame.to_dicts(), as_json=json, title=f"data {snapshot.age_seconds(settings().warehouse) or 0:.0f} s old")


@app.command
def policy(*, json: bool = False) -> None:
    """The latest policy of every model and benchmark, and what changed since the previous model version."""
    from flows.policy_view import show_policy

    show_policy(settings().warehouse, console=_console(), as_json=json)


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
    _show(tables.to_dicts(), as_json=False, title="rebuilt from the journal")


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


Out = Annotated[Path | None, Parameter(help="Folder for the model; without it, over the bundled one.")]
Seed = Annotated[int | None, Parameter(help="Seed; without it, that of the bundled model.")]


@train_app.command
def family(*, out: Out = None, seed: Seed = None) -> None:
    """Train every bundled model from nothing (hours on two cores); run again, it goes on where it stopped."""
    from flows.train import train_all

    train_all(out, seed=seed)


@train_app.command
def generator(*, out: Out = None, seed: Seed = None) -> None:
    """Train the generator again (about half an hour on two cores)."""
    _train("generator", out, seed)


@train_app.command
def half(*, out: Out = None, seed: Seed = None) -> None:
    """Train the generator's weaker version again: the same recipe with half the tokens."""
    _train("half", out, seed)


@train_app.command
def prm(*, out: Out = None, seed: Seed = None) -> None:
    """Train the process reward model again, on rollouts of the bundled generator."""
    _train("prm", out, seed)


@train_app.command
def revision(*, out: Out = None, seed: Seed = None) -> None:
    """Train the revision model again, from the bundled generator."""
    _train("revision", out, seed)


@train_app.command
def orm(*, out: Out = None, seed: Seed = None) -> None:
    """Train the revision model's verifier again, on chains of the bundled revision model."""
    _train("orm", out, seed)


def _train(kind: str, out: Path | None, seed: int | None) -> None:
    from flows.train import train_one

    train_one(kind, out, seed=seed)


def _show(rows: list[dict[str, Any]], *, as_json: bool, title: str) -> None:
    if as_json:
        print(json.dumps(rows, default=str, indent=1))
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right" if isinstance(rows[0][name], (int, float)) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    _console().print(table if rows else f"{title}: nothing yet; start with `ttc demo`")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100")))


if __name__ == "__main__":
    main()
