"""`ttc policy` and `ttc diff`: the grid, promotion or rollback by hand, two versions compared."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from flows.cli.terminal import REGRESSED
from tasks.settings import settings
from warehouse.errors import UserError, say

policy_app = App(
    name="policy", help="The latest policies, what changed in them, and which version is champion."
)

Family = Annotated[str | None, Parameter(help="Whose versions, where several families are known.")]
Benchmark = Annotated[str | None, Parameter(help="On which benchmark, where there are several.")]


By = Annotated[
    Literal["generations", "tokens", "money", "latency", "flops", "seconds"] | None,
    Parameter(help="What a question is paid in; a limit is a doubling of a plain completion."),
]


Studies = Annotated[
    list[str] | None,
    Parameter(help="Names of studies that measured both.", consume_multiple=True),
]
Accuracy = Annotated[float | None, Parameter(help="Share of questions to answer right, 0 to 1.")]
Limit = Annotated[float | None, Parameter(group="Limits: the most that a question may take")]


@policy_app.default
def policy(
    *,
    by: By = None,
    accuracy: Accuracy = None,
    generations: Limit = None,
    tokens: Limit = None,
    money: Limit = None,
    latency: Limit = None,
    seconds: Limit = None,
    json: bool = False,
) -> None:
    """The latest policy of every family and benchmark, and what changed since the previous model
    version; with --by the policy where a question may cost so many tokens, so much money …

    With --accuracy or a limit: which cell meets that, and how often on questions that did not
    choose it. Latency is in tokens written one after the other, seconds are those waited.
    """
    from flows.cli.policy_view import show_policy, show_policy_by
    from flows.cli.requirement_view import show_requirement
    from flows.cli.terminal import console

    limits = {
        "generations": generations,
        "tokens": tokens,
        "money": money,
        "latency": latency,
        "seconds": seconds,
    }
    asked = {name: most for name, most in limits.items() if most is not None}
    if accuracy is not None or asked:
        folder = settings().warehouse
        show_requirement(folder, accuracy, asked, by=by, console=console(), as_json=json)
    elif by is None:
        show_policy(settings().warehouse, console=console(), as_json=json)
    else:
        show_policy_by(settings().warehouse, by, console=console(), as_json=json)


@policy_app.command
def promote(version: str, *, family: Family = None, benchmark: Benchmark = None) -> None:
    """Make a model version champion by hand: its number, its model's name, or a run of it."""
    from tasks.evaluation.publish import mirror_standings
    from tasks.versions import champion as standings
    from tasks.versions.version import Scope
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        # MLflow's alias follows at once, not with the next night.
        chosen = standings.promote(store, version, scope=Scope(family, benchmark))
        mirror_standings(settings(), store, chosen.run_id)
    place = f"{chosen.family} on {chosen.benchmark}"
    # On stderr, as everything that is said beside a result.
    say(f"champion of {place}: {chosen.label()}")


@policy_app.command
def rollback(*, family: Family = None, benchmark: Benchmark = None) -> None:
    """Give the place back to the champion before; the one rolled back returns only by
    `ttc policy promote`.
    """
    from tasks.evaluation.publish import mirror_standings
    from tasks.versions import champion as standings
    from tasks.versions.version import Scope
    from warehouse.store import Store

    with Store.open(settings().warehouse) as store:
        former, now = standings.rollback(store, scope=Scope(family, benchmark))
        mirror_standings(settings(), store, now.run_id)
    place = f"{now.family} on {now.benchmark}"
    say(f"champion of {place}: {now.label()}, no longer {former.label()}")


def diff(
    before: str,
    now: str,
    *,
    family: Family = None,
    benchmark: Benchmark = None,
    studies: Studies = None,
    gate: Annotated[bool, Parameter(help="Exit code 3 where the newer version is worse.")] = False,
    json: bool = False,
) -> None:
    """What changed between two model versions: numbers, models' names, or runs.

    With --studies one release is judged on all their benchmarks: better, worse or cannot be told.
    """
    from flows.cli.diff import show_diff, show_release
    from tasks.versions.version import Scope

    if studies:
        finding = show_release(
            settings().warehouse, before, now, studies=studies, family=family, as_json=json
        )
        if gate and finding == "worse":
            raise SystemExit(REGRESSED)
        return
    if gate:
        raise UserError(
            "diff: expected --studies with --gate, got none; name the studies of the release"
        )
    show_diff(settings().warehouse, before, now, scope=Scope(family, benchmark), as_json=json)
