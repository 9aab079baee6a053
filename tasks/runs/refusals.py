"""What is refused before the first token."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.benchmarks.question import Question
from tasks.models.formats import load_tokenizer
from tasks.protocols import Benchmark
from tasks.runs.run import Run
from tasks.statistics.difficulty import BINS
from tasks.strategies.tools import ATTEMPTS_SHOWN
from warehouse.errors import UserError


def check_count(benchmark: Benchmark) -> None:
    if len(benchmark.questions) < BINS:
        raise UserError(
            f"benchmark {benchmark.name}: expected at least {BINS} questions, one a bin of difficulty, "
            f"got {len(benchmark.questions)}; add questions"
        )


def check_context(run: Run, questions: Iterable[Question]) -> None:
    """Raise UserError for a question whose prompt leaves too little of the model's context to write in."""
    context = run.study.engine.max_model_len or run.generator.context
    generator = run.study.generator
    longest = generator.max_tokens + generator.max_step_tokens
    if run.study.revisions:
        longest = max(longest, generator.max_tokens * (ATTEMPTS_SHOWN + 1))
    room = context - longest
    for question in questions:
        tokens = len(run.format.prompt(question))
        if tokens > room:
            raise UserError(
                f"question {question.question_id}: expected a prompt of at most {room} tokens (context {context} less "
                f"{longest} that may be written, earlier attempts included), got {tokens}; lower max_tokens and "
                "max_step_tokens or drop the question"
            )


def check_reviser(run: Run) -> None:
    """A reviser reads what the generator's format writes: it must split text into the same tokens."""
    if run.reviser is run.generator:
        return
    own = load_tokenizer(run.reviser.folder)
    for question in run.benchmark.questions[:20]:
        if own.encode(run.format.render(question.text)) != list(run.format.prompt(question)):
            raise UserError(
                f"study: expected revisions.model {run.reviser.name} to have the tokenizer of {run.generator.name}, "
                "got another one; name a revision model trained from this generator, or none"
            )


def check_servers(run: Run) -> None:
    """Every server must be of a model of the run; whether it answers is asked before the first token."""
    models = {
        model.name for model in (run.generator, run.verifier, run.reviser, run.judge) if model
    }
    larger = {run.study.exchange.model} if run.study.exchange else set[str]()
    asked = {*models, *run.study.generator.models, *larger}
    for server in run.study.engine.servers:
        if server.model not in asked:
            raise UserError(
                f"study: engine.servers names {server.model!r}, which is none of this study's models "
                f"({', '.join(sorted(asked))}); write it as the study does"
            )
