"""`ttc distill`: a generator learns what its own search found."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from flows.servers import quiet
from tasks.study.reading import load_study
from warehouse.errors import UserError


def distill(
    study: str = "distill",
    *,
    rounds: Annotated[int, Parameter(help="Versions to make, each from the one before.")] = 2,
    by: Annotated[
        Literal["verifier", "target"], Parameter(help="Who says what is right to learn.")
    ] = "verifier",
    json: bool = False,
) -> None:
    """Teach a generator what its own search finds, and evaluate every version. Run again to
    resume.
    """
    from tasks.training.harvest import distill_table

    if rounds < 0:
        raise UserError(
            f"distill: expected 0 rounds or more, got {rounds}; 0 evaluates the model as it is"
        )
    asked = load_study(study)
    # Refuses what cannot be distilled before Prefect is started.
    distill_table(asked)
    with quiet.prefect():
        from flows.cli.rounds import show_rounds
        from flows.distill import distill as rounds_of

        run_ids = rounds_of(asked, rounds, by)
    show_rounds(run_ids, as_json=json)
