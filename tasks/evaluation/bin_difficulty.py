"""Difficulty bins of a run, from its difficulty draws (METHOD §6).

A further kind of difficulty is a declaration in `tasks.statistics.difficulty.DIFFICULTIES` and a
function here, under the same name in `BINNERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import polars as pl

from tasks.asking.asked import Asked
from tasks.asking.completions import Answer, join_answer
from tasks.runs.completeness import missing_outcomes
from tasks.runs.events import note
from tasks.runs.run import Run
from tasks.statistics.difficulty import agreement_values, bins, oracle_values, predicted_values
from tasks.statistics.probe import Probing, fit_probe
from warehouse.store import Store


def bin_questions(store: Store, run: Run, draws: pl.DataFrame) -> int:
    """Cut the questions into five bins by every kind of difficulty that the run allows.

    The draws are those of role difficulty, never those that accuracy is measured on (METHOD §6 a).
    Returns how many rows are new: none while outcomes are missing.
    """
    if missing_outcomes(store, run.run_id):
        return 0
    inputs = Inputs(store, run, draws)
    # All kinds before the first bin is written: frozen ones are read from that very table.
    by_kind = {kind: place(inputs) for kind, place in BINNERS.items()}
    return sum(
        store.append(
            "bins", binned.with_columns(run_id=pl.lit(run.run_id), difficulty=pl.lit(kind))
        )
        for kind, binned in by_kind.items()
        if binned is not None
    )


class Inputs(NamedTuple):
    """What the questions of a run may be placed by."""

    store: Store
    run: Run
    draws: pl.DataFrame
    """One row a difficulty draw, in drawing order, with the columns of `DRAWS`."""


DRAWS: Final = {
    "question_id": pl.String,
    "answer": pl.Int64,
    "correct": pl.Boolean,
    "score": pl.Float64,
    "confidence": pl.Float64,
    "generated_tokens": pl.Float64,
    "prompt_tokens": pl.Float64,
    "verifier_tokens": pl.Float64,
}
"""Columns of a difficulty draw; the prompt's tokens stand with each draw of its question.

`answer` is its class in a vote, numbered within the question; NULL: no vote. `confidence` is the
mean of its tokens, NULL where nobody told. Tokens are NaN where
a server or a log does not tell.
"""


def difficulty_draws(asked: Sequence[Asked], answers: Mapping[str, Answer]) -> pl.DataFrame:
    """The difficulty draws of these questions, numbers alone, with the columns of `DRAWS`."""
    rows: list[tuple[object, ...]] = []
    for one in asked:
        classes: dict[str, int] = {}
        for draw in one.difficulty:
            read = join_answer(draw, answers)
            vote = read.vote
            # By number: the class of a program is all that it printed.
            number = None if vote is None else classes.setdefault(vote, len(classes))
            sure = draw.confidence.mean if draw.confidence else None
            judged = (number, read.correct, read.score, sure)
            # Prompts differ in length by question: a probe's cost is counted for each (METHOD §9).
            tokens = (draw.generated_tokens, one.prompt_tokens, read.verifier_tokens)
            rows.append((one.question.question_id, *judged, *tokens))
    return pl.DataFrame(rows, schema=DRAWS, orient="row")


def _by_targets(inputs: Inputs) -> pl.DataFrame:
    """Quintiles of pass@1 over the difficulty draws."""
    return bins(oracle_values(inputs.draws))


def _without_targets(inputs: Inputs) -> pl.DataFrame:
    """Quintiles of the mean verifier score; without a verifier, of how far the draws agree."""
    values = predicted_values if inputs.run.verifier else agreement_values
    return bins(values(inputs.draws))


def _by_probe(inputs: Inputs) -> pl.DataFrame:
    """The probe's bins; the probe and what it took are written for whoever uses or prices it."""
    store, run, draws = inputs
    # A study may ask for a longer probe than it draws for difficulty: then it reads what there is.
    count = min(run.study.probe_draws, run.study.difficulty_draws)
    fitted = fit_probe(draws, count=count, scored=run.verifier is not None, seed=run.study.seed)
    store.append("probes", _probe_row(run, fitted))
    store.append("probings", _tokens_of_probe(draws, count).with_columns(run_id=pl.lit(run.run_id)))
    return fitted.binned


def _probe_row(run: Run, fitted: Probing) -> pl.DataFrame:
    """The probe that new questions meet, fitted on all questions, unlike those of the bins."""
    probe = fitted.probe
    row = {
        "run_id": run.run_id,
        "draws": probe.draws,
        "weights": list(probe.weights),
        "cuts": list(probe.cuts),
    }
    return pl.DataFrame([row])


def _tokens_of_probe(draws: pl.DataFrame, count: int) -> pl.DataFrame:
    """What the first draws of each question took, as table `probings` has it, without the run.

    The prompt is read once for all of a question's draws.
    """
    first = draws.group_by("question_id", maintain_order=True).head(count)
    sums = first.group_by("question_id", maintain_order=True).agg(
        pl.col("generated_tokens", "verifier_tokens").sum(),
        pl.col("prompt_tokens").first(),
        # All are drawn at once, so that the probe takes as long as the longest.
        latency_tokens=pl.col("generated_tokens").nan_max(),
    )
    # A sum with something unknown in it is NaN, and NULL in the warehouse.
    tokens = pl.col("generated_tokens", "verifier_tokens", "prompt_tokens", "latency_tokens")
    return sums.with_columns(tokens.fill_nan(None).cast(pl.Int64))


def _as_first_run(inputs: Inputs) -> pl.DataFrame | None:
    """The bins of the family's first complete run on this benchmark; the first run keeps its own.

    None, and an event that says so, when that run lacks a question of this one: bins of a part
    would not be comparable.
    """
    store, run, _ = inputs
    first_run = _first_run(store, run)
    if first_run is None:
        return _by_targets(inputs)
    binned = store.read(
        "SELECT question_id, value, bin FROM bins SEMI JOIN wanted USING (question_id) "
        "WHERE run_id = $first_run AND difficulty = 'oracle'",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        first_run=first_run,
    )
    missing = len(run.question_ids) - len(binned)
    if not missing:
        return binned
    why = f"no frozen bins: {missing} questions are not in run {first_run}"
    note(store, run.run_id, "unfrozen", why)
    return None


def _first_run(store: Store, run: Run) -> str | None:
    """The first complete run of a run's family on its questions, by its version of the grader.

    None: there is none yet.
    """
    # The id decides between runs complete at the same moment: the reference never moves.
    rows = store.read(
        "SELECT run_id FROM complete_runs "
        "WHERE benchmark_fingerprint = $benchmark AND family = $family "
        "AND grader = $grader ORDER BY completed_at, run_id LIMIT 1",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
        family=run.study.family,
    )
    return str(rows.item()) if len(rows) else None


Binner = Callable[[Inputs], pl.DataFrame | None]

BINNERS: Final[Mapping[str, Binner]] = {
    "oracle": _by_targets,
    "probe": _by_probe,
    "predicted": _without_targets,
    "frozen": _as_first_run,
}
"""How each kind places a run's questions: (question_id, value, bin), 1 easiest … 5.

None where a run cannot be placed by it.
"""
