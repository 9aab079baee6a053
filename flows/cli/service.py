"""`ttc solve`, `serve`, `up`, `backup`, `restore`, `doctor`, `showcase`: answers and servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.cli.terminal import console, show_rows
from tasks.settings import settings
from warehouse.errors import say

Policy = Annotated[
    str | None,
    Parameter(help="A run's id, `champion` or `latest`; the champion if there is one."),
]


def solve(
    question: str,
    *,
    budget: Annotated[int, Parameter(help="Generations allowed, the probe's included.")] = 16,
    policy: Policy = None,
    json: bool = False,
) -> None:
    """Answer a question under a policy: probe, bin, strategy; with its cost."""
    from flows.cli.solve import solve as answer

    answer(
        settings().warehouse,
        question,
        budget=budget,
        policy=policy,
        console=console(),
        as_json=json,
    )


def serve(
    *,
    port: int = 8200,
    budget: Annotated[
        int | None, Parameter(help="Where a request names none; the policy's largest up to 16.")
    ] = None,
    policy: Policy = None,
    seconds: Annotated[float, Parameter(help="What an answer may take.")] = 600.0,
) -> None:
    """Answer under a policy at an OpenAI-compatible endpoint, until Ctrl-C."""
    from flows.answers.serving import serve as answer

    answer(settings(), port=port, budget=budget, policy=policy, seconds=seconds)


def up() -> None:
    """Start Prefect, MLflow and a worker on loopback, with the nightly schedule; Ctrl-C ends
    them.
    """
    from flows.servers.up import up as start

    raise SystemExit(start())


def backup(folder: Path) -> None:
    """Copy journal, MLflow and outbox into a folder, also during a run; again: only what is new."""
    from flows.servers.backup import back_up

    done = back_up(settings(), folder.resolve())
    show_rows(done.rows, as_json=False, title=f"new in {folder}")
    for line in done.said:
        say(line)


def restore(folder: Path) -> None:
    """Fill an empty state folder (TTC_HOME) from what `ttc backup` has copied."""
    from flows.servers.backup import put_back

    for line in put_back(settings(), folder.resolve()):
        say(line)


def showcase() -> None:
    """Write the demo's own table and figure into the README."""
    from flows.cli.showcase import showcase as write

    say(f"README.md shows run {write(settings().warehouse)}")


def doctor(
    *,
    json: bool = False,
    models: Annotated[
        bool, Parameter(help="Read all files of models again, and tell which differ.")
    ] = False,
) -> None:
    """Explain machine, versions, engine, ports, locks and state."""
    from flows.cli.doctor import doctor as examine

    raise SystemExit(examine(as_json=json, models=models))
