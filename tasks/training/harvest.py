"""From test-time compute back into the model (METHOD §11.3): what search found on training questions, as text.

Two variants: completions that the verifier calls right, no target looked at; or those that are right by the target.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tasks.asking.completions import CompletionReader, GradedCompletion
from tasks.asking.questioning import Questioning
from tasks.asking.replay import replay_run
from tasks.benchmarks.benchmark import TRAINING
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.runs.events import note, stage
from tasks.runs.run import Run
from tasks.statistics.selectors import Candidate
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
    """Kept completions that are right by the target: told afterwards, never used by the verifier's variant."""

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
            f"study: distilling needs a [distill] table, {study.name} has none; see `ttc distill`'s own"
        )
    if (
        study.verifier is None
        or len(study.generator.models) != 1
        or study.generator.format != "congruences"
    ):
        raise UserError(
            "study: distilling needs a verifier, and one generator of format 'congruences' to begin with, got "
            f"{study.generator.models} of format {study.generator.format!r}; name the bundled one"
        )
    if study.benchmark == TRAINING:
        raise UserError(
            f"study: expected a benchmark to evaluate on that nothing is learnt from, got {TRAINING!r}"
        )
    for strategy in map(parse, study.distill.strategies):
        # A pool that stops early serves from fewer draws than the whole pool that is replayed here.
        if strategy.form.revises or strategy.kind == "groups" or strategy.stop is not None:
            raise UserError(
                f"study: distill.strategies must be searches or plain pools, got {strategy.key!r}"
            )
    return study.distill


def harvest_study(study: Study, parent: str, number: int) -> Study:
    """The study whose completions round `number` (1, 2, …) learns from: training questions of its own."""
    asked = distill_table(study)
    return dataclasses.replace(
        study,
        name=f"{study.name}-harvest",
        benchmark=TRAINING,
        questions=asked.questions,
        budgets=(asked.budget,),
        strategies=asked.strategies,
        baseline=parse(asked.strategies[0]).key,
        difficulty_draws=2,
        probe_draws=1,
        seed=study.seed + number,
        exchange=None,
        distill=None,
        revisions=None,
        generator=_of(study, parent),
    )


def version_study(study: Study, model: str, by: By) -> Study:
    """The study that evaluates one version; versions distilled in one way are a family."""
    generator = dataclasses.replace(_of(study, model), family=f"{study.family}-by-{by}")
    return dataclasses.replace(study, generator=generator)


def _of(study: Study, model: str) -> Generator:
    return dataclasses.replace(study.generator, models=(model,))


def version_name(run: Run, number: int, *, by: By, least_score: float, recipe: object) -> str:
    """Folder name of the version that a round makes: the same where all that decides its text and weights is."""
    facts = [
        run.study.digest(),
        run.generator.fingerprint,
        run.verifier and run.verifier.fingerprint,
        run.benchmark.fingerprint,
        least_score if by == "verifier" else None,
        recipe,
    ]
    return (
        f"distilled-{number}-by-{by}-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]}"
    )


def harvest(folder: Path, run_id: str, *, by: By, least_score: float) -> Harvest:
    """What the strategies of a graded run served, kept where the verifier (or the target) calls it right.

    Of a question each distinct completion is taken once. Nothing that depends on a target decides in the
    verifier's variant: not the choice, not the score, not the order.
    """
    with stage(folder, run_id, "harvest") as (store, run):
        served = asyncio.run(_served(store, run))
        kept = [one for one in served if _right(one.read, by=by, least_score=least_score)]
        if not kept:
            raise UserError(
                f"distill: expected completions that the {by} calls right, got none of {len(served)} on "
                f"{len(run.question_ids)} questions; ask more of them, or lower distill.least_score"
            )
        note(store, run_id, "harvested", f"{len(kept)} of {len(served)} completions, by {by}")
        return Harvest(
            texts=[_learnt(run, one.node) for one in kept],
            questions=len(run.question_ids),
            served=len(served),
            right=sum(one.read.correct for one in kept),
        )


def _right(read: GradedCompletion, *, by: By, least_score: float) -> bool:
    return read.correct if by == "target" else read.score is not None and read.score >= least_score


class _ServedCompletion(NamedTuple):
    node: Node
    read: GradedCompletion


async def _served(store: Store, run: Run) -> list[_ServedCompletion]:
    asking, reader = replay_run(store, run), CompletionReader(store, run)
    found: dict[str, _ServedCompletion] = {}
    for question in run.benchmark.questions:
        for strategy in map(parse, run.study.strategies):
            one = await _served_by(strategy, question, asking, reader)
            if one:
                found.setdefault(one.node.key, one)
    return list(found.values())


async def _served_by(
    strategy: Strategy, question: Question, asking: Questioning, reader: CompletionReader
) -> _ServedCompletion | None:
    """The completion that one strategy serves on one question, if it finds any."""
    if strategy.kind == "pool":
        nodes = await asking.pool(question)
    else:
        nodes = (await asking.search(question, strategy, asking.plan.pool)).completions
    reads = await reader.read(asking.proposing.scorer, nodes)
    choice = strategy.choose([[Candidate(read.canonical, read.score) for read in reads]])
    return (
        None
        if choice.index is None
        else _ServedCompletion(nodes[choice.index], reads[choice.index])
    )


def _learnt(run: Run, node: Node) -> Learnt:
    prompt = run.format.prompt(node.question)
    return Learnt(node.question.question_id, prompt, node.token_ids[len(prompt) :])
