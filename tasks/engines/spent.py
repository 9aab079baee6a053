"""What a run has spent at an endpoint in its earlier sittings, by what the warehouse has of it."""

from __future__ import annotations

from tasks.endpoints.replies import Usage
from tasks.endpoints.spending import Spending, spending_of
from tasks.runs.run import Run
from warehouse.reader import Reader


def earlier_spending(store: Reader, run: Run) -> dict[str, Spending]:
    """By fingerprint; a draw that no server counted is taken for as long as it may be."""
    endpoint = run.study.endpoint(run.generator.name)
    if endpoint is None:
        return {}
    prompt, generated, cached = store.read(
        "SELECT coalesce(sum(prompt_tokens), 0)::DOUBLE, "
        "coalesce(sum(coalesce(generated_tokens, $limit)), 0)::DOUBLE, "
        "coalesce(sum(cached_tokens), 0)::DOUBLE "
        "FROM draws WHERE run_id = $run_id AND model_fingerprint = $model",
        run_id=run.run_id,
        model=run.generator.fingerprint,
        limit=run.study.generator.max_tokens,
    ).row(0)
    usage = Usage(prompt, generated, cached, 0.0)
    return {run.generator.fingerprint: spending_of(endpoint.price, usage)}
