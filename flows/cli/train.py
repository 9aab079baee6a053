"""`ttc train`: the bundled models again, from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tasks.settings import settings

train_app = App(name="train", help="Rebuild the bundled models.")

Out = Annotated[
    Path | None, Parameter(help="Folder for the model; without it, over the bundled one.")
]
Seed = Annotated[int | None, Parameter(help="Seed; without it, that of the bundled model.")]


@train_app.command
def family(*, out: Out = None, seed: Seed = None) -> None:
    """Train every bundled model from nothing (hours on two cores); run again, it goes on where it
    stopped.
    """
    from tasks.models.version import BUNDLED
    from tasks.training.bundled import train_bundled

    train_bundled(out or BUNDLED, states=settings().home / "training", seed=seed)


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
def large(*, out: Out = None, seed: Seed = None) -> None:
    """Train the large model again, about 14 times the generator's parameters."""
    _train("large", out, seed)


@train_app.command
def revision(*, out: Out = None, seed: Seed = None) -> None:
    """Train the revision model again, from the bundled generator."""
    _train("revision", out, seed)


@train_app.command
def orm(*, out: Out = None, seed: Seed = None) -> None:
    """Train the revision model's verifier again, on chains of the bundled revision model."""
    _train("orm", out, seed)


@train_app.command
def thinking(*, out: Out = None, seed: Seed = None) -> None:
    """Train the model that thinks again, from the bundled generator."""
    _train("thinking", out, seed)


def _train(kind: str, out: Path | None, seed: int | None) -> None:
    """Train one member into `out`, by default over the bundled one, from the bundled sources."""
    from tasks.models.version import BUNDLED
    from tasks.training.bundled import train_member

    # States lie in the state folder, not beside the model: a training that was killed goes on.
    states = settings().home / "training"
    train_member(kind, BUNDLED, states=states, out=out, seed=seed)
