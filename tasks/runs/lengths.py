"""Whether vLLM can do with the models of a run what the study asks: contexts, adapters."""

from __future__ import annotations

from tasks.models.folders.configs import check_asked
from tasks.models.verifiers import VerifierFormat
from tasks.models.version import Model
from tasks.runs.run import Run
from warehouse.errors import UserError


def check_lengths(run: Run) -> None:
    """UserError for a `max_model_len` above what a model has that we start ourselves."""
    asked = run.study.engine.max_model_len
    if asked is None:
        return
    # What a server allows is its own matter.
    served = {server.model for server in run.study.engine.servers}
    for model in run.models_asked:
        if model.folder and model.name not in served:
            check_asked(model.folder, asked)


def check_adapter(verifier: Model, verifier_format: VerifierFormat) -> None:
    """UserError for a verifier whose adapter vLLM cannot serve as the format reads it."""
    adapter = verifier.adapter
    if adapter is None:
        return
    # Words of a prompt are read by likelihood alone; others read the word that follows it.
    reads_prompts = verifier_format.kind == "likelihood"
    if verifier_format.generates and (adapter.reads_prompts or not reads_prompts):
        return
    raise UserError(
        f"verifier: expected a whole model for format {verifier_format.name!r}, got the adapter "
        f"{verifier.name!r}, which vLLM cannot read in that way; merge it into its base and name "
        "the merged folder"
    )
