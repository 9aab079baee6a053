"""Running strategies again from what is stored: no engine, no new draws."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.asking.questioning import Questioning, questioning
from tasks.asking.stored import Stored, read_stored
from tasks.benchmarks.question import Question
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import NOTHING_KNOWN, Judging, Scorer
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.store import Store


def replay_questions(
    store: Store, run: Run, *, token_ids: bool = False
) -> Iterator[tuple[Question, Questioning]]:
    """Each question of the run and what asks it again; the next one lets go of what this one read.

    A draw that is not there raises MissingDraws. Nodes know their texts, and their token ids where
    those are asked for.
    """
    for asked, stored in read_stored(store, run, run.benchmark.questions, token_ids=token_ids):
        asking = _replay(run, stored)
        for question in asked:
            yield question, asking


def _replay(run: Run, stored: Stored) -> Questioning:
    def sampler(model: Model) -> Sampler:
        known = stored.draws.get(model.fingerprint, ())
        return Sampler(format=run.format, engine=None, known=known)

    def scorer(verifier: Model | None, judging: Judging) -> Scorer:
        known = stored.scores.get(verifier.fingerprint) if verifier else None
        return Scorer(verifier=None, known=known or NOTHING_KNOWN, judging=judging)

    return questioning(run, sampler=sampler, scorer=scorer)
