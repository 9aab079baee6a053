"""A run replayed with all that is stored of it at once."""

from __future__ import annotations

from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_stored
from tasks.asking.stored import Stored, read_stored
from tasks.runs.run import Run
from warehouse.store import Store


def replay_run(store: Store, run: Run) -> Questioning:
    """What asks any question of the run again, token ids and all."""
    every = Stored()
    for _, stored in read_stored(store, run, run.benchmark.questions, token_ids=True):
        for model, draws in stored.draws.items():
            every.draws.setdefault(model, []).extend(draws)
        for verifier, scores in stored.scores.items():
            every.scores.setdefault(verifier, {}).update(scores)
    return replay_stored(run, every)
