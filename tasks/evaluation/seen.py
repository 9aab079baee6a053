"""What was seen of a study's questions before a run of it: their tokens, and which are complete."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import polars as pl

from tasks.asking.plan import Plan, plan
from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_questions
from tasks.asking.tools import A_CHAIN
from tasks.benchmarks.question import Question
from tasks.draws.sampler import MissingDraws
from tasks.runs.run import Run
from warehouse.store import Store

IN_A_ROW = 10
"""Complete questions in a row, from the one drawn last: those drawn before them are too."""
TRIES = 100
"""Questions that are looked at before it is said that none is complete."""
LIKE_COMPLETE = 0.5
"""Of the least tokens of a complete question: with fewer, another study asked less of it."""

# Replicates: -1 - replicate sets the bin, the others are the study's own and those of its chains.
_DRAWN = """
SELECT question_id, sum(generated_tokens)::DOUBLE AS tokens
FROM draws SEMI JOIN wanted USING (question_id) SEMI JOIN asked USING (sampling_key)
WHERE list_contains($models, model_fingerprint)
    AND (replicate = -1 - $replicate OR (replicate >= 0 AND replicate % $chain = $replicate))
    AND NOT (
        depth = 0 AND sampling_key IN (SELECT sampling_key FROM wholes)
        AND child >= CASE WHEN replicate < 0 THEN $difficulty ELSE $pool END
    )
GROUP BY question_id HAVING tokens > 0
ORDER BY max(drawn_at) DESC, question_id
"""


class Seen(NamedTuple):
    """Generated tokens by question, of what the study owes alone."""

    complete: dict[str, float]
    """Nothing is left to draw."""
    begun: dict[str, float]
    """Something is there."""

    @property
    def mean(self) -> float:
        """Tokens of a complete question."""
        return sum(self.complete.values()) / len(self.complete)

    def left(self, questions: int) -> float:
        """Tokens that are not there yet, if the others are like those that are complete."""
        begun = sum(max(0.0, self.mean - tokens) for tokens in self.begun.values())
        untouched = questions - len(self.complete) - len(self.begun)
        return begun + untouched * self.mean


def look_at(store: Store, run: Run) -> Seen:
    """What was seen of the run's questions, whichever run paid for it.

    Complete is what a replay says. Not all are replayed: a run asks one question after the other,
    so that those it has not finished are among the last that it drew for.
    """
    drawn = _drawn(store, run, plan(run))
    replayed = _replay_latest(store, run, list(drawn))
    complete = {name: drawn[name] for name, is_complete in replayed.items() if is_complete}
    if complete:
        least = LIKE_COMPLETE * min(complete.values())
        older = {name: tokens for name, tokens in drawn.items() if name not in replayed}
        complete |= {name: tokens for name, tokens in older.items() if tokens >= least}
    begun = {name: tokens for name, tokens in drawn.items() if name not in complete}
    return Seen(complete, begun)


def _drawn(store: Store, run: Run, owed: Plan) -> dict[str, float]:
    """Tokens by question, the one drawn last first.

    Of more whole completions than are owed, those owed. A search with a larger budget drew steps
    that cannot be told from those that are owed.
    """
    wholes = [owed.whole(temperature).key for temperature in owed.temperatures]
    answering = [one.key for one in owed.answering]
    samplings = list(owed.sampled) if owed.searches else [*wholes, *answering]
    rows = store.read(
        _DRAWN,
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        asked=pl.DataFrame({"sampling_key": samplings}),
        wholes=pl.DataFrame({"sampling_key": wholes}),
        models=[model.fingerprint for model in run.writers],
        replicate=owed.replicate,
        chain=A_CHAIN,
        pool=owed.pool,
        difficulty=owed.difficulty,
    )
    return dict(rows.iter_rows())


def _replay_latest(store: Store, run: Run, names: list[str]) -> dict[str, bool]:
    """Whether a question is complete, of those drawn last until enough in a row are."""
    by_name = {question.question_id: question for question in run.benchmark.questions}
    replayed: dict[str, bool] = {}
    row = 0
    for name in names[:TRIES]:
        replayed[name] = _is_complete(store, run, by_name[name])
        row = row + 1 if replayed[name] else 0
        if row == IN_A_ROW:
            break
    return replayed


def _is_complete(store: Store, run: Run, question: Question) -> bool:
    ((_, asking),) = replay_questions(store, run, [question])
    try:
        asyncio.run(_everything(asking, question))
    except MissingDraws:
        return False
    return True


async def _everything(asking: Questioning, question: Question) -> None:
    """All that a run asks about the question; MissingDraws where some of it is not there."""
    # The quick ones first: most that are not complete lack some of these.
    await asking.pool(question)
    await asking.difficulty(question)
    for arm in asking.plan.arms:
        await asking.arm(question, arm)
    for strategy, budget in asking.plan.searches:
        await asking.search(question, strategy, budget)
