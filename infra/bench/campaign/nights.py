"""Many nights on one state folder, and whether anything rises that should not.

    PYTHONPATH=. python infra/bench/campaign/nights.py [--n 100] [--seconds 36000]

As `infra/bench/soak.py` does it, which says what a night is. Counted as wrong is a figure that
rises over the nights though it should not, or grows faster than what is stored: memory, CPU
seconds, segments, journal, database. A trial is a night.
"""

from __future__ import annotations

import contextlib
import sys

from trials import Campaign, conduct

# isort: split
from infra.bench.soak import RISES, Measured, slopes, soak

FASTER = "GROWS FASTER"


def go(campaign: Campaign) -> None:
    """Nights, then what rose."""
    nights: list[Measured] = []
    with contextlib.closing(soak(campaign.folder, campaign.options.n)) as several:
        for one in several:
            nights.append(one)
            campaign.note(**one._asdict())
            campaign.counts["tried"] += 1
            if not campaign.goes_on():
                break
    for one in slopes(nights):
        campaign.note(**one._asdict())
        if one.meaning == RISES or one.meaning.startswith(FASTER):
            campaign.fault("wrong", f"{one.figure}: {one.first:.5g} to {one.last:.5g}")


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when something rises."""
    return conduct(argv, __doc__, go, n=100)


if __name__ == "__main__":
    sys.exit(main())
