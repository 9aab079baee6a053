"""Difficulty bins of a run, from its difficulty draws (METHOD §6)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl

from tasks.asking.completions import CompletionReader
from tasks.asking.replay import replay_run
from tasks.runs.completeness import missing_outcomes
from tasks.runs.events import note, stage
from tasks.runs.run import Run
from tasks.statistics.difficulty import bins, oracle_values, predicted_values
from tasks.statistics.probe import fit_probe
from warehouse.store import Store


def run(folder: Path, run_id: str) -> int:
    """Cut the questions into five bins: by the targets (oracle), by the verifier alone (predicted), by a probe of
    a few draws, and as the first complete run of the family on this benchmark had them (frozen).

    The draws are those of role difficulty, never those that accuracy is measured on (METHOD §6 a).
    Returns how many rows are new: none while outcomes are missing.
    """
    with stage(folder, run_id, "bin_difficulty") as (store, run):
        if missing_outcomes(store, run_id):
            return 0
        draws = asyncio.run(_difficulty_draws(store, run))
        found = {"oracle": bins(oracle_values(draws)), "probe": _probed(store, run, draws)}
        if run.verifier:
            found["predicted"] = bins(predicted_values(draws))
        frozen = _frozen(store, run, own=found["oracle"])
        if frozen is not None:
            found["frozen"] = frozen
        return sum(
            store.append(
                "bins", binned.with_columns(run_id=pl.lit(run_id), difficulty=pl.lit(difficulty))
            )
            for difficulty, binned in found.items()
        )


async def _difficulty_draws(store: Store, run: Run) -> pl.DataFrame:
    """One row a draw, in drawing order; the tokens of the prompt stand with each."""
    asking, reader = replay_run(store, run), CompletionReader(store, run)
    rows: list[tuple[object, ...]] = []
    for question in run.benchmark.questions:
        prompt, nodes = len(asking.root(question).token_ids), await asking.difficulty(question)
        reads = await reader.read(asking.proposing.scorer, nodes)
        rows += [
            (
                question.question_id,
                read.canonical,
                read.correct,
                read.score,
                node.generated_tokens,
                prompt,
                read.verifier_tokens,
            )
            for node, read in zip(nodes, reads, strict=True)
        ]
    return pl.DataFrame(rows, schema=_DRAWS, orient="row")


_DRAWS = {
    "question_id": pl.String,
    "answer": pl.String,
    "correct": pl.Boolean,
    "score": pl.Float64,
    "generated_tokens": pl.Int64,
    "prompt_tokens": pl.Int64,
    "verifier_tokens": pl.Int64,
}


def _probed(store: Store, run: Run, draws: pl.DataFrame) -> pl.DataFrame:
    """The probe's bins; the probe and what it took are written down for whoever uses or prices the policy."""
    count = min(run.study.probe_draws, run.study.difficulty_draws)
    fitted = fit_probe(draws, count=count, scored=run.verifier is not None, seed=run.study.seed)
    probe = fitted.probe
    row = {
        "run_id": run.run_id,
        "draws": probe.draws,
        "weights": list(probe.weights),
        "cuts": list(probe.cuts),
    }
    store.append("probes", pl.DataFrame([row]))
    read = draws.group_by("question_id", maintain_order=True).head(count)
    took = read.group_by("question_id", maintain_order=True).agg(
        pl.col("generated_tokens", "verifier_tokens").sum(), pl.col("prompt_tokens").first()
    )
    store.append("probings", took.with_columns(run_id=pl.lit(run.run_id)))
    return fitted.binned


_REFERENCE = """
SELECT run_id FROM complete_runs WHERE benchmark_fingerprint = $benchmark AND family = $family
ORDER BY completed_at, run_id LIMIT 1
"""


def _frozen(store: Store, run: Run, *, own: pl.DataFrame) -> pl.DataFrame | None:
    """The bins of the family's first complete run on this benchmark, its own for the first run itself.

    None, and an event that says so, when that run lacks a question of this one: bins of a part would not be
    comparable.
    """
    found = store.read(_REFERENCE, benchmark=run.benchmark.fingerprint, family=run.study.family)
    if not len(found):
        return own
    reference = str(found.item())
    binned = store.read(
        "SELECT question_id, value, bin FROM bins SEMI JOIN wanted USING (question_id) "
        "WHERE run_id = $reference AND difficulty = 'oracle'",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        reference=reference,
    )
    missing = len(run.question_ids) - len(binned)
    if not missing:
        return binned
    note(
        store,
        run.run_id,
        "unfrozen",
        f"no frozen bins: {missing} questions are not in run {reference}",
    )
    return None
