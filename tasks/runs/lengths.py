"""Whether the models of a run can be given the context that the study asks for."""

from __future__ import annotations

from tasks.models.folders.configs import check_asked
from tasks.runs.run import Run


def check_lengths(run: Run) -> None:
    """UserError for a `max_model_len` above what a model has that we start ourselves."""
    asked = run.study.engine.max_model_len
    if asked is None:
        return
    # What a server allows is its own matter.
    served = {server.model for server in run.study.engine.servers}
    for model in (run.generator, run.reviser, run.verifier, run.judge):
        if model and model.folder and model.name not in served:
            check_asked(model.folder, asked)
