"""From test-time compute back into the model (METHOD §11.3): what search served, as text.

The questions are training questions. Two variants: completions that the verifier calls right, no
target looked at; or those that are right by the target.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tasks.asking.completions import GradedCompletion, Keeper, join_answer, load_answers
from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_questions
from tasks.benchmarks.benchmark import TRAINING
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.models.format_tables import format_name
from tasks.runs.events import note, stage
from tasks.runs.run import Run
from tasks.strategies import Strategy, parse
from tasks.study.study import Study
from tasks.study.tables import Distill, Generator
from warehouse.errors import UserError
from warehouse.store import Store

By = Literal["verifier", "target"]
"""Who says which completions are right."""


class Learnt(NamedTuple):
    """One completion to learn."""

    question_id: str
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    """Its token ids, the end token left out."""


class Harvest(NamedTuple):
    """What a round learns from, and how much of it is right."""

    texts: list[Learnt]
    questions: int
    """Training questions that were asked."""
    served: int
    """Distinct completions that the strategies served on them."""
    right: int
    """Kept completions that are right by the target: never used by the verifier's variant."""

    def facts(self, number: int, *, by: By) -> dict[str, Any]:
        """What the version's card says of its text."""
        return {
            "round": number,
            "kept_by": by,
            "training_questions": self.questions,
            "served": self.served,
            "kept": len(self.texts),
            "kept_and_right": self.right,
        }


def distill_table(study: Study) -> Distill:
    """The study's [distill] table; UserError for what cannot be distilled."""
    if study.distill is None:
        raise UserError(
            f"study: distilling needs a [distill] table, {study.name} has none; "
            "see `ttc distill`'s own"
        )
    # The training here is that of the bundled models: their tokens, their size.
    generator = study.generator
    is_bundled = len(generator.models) == 1 and generator.format == "congruences"
    if study.verifier is None or not is_bundled:
        raise UserError(
            "study: distilling needs a verifier, and one generator of format 'congruences' "
            f"to begin with, got {generator.models} of format {format_name(generator.format)!r}; "
            "name the bundled one"
        )
    if study.benchmark == TRAINING:
        raise UserError(
            "study: expected a benchmark to evaluate on that nothing is learnt from, "
            f"got {TRAINING!r}"
        )
    for strategy in map(parse, study.distill.strategies):
        # A pool that stops early serves from fewer draws than the whole pool that is replayed here;
        # what was written in sight of other attempts answers another prompt, and what a larger
        # model wrote is none of this one's.
        form = strategy.form
        apart = form.revises or form.shows or form.stop or form.small
        if apart or strategy.kind == "groups":
            raise UserError(
                f"study: distill.strategies must be searches or plain pools, got {strategy.key!r}"
            )
    return study.distill


def harvest_study(study: Study, parent: str, number: int) -> Study:
    """The study whose completions round `number` (1, 2, …) learns from, on training questions."""
    asked = distill_table(study)
    return dataclasses.replace(
        study,
        name=f"{study.name}-harvest",
        benchmark=TRAINING,
        benchmark_name=None,
        questions=asked.questions,
        budgets=(asked.budget,),
        strategies=asked.strategies,
        baseline=parse(asked.strategies[0]).key,
        # Nothing here is ranked by difficulty: the fewest draws that a study may ask for it.
        difficulty_draws=2,
        probe_draws=1,
        # The seed picks the questions: every round learns from others.
        seed=study.seed + number,
        exchange=None,
        distill=None,
        revisions=None,
        generator=_generator_of(study, parent),
    )


def version_study(study: Study, model: str, by: By) -> Study:
    """The study that evaluates one version; versions distilled in one way are a family."""
    # The two variants are families of their own: versions of one are never promoted over the other.
    family = f"{study.family}-by-{by}"
    generator = dataclasses.replace(_generator_of(study, model), family=family)
    return dataclasses.replace(study, generator=generator)


def _generator_of(study: Study, model: str) -> Generator:
    return dataclasses.replace(study.generator, models=(model,))


def version_name(run: Run, number: int, *, by: By, least_score: float, recipe: object) -> str:
    """Folder name of the version that a round makes.

    It is the same where all that decides its text and its weights is the same.
    """
    facts = [
        run.study.digest(),
        run.generator.fingerprint,
        run.verifier and run.verifier.fingerprint,
        run.benchmark.fingerprint,
        # By the target no score is looked at: another threshold is no other version.
        least_score if by == "verifier" else None,
        recipe,
    ]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return f"distilled-{number}-by-{by}-{digest[:8]}"


def harvest(folder: Path, run_id: str, *, by: By, least_score: float) -> Harvest:
    """What the strategies of a graded run served, kept where the verifier or the target approves.

    Of a question each distinct completion is taken once. Nothing that depends on a target decides
    in the verifier's variant: not the choice, not the score, not the order.
    """
    with stage(folder, run_id, "harvest") as (store, run):
        served = asyncio.run(_collect_served(store, run))
        kept = [one for one in served if _is_right(one.read, by=by, least_score=least_score)]
        if not kept:
            raise UserError(
                f"distill: expected completions that the {by} calls right, "
                f"got none of {len(served)} on {len(run.question_ids)} questions; "
                "ask more of them, or lower distill.least_score"
            )
        note(store, run_id, "harvested", f"{len(kept)} of {len(served)} completions, by {by}")
        return Harvest(
            texts=[_text_of(run, one.node) for one in kept],
            questions=len(run.question_ids),
            served=len(served),
            right=sum(one.read.correct for one in kept),
        )


def _is_right(read: GradedCompletion, *, by: By, least_score: float) -> bool:
    if by == "target":
        return read.correct
    # A missing score is unknown, never high enough.
    return read.score is not None and read.score >= least_score


class _ServedCompletion(NamedTuple):
    node: Node
    read: GradedCompletion


async def _collect_served(store: Store, run: Run) -> list[_ServedCompletion]:
    strategies = [run.study.strategy(key) for key in run.study.strategies]
    # By node: strategies share draws, and what several serve is one text to learn.
    served: dict[str, _ServedCompletion] = {}
    for question, asking in replay_questions(store, run, token_ids=True):
        for strategy in strategies:
            one = await _serve(store, strategy, question, asking)
            if one:
                served.setdefault(one.node.key, one)
    return list(served.values())


async def _serve(
    store: Store, strategy: Strategy, question: Question, asking: Questioning
) -> _ServedCompletion | None:
    """The completion that one strategy serves on one question; None where no answer wins."""
    if strategy.kind == "pool":
        nodes = await asking.pool_of(question, strategy.pool)
    else:
        nodes = (await asking.search(question, strategy, asking.plan.pool)).completions
    answers = load_answers(store, asking.run, [node.key for node in nodes])
    kept = await Keeper(asking.run, answers).keep(asking.proposing.scorer, nodes)
    reads = [join_answer(one, answers) for one in kept]
    candidates = [read.candidate for read in reads]
    choice = strategy.choose([candidates], asking.plan.pool)
    if choice.index is None:
        return None
    return _ServedCompletion(nodes[choice.index], reads[choice.index])


def _text_of(run: Run, node: Node) -> Learnt:
    prompt = run.format.prompt(node.question)
    return Learnt(node.question.question_id, prompt, tuple(node.token_ids[len(prompt) :]))
