"""`ttc train`: the bundled models again, from nothing."""

from __future__ import annotations

from pathlib import Path

from tasks.models import BUNDLED
from tasks.training.generator import train_generator
from tasks.training.prm import train_prm

GENERATOR = "congruences-generator"
PRM = "congruences-prm"


def train_bundled_generator(out: Path | None, *, seed: int) -> None:
    """Train the generator into `out`, by default over the bundled one."""
    train_generator(out or BUNDLED / GENERATOR, seed=seed)


def train_bundled_prm(out: Path | None, *, seed: int) -> None:
    """Train the process reward model on rollouts of the bundled generator."""
    train_prm(BUNDLED / GENERATOR, out or BUNDLED / PRM, seed=seed)
