"""What is refused of a model that is known by its texts alone, before its server is asked."""

from __future__ import annotations

from tasks.models.format_tables import format_name, format_table
from tasks.models.verifiers import load_verifier_format
from tasks.study.study import Study
from tasks.study.tables import Verifier
from warehouse.errors import UserError


def check_text_study(study: Study, name: str) -> None:
    """UserError for what needs the tokens of a text model, which nobody has."""
    _check_format(study, name)
    _check_strategies(study, name)
    _check_confidence(study, name)
    _check_caps(study, name)
    judge = study.revisions.verifier if study.revisions else None
    for verifier in (study.verifier, judge):
        if verifier:
            _check_verifier(verifier, name)
    if study.revisions and study.revisions.model:
        raise UserError(
            f"study: expected no revisions.model beside {name}, whose prompts are dialogues, got "
            f"{study.revisions.model!r}; leave it out: the model is shown its own attempts"
        )


def check_endpoint_names(study: Study) -> None:
    """UserError for an endpoint of no model, of two, or of one that only scores or has a server."""
    names = [endpoint.model for endpoint in study.endpoints]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"study: expected one endpoint of {name!r}, got several; keep one")
        if name not in study.generator.models:
            raise UserError(
                f"study: expected every endpoint to be of one of generator.models, got one of "
                f"{name!r}; an endpoint gives texts, so that it can neither score nor be the "
                "larger model of an exchange: name it as a generator or take it out"
            )
        if any(server.model == name for server in study.engine.servers):
            raise UserError(
                f"study: expected {name!r} in engine.servers or in endpoints, got it in both; keep "
                "the servers where they give token ids, else the endpoint"
            )


def _check_format(study: Study, name: str) -> None:
    named = study.generator.format
    if not format_table(named)["chat"]:
        raise UserError(
            f"study: expected a generator.format with chat for {name}, which is asked in "
            f"dialogues, got {format_name(named)!r}; name one, e.g. 'chat'"
        )


def _check_strategies(study: Study, name: str) -> None:
    # Whatever looks at steps goes on from the middle of a completion.
    searches = [text for text in study.strategies if study.strategy(text).goes_by_steps]
    if searches:
        raise UserError(
            f"study: expected strategies of whole completions for {name}, got {searches[0]}, "
            "which goes on from a prefix of token ids, and chat completions have none; "
            "drop it, or serve the model with `vllm serve` and [[engine.servers]]"
        )


def _check_confidence(study: Study, name: str) -> None:
    for strategy in map(study.strategy, study.strategies):
        if strategy.form.needs_confidence:
            raise UserError(
                f"study: expected strategies that go by texts alone for {name}, got "
                f"{strategy.key}, which needs the log-probabilities of every token; drop it, or "
                "serve the model with `vllm serve` and [[engine.servers]]"
            )


def _check_caps(study: Study, name: str) -> None:
    for strategy in map(study.strategy, study.strategies):
        if strategy.cap:
            raise UserError(
                f"study: expected strategies that leave thinking as it is for {name}, got "
                f"{strategy.key}, which cuts it at a token and goes on from there; drop it, or "
                "serve the model with `vllm serve` and [[engine.servers]]"
            )


def _check_verifier(verifier: Verifier, name: str) -> None:
    if load_verifier_format(verifier.format).kind == "likelihood":
        raise UserError(
            f"study: expected a verifier that reads texts for {name}, got "
            f"{format_name(verifier.format)!r}, which reads the model's own log-probabilities of "
            "its tokens; name a reward model, or strategies that need no verifier"
        )
