"""The probe that a run's policy is used with."""

from __future__ import annotations

from tasks.statistics.probe import Probe
from warehouse.errors import UserError
from warehouse.reader import Reader


def load_probe(store: Reader, run_id: str) -> Probe:
    """The probe of a run, fitted on all its questions; UserError when the run has none.

    Where the run's policy has no cell for the probe's bin, take the nearest bin that has.
    """
    rows = store.read(
        "SELECT draws, weights, cuts FROM probes WHERE run_id = $run_id", run_id=run_id
    )
    if not len(rows):
        raise UserError(
            f"run {run_id}: expected a probe of its difficulty, got none; run the study again"
        )
    draws, weights, cuts = rows.row(0)
    return Probe(draws, tuple(weights), tuple(cuts))
