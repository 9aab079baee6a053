"""Kills workers of a run that is shared out, and counts what was lost or doubled.

    PYTHONPATH=.:tests/fakes python infra/bench/campaign/workers.py [--n 20] [--bucket]

As `infra/bench/shards.py` does it, whose rounds these are: every round is a run of its own, some of
whose workers are killed while they draw and their shards taken up by others. A trial is a kill.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from trials import Campaign, conduct, environment

# isort: split
import shards
from object_store import make_bucket, serve_s3
from scripted_runs import ScriptedEngines

from tasks.evaluation import generate
from warehouse.places import appoint


def kill(campaign: Campaign) -> None:
    """Rounds until so many workers were killed."""
    os.environ |= environment(campaign.folder / "own")
    with ExitStack() as stack:
        if campaign.options.bucket:
            os.environ |= stack.enter_context(serve_s3())
        alone = campaign.folder / "alone"
        generate.run(alone, shards.open_shared(alone), engines=ScriptedEngines)
        while campaign.goes_on():
            _round(campaign, campaign.folder / f"round-{campaign.counts['tried']}", alone)


def _round(campaign: Campaign, folder: Path, alone: Path) -> None:
    options = campaign.options
    if options.bucket:
        appoint(folder, f"{make_bucket(folder.name)}/journal")
    wanted = min(shards.KILLS_A_ROUND, options.n - campaign.counts["tried"])
    counts = shards.run_round(folder, options.workers, wanted, campaign.rng)
    counts |= shards.compare(shards.rows_of(folder), shards.rows_of(alone))
    campaign.note(**counts)
    campaign.counts["rounds"] += 1
    campaign.counts["killed after draws"] += counts["after_draws"]
    campaign.counts["tried"] += counts["kills"]
    for kind, name in (("lost", "lost"), ("doubled", "doubled"), ("wrong", "other")):
        if counts[name]:
            campaign.fault(kind, f"rows of {folder.name}", counts[name])
    if counts["failed"]:
        campaign.fault("wrong", f"workers of {folder.name} that failed", counts["failed"])


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when a row was lost, doubled or another."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help="of a run")
        parser.add_argument("--bucket", action="store_true", help="the journal in an S3 server")

    return conduct(argv, __doc__, kill, n=20, more=more)


if __name__ == "__main__":
    sys.exit(main())
