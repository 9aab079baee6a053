"""What the tokens of a run's models take: the study's prices, and paces as they were measured."""

from __future__ import annotations

from tasks.asking.costs import Rate, Rates
from tasks.engines.pace import seconds_a_token, seconds_a_waited_token
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.reader import Reader


def load_rates(store: Reader, run: Run) -> Rates:
    """Price and paces of every model that the run asks; None in them: unknown."""
    return {one.fingerprint: _rate(store, run, one) for one in run.models_asked}


def _rate(store: Reader, run: Run, model: Model) -> Rate:
    return Rate(
        price=run.study.price(model.name),
        engine_seconds=seconds_a_token(store, run.run_id, model),
        path_seconds=seconds_a_waited_token(store, run.run_id, model),
    )
