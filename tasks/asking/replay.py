"""Running strategies again from what is stored: no engine, no new draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.asking.plan import plan
from tasks.asking.questioning import Questioning, questioning
from tasks.asking.stored import Stored, read_stored
from tasks.benchmarks.question import Question
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import NOTHING_KNOWN, Judging, Scorer
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.reader import Reader


def replay_questions(
    store: Reader,
    run: Run,
    questions: Sequence[Question] | None = None,
    *,
    token_ids: bool = False,
) -> Iterator[tuple[Question, Questioning]]:
    """Each of these questions (None: all of the run) and what asks it again, in their order.

    Those that are asked with the same words follow each other. The next one lets go of what this
    one read. A draw that is not there raises MissingDraws. Nodes know their texts, and their token
    ids where those are asked for.
    """
    wanted = run.benchmark.questions if questions is None else questions
    # What was drawn is cut elsewhere by its tokens.
    reads = token_ids or plan(run).reads_tokens
    for asked, stored in read_stored(store, run, wanted, token_ids=reads):
        asking = replay_stored(run, stored)
        for question in asked:
            yield question, asking


def replay_stored(run: Run, stored: Stored) -> Questioning:
    """What asks again over what is stored of a question."""

    def sampler(model: Model) -> Sampler:
        known = stored.draws.get(model.fingerprint, ())
        return Sampler(format=run.format_of(model), engine=None, known=known)

    def scorer(verifier: Model | None, judging: Judging) -> Scorer:
        known = stored.scores.get(verifier.fingerprint) if verifier else None
        return Scorer(verifier=None, known=known or NOTHING_KNOWN, judging=judging)

    return questioning(run, sampler=sampler, scorer=scorer)
