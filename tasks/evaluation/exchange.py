"""The stage that sets a run's policy against a larger model at equal FLOPs (METHOD §8)."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from tasks.asking.completions import CompletionReader
from tasks.asking.recorder import Recorder
from tasks.asking.recording import Progress, ProgressCounter, record_while
from tasks.asking.stored import stored_draws
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.log import noise_in
from tasks.engines.running import RunEngines
from tasks.evaluation.grade import grade_completions
from tasks.models.version import Model
from tasks.protocols import Sampling
from tasks.runs.events import stage
from tasks.runs.loading import prepare_run
from tasks.runs.opening import model_rows
from tasks.runs.outcomes import load_bins, load_difficulties, load_outcomes
from tasks.runs.run import Run
from tasks.statistics.exchange import Rate, compare_at_flops, rate_of_ratio, rate_of_tokens
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store


def run(
    folder: Path,
    run_id: str,
    *,
    engines: Callable[[Run], Engines] = RunEngines,
    progress: Progress | None = None,
) -> int:
    """Rows new in table `exchanges`: the run's policy against the study's larger model, per bin and ratio.

    Draws one greedy completion a question from the larger model where it is not there yet and grades it.
    Idempotent. UserError for a run without outcomes and for a study without a larger model.
    """
    with (
        stage(folder, run_id, "exchange") as (store, run),
        noise_in(folder.parent / "logs" / "engine.log"),
    ):
        large = larger(run.study, run.generator, run_id=run_id)
        store.append("model_versions", model_rows(large, datetime.now(UTC)))
        nodes = asyncio.run(_drawn(store, large, engines(large), progress))
        grade_completions(store, large, nodes)
        new = store.append("exchanges", asyncio.run(_rows(store, run, large, nodes)))
        store.publish_snapshot()
        return new


def larger(study: Study, small: Model, *, run_id: str) -> Run:
    """The study's larger model as a run that only draws: the same questions, no verifier, its own tokenizer.

    UserError when the study names none, when it cannot be read, or when it is smaller than the study's model.
    """
    if study.exchange is None:
        raise UserError(
            f"study {study.name}: expected a table [exchange] with the larger model, got none; "
            'add e.g. exchange = { model = "bundled/congruences-large" }'
        )
    name = study.exchange.model
    alone = dataclasses.replace(
        study,
        generator=dataclasses.replace(study.generator, models=(name,)),
        verifier=None,
        revisions=None,
        strategies=("majority",),
        baseline="majority",
        budgets=(1,),
        engine=dataclasses.replace(
            study.engine, servers=tuple(one for one in study.engine.servers if one.model == name)
        ),
    )
    run = prepare_run(alone, name, run_id=run_id)
    if run.generator.parameters < small.parameters:
        raise UserError(
            f"study {study.name}: expected exchange.model {name} to be at least as large as {small.name} "
            f"({small.parameters} parameters without embeddings), got {run.generator.parameters}; name a larger one"
        )
    return run


async def _drawn(
    store: Store, large: Run, engines: Engines, progress: Progress | None
) -> list[Node]:
    """The larger model's greedy completion of every question, in the benchmark's order."""
    sampling = Sampling(0.0, 1.0, 0, max_tokens=large.study.generator.max_tokens, until="end")
    recorder = Recorder(store, large, {sampling.key: sampling})
    sampler = Sampler(
        format=large.format,
        engine=Lazy(engines, large.generator),
        known=stored_draws(store, large, large.generator),
        record=partial(recorder.draw, large.generator),
        seed=large.study.seed,
    )
    questions, found = large.benchmark.questions, dict[str, Node]()
    counter = ProgressCounter(len(questions), progress, recorder)

    async def one(question: Question) -> None:
        start = root(question, large.format.prompt(question))
        (found[question.question_id],) = await sampler.children(
            start, 1, sampling=sampling, role="exchange"
        )
        counter.one()

    async def everyone() -> None:
        await asyncio.gather(*map(one, questions))

    try:
        await record_while(everyone(), recorder, counter)
    finally:
        await engines.close()
    return [found[question.question_id] for question in questions]


async def _rows(store: Store, run: Run, large: Run, nodes: list[Node]) -> pl.DataFrame:
    outcomes = load_outcomes(store, run.run_id)
    if not len(outcomes):
        raise UserError(
            f"run {run.run_id}: expected outcomes to compare, got none; run the study to its end first"
        )
    greedy = await CompletionReader(store, large).read(Scorer(verifier=None), nodes)
    correct = pl.DataFrame(
        {"question_id": large.question_ids, "large": [float(read.correct) for read in greedy]}
    ).join(_pass_at_1(store, run), on="question_id", how="left")
    rates, size = _rates(store, run, large), large.generator.parameters / run.generator.parameters
    frames = [
        compare_at_flops(
            outcomes,
            load_bins(store, run.run_id, difficulty),
            correct,
            rates=rates,
            costs_order=("flops",),
            seed=run.study.seed,
        ).with_columns(difficulty=pl.lit(difficulty))
        for difficulty in load_difficulties(store, run.run_id)
    ]
    return pl.concat(frames).with_columns(
        run_id=pl.lit(run.run_id),
        large_fingerprint=pl.lit(large.generator.fingerprint),
        large_model=pl.lit(large.generator.name),
        parameter_ratio=pl.lit(size),
    )


def _pass_at_1(store: Store, run: Run) -> pl.DataFrame:
    return store.read(
        "SELECT question_id, accuracy AS alone FROM outcomes WHERE run_id = $run_id AND strategy = 'pass' "
        "AND budget = 1",
        run_id=run.run_id,
    )


def _rates(store: Store, run: Run, large: Run) -> list[Rate]:
    """The study's ratios and, where both cards tell what the models were trained on, the real one.

    The real one takes the benchmark's questions, answered once each at the small model's mean length, for all
    the inference there will ever be.
    """
    size = large.generator.parameters / run.generator.parameters
    ratios = run.study.exchange.ratios if run.study.exchange else ()
    rates = [rate_of_ratio(size, ratio) for ratio in ratios]
    tokens = (_trained_on(run.generator), _trained_on(large.generator))
    if None in tokens:
        return rates
    written = store.read(
        "SELECT sum(generated_tokens / generations) FROM outcomes WHERE run_id = $run_id AND strategy = 'pass' "
        "AND budget = (SELECT max(budget) FROM outcomes WHERE run_id = $run_id)",
        run_id=run.run_id,
    ).item()
    return [
        *rates,
        rate_of_tokens(size, small=tokens[0] or 0, large=tokens[1] or 0, inference=float(written)),
    ]


def _trained_on(model: Model) -> float | None:
    """Training tokens as the model's card tells them; None without a card.

    A card that tells `training_flops` (a model that began smaller) counts as FLOPs / (6 · parameters) tokens.
    """
    card = model.folder / "card.json"
    if not card.is_file():
        return None
    told = json.loads(card.read_text(encoding="utf-8"))
    if told.get("training_flops"):
        return float(told["training_flops"]) / (6 * model.parameters)
    return float(told["tokens_seen"]) if told.get("tokens_seen") else None
