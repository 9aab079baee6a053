"""Running strategies again from the journal alone: no engine, no new draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.asking.questioning import Questioning, questioning
from tasks.asking.stored import stored_draws, stored_scores
from tasks.benchmarks.question import Question
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Judging, Scorer
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.store import Store


def replay_questions(
    store: Store, run: Run, questions: Sequence[Question] | None = None
) -> Iterator[tuple[Question, Questioning]]:
    """Each of these questions (None: all of the run) and what asks it again, in their order.

    What asks it is good until the next one is taken.
    """
    asking = replay_run(store, run)
    for question in run.benchmark.questions if questions is None else questions:
        yield question, asking


def replay_run(store: Store, run: Run) -> Questioning:
    """The run's questioning over what is stored; a draw that is not there raises MissingDraws."""

    def sampler(model: Model) -> Sampler:
        return Sampler(format=run.format, engine=None, known=stored_draws(store, run, model))

    def scorer(verifier: Model | None, judging: Judging) -> Scorer:
        known = stored_scores(store, run, verifier)
        return Scorer(verifier=None, known=known, judging=judging)

    return questioning(run, sampler=sampler, scorer=scorer)
