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

from tasks.asking.completions import load_answers
from tasks.asking.recorder import Recorder
from tasks.asking.recording import Progress, ProgressCounter, record_while
from tasks.asking.stored import Stored, read_stored
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import Sampler
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
from tasks.statistics.cascade.exchange import Rate, compare_at_flops, rate_of_ratio, rate_of_tokens
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
    """Rows new in table `exchanges`: the run's policy against the study's larger model.

    Draws one greedy completion a question from the larger model where it is not there yet and
    grades it. Idempotent. UserError for a run without outcomes and for a study without a larger
    model.
    """
    with (
        stage(folder, run_id, "exchange") as (store, run),
        noise_in(folder.parent / "logs" / "engine.log"),
    ):
        large = larger(run.study, run.generator, run_id=run_id)
        store.append("model_versions", model_rows(large, datetime.now(UTC)))
        nodes = asyncio.run(_draw_greedy(store, large, engines(large), progress))
        grade_completions(store, large, nodes)
        new = store.append("exchanges", _compare(store, run, large, nodes))
        store.publish_snapshot(whole=True)
        return new


def larger(study: Study, small: Model, *, run_id: str) -> Run:
    """The study's larger model as a run that only draws: no verifier, its own tokenizer.

    UserError when the study names none, when it cannot be read, or when it is smaller than the
    study's model.
    """
    if study.exchange is None:
        raise UserError(
            f"study {study.name}: expected a table [exchange] with the larger model, got none; "
            'add e.g. exchange = { model = "bundled/congruences-large" }'
        )
    name = study.exchange.model
    run = prepare_run(_drawing_alone(study, name), name, run_id=run_id)
    if _parameters(run.generator) < _parameters(small):
        raise UserError(
            f"study {study.name}: expected exchange.model {name} to be at least as large as "
            f"{small.name} ({small.parameters} parameters without embeddings), "
            f"got {run.generator.parameters}; name a larger one"
        )
    return run


def _drawing_alone(study: Study, model: str) -> Study:
    """The same questions for another model, with the least that a study must ask for."""
    # Servers of the study's own models have other weights: the larger one asks its own alone.
    servers = tuple(one for one in study.engine.servers if one.model == model)
    endpoints = tuple(one for one in study.endpoints if one.model == model)
    return dataclasses.replace(
        study,
        generator=dataclasses.replace(study.generator, models=(model,)),
        verifier=None,
        revisions=None,
        strategies=("majority",),
        baseline="majority",
        budgets=(1,),
        engine=dataclasses.replace(study.engine, servers=servers),
        endpoints=endpoints,
        # Those of the other models are of none that is asked here.
        prices={},
    )


async def _draw_greedy(
    store: Store, large: Run, engines: Engines, progress: Progress | None
) -> list[Node]:
    """The larger model's greedy completion of every question, in the benchmark's order."""
    sampling = Sampling(0.0, 1.0, 0, max_tokens=large.study.generator.max_tokens, until="end")
    recorder = Recorder(store, large)
    questions = large.benchmark.questions
    engine = Lazy(engines, large.generator)
    counter = ProgressCounter(len(questions), progress, recorder, engine.load)
    nodes: dict[str, Node] = {}

    async def draw(question: Question, stored: Stored) -> None:
        # It begins with what the warehouse has of the larger model.
        sampler = Sampler(
            format=large.format,
            engine=engine,
            known=stored.draws.get(large.generator.fingerprint, ()),
            record=partial(recorder.draw, large.generator),
            seed=large.study.seed,
        )
        start = root(question, large.format.prompt(question))
        with counter.count(question):
            children = await sampler.children(start, 1, sampling=sampling, role="exchange")
        nodes[question.question_id] = children[0]

    async def draw_all() -> None:
        stored = read_stored(store, large, questions, token_ids=False)
        # One draw a question: all of them are no more than one question's of a sweep.
        await asyncio.gather(*(draw(one, known) for asked, known in stored for one in asked))

    # What was drawn is written down while it is drawn: an exchange that is killed goes on there.
    try:
        await record_while(draw_all(), recorder, counter)
    finally:
        await engines.close()
    return [nodes[question.question_id] for question in questions]


