"""Running strategies again from the journal alone: no engine, no new draws."""

from __future__ import annotations

from tasks.memory import known_draws, known_scores
from tasks.questioning import Questioning, plan
from tasks.runs import Run
from tasks.sampler import Sampler
from tasks.scorer import Scorer
from warehouse.store import Store


def replayed(store: Store, run: Run) -> Questioning:
    """The run's questioning over what is stored; a draw that is not there raises MissingDraws."""
    sampler = Sampler(format=run.format, engine=None, known=known_draws(store, run), replicate=run.study.replicate)
    return Questioning(run, plan(run), sampler, Scorer(verifier=None, known=known_scores(store, run)))
