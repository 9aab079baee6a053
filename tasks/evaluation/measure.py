"""The stage that measures: verdicts, outcomes and bins of a run, each question replayed once."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.asking.completions import load_answers
from tasks.evaluation.bin_difficulty import DRAWS, bin_questions, difficulty_draws
from tasks.evaluation.estimate import estimate_question
from tasks.evaluation.grade import graded_batches
from tasks.evaluation.pool_rows import Row
from tasks.evaluation.rates import load_rates
from tasks.evaluation.token_budgets import token_outcomes
from tasks.runs.completeness import measured_questions
from tasks.runs.events import stage
from tasks.strategies.own.failing import Failures
from warehouse.store import Store


def run(folder: Path, run_id: str) -> int:
    """Grade, estimate and bin what the run has drawn; how many outcomes are new.

    No engine is asked and no text is kept: what is held is one batch of questions and the numbers
    of all difficulty draws. A question with missing draws gets no outcome, so that its run stays
    incomplete; what was measured before a kill is not measured again. UserError at the end for
    pools of files that failed.
    """
    with stage(folder, run_id, "measure") as (store, run):
        measured = measured_questions(store, run_id)
        rates = load_rates(store, run)
        draws = [pl.DataFrame(schema=DRAWS)]
        new = 0
        failures = Failures()
        for batch in graded_batches(store, run, measured):
            answers = load_answers(store, run, batch.keys)
            rows: list[Row] = []
            capped: list[Row] = []
            for asked in batch.asked:
                # Rather none than some: a question counts at every cell, or at none.
                if asked.question.question_id not in measured:
                    with failures.of(asked.question.question_id):
                        rows += estimate_question(run, asked, answers, rates)
                        capped += token_outcomes(run, asked, answers)
            # First: a question counts as measured by its outcomes.
            if capped:
                store.append("token_outcomes", pl.DataFrame(capped))
            new += _append_outcomes(store, rows)
            draws.append(difficulty_draws(batch.asked, answers))
        failures.raise_all(len(run.benchmark.questions))
        bin_questions(store, run, pl.concat(draws))
        return new


def _append_outcomes(store: Store, rows: list[Row]) -> int:
    if not rows:
        return 0
    outcomes = pl.DataFrame(rows, infer_schema_length=None)
    # Costs that rest on what nobody told are NaN, and NULL in the warehouse.
    return store.append("outcomes", outcomes.fill_nan(None))
