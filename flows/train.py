"""`ttc train`: the bundled models again, from nothing."""

from __future__ import annotations

from pathlib import Path

from tasks.models import BUNDLED
from tasks.settings import settings
from tasks.training.family import train_family, train_member


def train_one(kind: str, out: Path | None, *, seed: int | None) -> None:
    """Train one member into `out`, by default over the bundled one; its sources are the bundled ones."""
    train_member(kind, BUNDLED, states=settings().home / "training", out=out, seed=seed)


def train_all(out: Path | None, *, seed: int | None) -> None:
    """Train the family into `out`, by default over the bundled one; members already there are kept."""
    train_family(out or BUNDLED, states=settings().home / "training", seed=seed)