def _compare(store: Store, run: Run, large: Run, nodes: list[Node]) -> pl.DataFrame:
    """Rows of table `exchanges`, under every difficulty; UserError for a run without outcomes."""
    outcomes = load_outcomes(store, run.run_id)
    if not len(outcomes):
        raise UserError(
            f"run {run.run_id}: expected outcomes to compare, got none; "
            "run the study to its end first"
        )
    single = _single_answers(store, run, large, nodes)
    rates = _rates(store, run, large)

    def compare_under(difficulty: str) -> pl.DataFrame:
        binned = load_bins(store, run.run_id, difficulty)
        rows = compare_at_flops(
            outcomes,
            binned,
            single,
            rates=rates,
            costs_order=("flops",),
            baseline=run.study.baseline,
            seed=run.study.seed,
        )
        return rows.with_columns(difficulty=pl.lit(difficulty))

    frames = [compare_under(kind) for kind in load_difficulties(store, run.run_id)]
    return pl.concat(frames).with_columns(
        run_id=pl.lit(run.run_id),
        large_fingerprint=pl.lit(large.generator.fingerprint),
        large_model=pl.lit(large.generator.name),
        parameter_ratio=pl.lit(_parameter_ratio(run, large)),
    )


def _single_answers(store: Store, run: Run, large: Run, nodes: list[Node]) -> pl.DataFrame:
    """(question_id, large, alone): whether the larger model is right, the small one's pass@1."""
    answers = load_answers(store, large, [node.key for node in nodes])
    correct = [float(answers[node.key].correct) for node in nodes]
    alone = store.read(
        "SELECT question_id, accuracy AS alone FROM outcomes "
        "WHERE run_id = $run_id AND strategy = 'pass' AND budget = 1",
        run_id=run.run_id,
    )
    # On the left: a question without a measured pass@1 is compared all the same.
    single = pl.DataFrame({"question_id": large.question_ids, "large": correct})
    return single.join(alone, on="question_id", how="left")


def _rates(store: Store, run: Run, large: Run) -> list[Rate]:
    """The study's ratios and, where both cards say what the models were trained on, the real one.

    The real one takes the benchmark's questions, answered once each at the small model's mean
    length, for all the inference there will ever be.
    """
    size = _parameter_ratio(run, large)
    ratios = run.study.exchange.ratios if run.study.exchange else ()
    rates = [rate_of_ratio(size, ratio) for ratio in ratios]
    small_tokens = _trained_on(run.generator)
    large_tokens = _trained_on(large.generator)
    if small_tokens is None or large_tokens is None:
        return rates
    inference = _inference_tokens(store, run)
    real = rate_of_tokens(size, small=small_tokens, large=large_tokens, inference=inference)
    return [*rates, real]


def _inference_tokens(store: Store, run: Run) -> float:
    """Tokens of one answer to every question, at the small model's mean length on it."""
    # The largest budget: its mean length is over most draws.
    written = store.read(
        "SELECT sum(generated_tokens / generations) FROM outcomes "
        "WHERE run_id = $run_id AND strategy = 'pass' "
        "AND budget = (SELECT max(budget) FROM outcomes WHERE run_id = $run_id)",
        run_id=run.run_id,
    ).item()
    return float(written)


def _parameter_ratio(run: Run, large: Run) -> float:
    """How many times the small model's parameters the larger one has, without embeddings."""
    return _parameters(large.generator) / _parameters(run.generator)


def _parameters(model: Model) -> int:
    """UserError for a model of which nobody knows them: at equal FLOPs nothing can be compared."""
    if model.parameters is None:
        raise UserError(
            f"study: expected [exchange] between models whose parameters are known, got "
            f"{model.name}, which is known by its texts alone; leave the table out"
        )
    return model.parameters


def _trained_on(model: Model) -> float | None:
    """Training tokens by the model's card; None without a card.

    A card with `training_flops` (a model that began smaller) counts as FLOPs / (6 · parameters)
    tokens.
    """
    path = model.files / "card.json"
    if not path.is_file():
        return None
    card = json.loads(path.read_text(encoding="utf-8"))
    if card.get("training_flops"):
        # Training costs 6 FLOPs a parameter and token: 2 forwards, 4 backwards (METHOD §8).
        return float(card["training_flops"]) / (6 * _parameters(model))
    return float(card["tokens_seen"]) if card.get("tokens_seen") else None
