"""What a study will cost before it is run: draws, tokens, minutes, disk. No engine is started."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from tasks.asking.plan import Plan, plan
from tasks.engines.pace import generated_a_second
from tasks.evaluation.footprint import disk_of, memory_of
from tasks.evaluation.seen import look_at
from tasks.runs.loading import prepare_run
from tasks.runs.outcomes import load_bins, load_outcomes, load_used_difficulty
from tasks.runs.run import Run
from tasks.statistics.power import WORST, detectable_with, questions_needed, spread_of
from tasks.study.study import Study
from warehouse.store import Store


class Forecast(NamedTuple):
    """One model version under a study; tokens are generated ones."""

    model: str
    """Name without its folder."""
    benchmark: str
    answer: str
    """Kind of answer."""
    because: str
    """Who says so, or what it was guessed from."""
    grader: str
    """Its version."""
    note: str
    """What of its prompts is otherwise than its format says; empty: nothing."""
    questions: int
    draws: int
    """Whole completions' worth that the study owes at most.

    Searches share steps; how many is only seen afterwards.
    """
    there: int
    """Of these, already drawn for this model version."""
    a_draw: float | None
    """Mean tokens of what is drawn; None before this model version's first draw.

    Then max_tokens bounds it.
    """
    seen: int
    """Questions that are complete: what is left of the others is reckoned from them."""
    tokens: float
    """Still to be generated; before the first complete question at most."""
    if_alone: float
    """Tokens if every strategy drew at every budget for itself, difficulty left out."""
    seconds: float | None
    """Engines at work, at this model's pace here, else at any model's; None when none was measured.

    Their start comes on top, and what follows them.
    """
    memory: float
    """Bytes of this machine at most; on a GPU without what lies there."""
    disk: float
    """Bytes that are added."""
    power_from: str
    """The run whose differences between questions say what can be seen; empty: none was complete.

    Then the most is taken that draws can vary.
    """
    detectable: float
    """Smallest true difference that these questions show with 80 % power."""
    needed: dict[int, dict[int, int]]
    """Questions that show a difference of so many points, by points and draws of each figure."""


def forecast(store: Store, study: Study, model: str) -> Forecast:
    """The cost of running the study for one model version, given what is there already."""
    run = prepare_run(study, model, run_id="", known=_last_version(store, study, model))
    owed = plan(run)
    count = len(run.benchmark.questions)
    pools = owed.pool * len(owed.traced)
    draws = count * (pools + owed.difficulty + _search_draws(owed))
    stored = _stored(store, run)
    each = stored.mean if stored.mean is not None else float(study.generator.max_tokens)
    seen = look_at(store, run)
    unseen = max(0, draws - stored.completions) * each + count * _answer_tokens(owed)
    tokens = seen.left(count) if seen.complete else unseen
    alone = count * sum(budget for _, budget in study.cells()) * each
    pace = generated_a_second(store, run.generator)
    return Forecast(
        model=model.rpartition("/")[2],
        benchmark=run.benchmark.name,
        answer=run.benchmark.kind.grader,
        because=run.benchmark.kind.why,
        grader=run.grader.version,
        note=run.format.note,
        questions=count,
        draws=draws,
        # Draws of other studies on these questions count too, so that there may be more.
        there=min(stored.completions, draws),
        a_draw=stored.mean,
        seen=len(seen.complete),
        tokens=tokens,
        if_alone=alone,
        seconds=tokens / pace if pace else None,
        memory=memory_of(run),
        disk=disk_of(store, tokens),
        **_power(store, study, count),
    )


POINTS = (2, 5, 10, 20)
"""Differences in accuracy, in points of a hundred, for which questions are counted."""
DRAWS = (1, 4, 16)
"""Draws of each figure: nights that are pooled, or a pool that holds the budget so often."""

# The same questions say most, then the newest run.
_SEEN = """
SELECT run_id, baseline FROM complete_runs JOIN efficiencies USING (run_id)
WHERE family = $family
ORDER BY study = $study DESC, completed_at DESC, run_id DESC LIMIT 1
"""


def _power(store: Store, study: Study, count: int) -> dict[str, Any]:
    """The fields of a forecast that say what its questions will show."""
    seen = store.read(_SEEN, family=study.family, study=study.name).rows()
    run_id, spread = "", WORST
    if seen:
        run_id, baseline = seen[0]
        kind = load_used_difficulty(store, run_id)
        spread = spread_of(
            load_outcomes(store, run_id),
            baseline=baseline,
            questions=load_bins(store, run_id, kind),
        )
    needed = {
        points: {draws: questions_needed(spread, points / 100, draws=draws) for draws in DRAWS}
        for points in POINTS
    }
    least = detectable_with(spread, count, draws=spread.draws)
    return {"power_from": run_id, "detectable": least, "needed": needed}


def _last_version(store: Store, study: Study, model: str) -> str | None:
    """The version of a model behind an endpoint that was seen last: a forecast asks no server."""
    if study.endpoint(model) is None:
        return None
    seen = store.read(
        "SELECT model_fingerprint FROM model_versions WHERE model = $model "
        "ORDER BY seen_at DESC LIMIT 1",
        model=model,
    )
    return str(seen.item()) if len(seen) else "not seen yet"


def _answer_tokens(owed: Plan) -> int:
    """Tokens that answers after thinking that was cut take on one question, at most."""
    caps = [arm.pool.cap for arm in owed.arms if arm.pool.cap]
    return owed.pool * sum(cap.answer + cap.extend * (cap.tokens + cap.answer) for cap in caps)


def _search_draws(owed: Plan) -> int:
    """Completions' worth of all searches on one question.

    Chains nest, whatever their lengths (METHOD §5).
    """
    apart = sum(budget for strategy, budget in owed.searches if strategy.chain is None)
    chained = {
        (budget // strategy.chain, strategy.chain)
        for strategy, budget in owed.searches
        if strategy.chain is not None
    }
    chains = max((count for count, _ in chained), default=0)
    # Chain i is drawn once, as long as the longest of the strategies that have an i-th chain.
    nested = 0
    for place in range(chains):
        nested += max(length for count, length in chained if place < count)
    return apart + nested


class _Stored(NamedTuple):
    """Mean tokens of a whole draw, and how many completions' worth of tokens are there."""

    mean: float | None
    completions: int


def _stored(store: Store, run: Run) -> _Stored:
    """What was drawn for the run's questions, whichever run paid for it."""
    # Whole completions alone make the mean: a step is a part of one.
    mean, tokens = store.read(
        "SELECT avg(generated_tokens) FILTER (depth = 0 AND stop <> 'step' "
        "AND role NOT IN ('extension', 'answer', 'selection')), "
        "sum(generated_tokens)::DOUBLE FROM draws "
        "SEMI JOIN wanted USING (question_id) WHERE list_contains($models, model_fingerprint)",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        models=[model.fingerprint for model in run.writers],
    ).row(0)
    if not mean:
        return _Stored(None, 0)
    return _Stored(float(mean), round(tokens / mean))
