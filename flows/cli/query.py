"""`ttc sql` and `ttc warehouse`: the database of draws, scores, outcomes and policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from flows.cli.terminal import show_rows
from tasks.settings import settings
from warehouse.errors import UserError, say

MOST_SECONDS = 86_400.0

warehouse_app = App(name="warehouse", help="The database of draws, scores, outcomes and policies.")


def sql(
    query: str | None = None,
    *,
    format: Annotated[Literal["table", "csv", "json"], Parameter(help="How to print.")] = "table",
    csv: bool = False,
    excel_safe: Annotated[
        bool, Parameter(help="CSV whose texts a spreadsheet takes for texts, never for formulas.")
    ] = False,
    json: bool = False,
    parquet: Path | None = None,
    seconds: Annotated[float, Parameter(help="After so many a query is stopped.")] = 60.0,
) -> None:
    """Ask the warehouse in SQL; without a query, interactively. Answers also while a run is
    writing.
    """
    from flows.cli.sql import interactive, print_result, without_formulas
    from warehouse import snapshot

    # Not a number is none of these.
    if not 0 < seconds <= MOST_SECONDS:
        raise UserError(
            f"--seconds: expected more than 0 and at most {MOST_SECONDS:,.0f} (a day), "
            f"got {seconds:g}; say how long the query may take"
        )
    # The short flags win: whoever types one means it.
    chosen = "csv" if csv or excel_safe else "json" if json else format
    if query is None:
        interactive(settings().warehouse, seconds)
        return
    frame = snapshot.ask(settings().warehouse, query, seconds=seconds)
    # To a file, every row with its type; what is printed is for reading.
    if parquet is not None:
        frame.write_parquet(parquet)
        say(f"{frame.height} rows in {parquet}")
        return
    print_result(without_formulas(frame) if excel_safe else frame, chosen)


@warehouse_app.command
def rebuild() -> None:
    """Make the database again from the journal alone."""
    from warehouse.store import Store

    with Store.rebuild(settings().warehouse) as store:
        tables = store.read(
            "SELECT table_name, sum(estimated_size)::BIGINT AS rows FROM duckdb_tables() "
            "GROUP BY table_name ORDER BY table_name"
        )
        # Readers open the snapshot: without a new one they would go on with the old database.
        store.publish_snapshot(whole=True)
    show_rows(tables.to_dicts(), as_json=False, title="rebuilt from the journal")


@warehouse_app.command
def load() -> None:
    """Take in what other machines have written to the journal, and show it to readers."""
    from warehouse.store import Store

    # Opened, a store merges all that it has not seen yet.
    with Store.open(settings().warehouse) as store:
        store.publish_snapshot(whole=True)
        runs = store.read("SELECT count(*) FROM runs").item()
    print(f"the journal's {runs} runs can be read")


@warehouse_app.command
def export(folder: Path) -> None:
    """Write every table to a Parquet file in a new folder, for other tools to read."""
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        written = store.export(folder)
    rows = [{"file": f"{table}.parquet", "rows": count} for table, count in written.items()]
    show_rows(rows, as_json=False, title=f"exported to {folder}")


@warehouse_app.command
def verify() -> None:
    """Read every file of the journal; say which are damaged and what to do, also during a run."""
    from warehouse.verification import advice, check_all

    folder = settings().warehouse
    damaged = total = size = 0
    for checked in check_all(folder):
        total += 1
        size += checked.bytes
        if not checked.is_whole:
            damaged += 1
            say(advice(checked, folder))
    print(f"{total} files of the journal read, {size / 1e6:,.1f} MB: {damaged} damaged")
    if damaged:
        raise SystemExit(1)


@warehouse_app.command
def prune(
    *,
    older_than: Annotated[int, Parameter(help="Days since anything happened to a run.")],
    yes: Annotated[bool, Parameter(help="Remove it; else it is only shown.")] = False,
) -> None:
    """Remove draws, scores and answers that only runs had use for which are long over.

    Their outcomes, policies, curves and costs stay; they cannot be replayed or graded again.
    """
    from warehouse.store import Store

    if older_than < 1:
        raise UserError(f"Expected --older-than in days, 1 or more; got {older_than}.")
    before = datetime.now(UTC) - timedelta(days=older_than)
    with Store.open(settings().warehouse) as store:
        gone = store.prune(before) if yes else store.prunable(before)
        if yes:
            store.publish_snapshot(whole=True)
    rows = [{"table": table, "rows": count} for table, count in gone.items()]
    show_rows(rows, as_json=False, title="removed" if yes else "would go; add --yes to remove it")
