"""The larger model that a cascade asks: loaded with the run, refused before the first token."""

from __future__ import annotations

from tasks.models.formats import load_format
from tasks.models.version import Model, load_model
from tasks.runs.run import Larger, Run
from tasks.study.study import Study
from warehouse.errors import UserError


def load_larger(study: Study, small: Model, *, usage: str, kind: str) -> Larger | None:
    """The model of the study's table [exchange] where a strategy asks it; None where none does.

    UserError for one that cannot be read, is smaller than the study's model, or is that very model.
    """
    keys = study.asking_larger
    if not keys or study.exchange is None:
        return None
    model = load_model(study.exchange.model, usage)
    if model.fingerprint == small.fingerprint:
        raise UserError(
            f"study: expected exchange.model to be another model than {small.name} for {keys[0]}, "
            "got the same; name a larger one, or take it out of generator.models"
        )
    # Of a model that is known by its texts alone nobody knows the parameters.
    sizes = (small.parameters, model.parameters)
    if None not in sizes and (model.parameters or 0) < (small.parameters or 0):
        raise UserError(
            f"study: expected exchange.model {model.name} to be at least as large as {small.name} "
            f"({small.parameters} parameters without embeddings) for {keys[0]}, "
            f"got {model.parameters}; name a larger one"
        )
    options = study.generator.chat_template_kwargs
    named = study.generator.format
    return Larger(model, load_format(named, model.files, kind=kind, options=options))


def check_larger(run: Run) -> None:
    """UserError for a question whose prompt leaves the larger model too little to write in."""
    if run.larger is None:
        return
    context = run.study.engine.max_model_len or run.larger.model.context
    if context is None:
        return
    room = context - run.study.generator.max_tokens
    for question in run.benchmark.questions:
        tokens = len(run.larger.format.prompt(question))
        if tokens > room:
            raise UserError(
                f"question {question.question_id}: expected a prompt of at most {room} tokens for "
                f"the larger model {run.larger.model.name} (context {context} less max_tokens), "
                f"got {tokens}; lower max_tokens or drop the question"
            )
