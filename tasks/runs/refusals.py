"""What is refused before the first token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.benchmarks.question import Question
from tasks.models.format_tables import format_name, format_table, selection_words
from tasks.models.prompts import words_around
from tasks.models.thinking_caps import check_words, longest_word
from tasks.models.tokenizers import load_tokenizer
from tasks.models.verifiers import load_verifier_format
from tasks.protocols import Benchmark
from tasks.runs.run import Run
from tasks.statistics.difficulty import BINS
from tasks.strategies.tools import ATTEMPTS_SHOWN
from warehouse.errors import UserError


def check_count(benchmark: Benchmark) -> None:
    """UserError for fewer questions than bins of difficulty."""
    count = len(benchmark.questions)
    if count < BINS:
        raise UserError(
            f"benchmark {benchmark.name}: expected at least {BINS} questions, "
            f"one a bin of difficulty, got {count}; add questions"
        )


def check_context(run: Run, questions: Iterable[Question]) -> None:
    """UserError for a question whose prompt leaves too little of the context to write in."""
    context = run.study.engine.max_model_len or run.generator.context
    # Of a text model only its server knows, which says so itself.
    if context is not None:
        check_room(run, questions, context)


def check_room(run: Run, questions: Iterable[Question], context: int) -> None:
    """UserError for a question whose prompt leaves too little of so many tokens."""
    generator = run.study.generator
    # A search may begin a step just below the limit of a whole completion.
    longest = generator.max_tokens + generator.max_step_tokens
    # The attempts shown, and the one that is written.
    if run.study.revisions:
        attempts = ATTEMPTS_SHOWN + 1
        longest = max(longest, generator.max_tokens * attempts)
    for text, count in _shown_words(run):
        words = len(run.format.tokenizer.encode(text))
        longest = max(longest, generator.max_tokens * (count + 1) + words)
    caps = [one.cap for one in map(run.study.strategy, run.study.strategies) if one.cap]
    if caps:
        longest += max(longest_word(run.format, cap) for cap in caps)
    room = context - longest
    for question in questions:
        tokens = len(run.format.prompt(question))
        if tokens > room:
            raise UserError(
                f"question {question.question_id}: expected a prompt of at most {room} tokens "
                f"(context {context} less {longest} that may be written, earlier attempts "
                f"included), got {tokens}; lower max_tokens and max_step_tokens "
                "or drop the question"
            )


def check_reviser(run: Run) -> None:
    """UserError for a reviser that splits the generator's texts into other tokens."""
    if run.reviser is run.generator:
        return
    # Files may differ in ways that change no token: what counts is how they split.
    own = load_tokenizer(run.reviser.files)
    for question in run.benchmark.questions[:20]:
        if own.encode(run.format.render(question.text)) != list(run.format.prompt(question)):
            raise UserError(
                f"study: expected revisions.model {run.reviser.name} to have the tokenizer of "
                f"{run.generator.name}, got another one; "
                "name a revision model trained from this generator, or none"
            )


def check_thinking(run: Run) -> None:
    """UserError for a search whose verifier has nothing to score while the model thinks."""
    verifier = run.study.verifier
    if not run.format.thinks or verifier is None:
        return
    if load_verifier_format(verifier.format).reads_thinking:
        return
    blind = [text for text in run.study.strategies if run.study.strategy(text).scores_steps]
    if blind:
        raise UserError(
            f"study: expected a verifier that reads thinking for {blind[0]}, since models of "
            f"generator.format {format_name(run.study.generator.format)!r} think in most of their "
            f"steps, got {format_name(verifier.format)!r}, which is shown what follows it; name "
            "strategies that choose among whole completions, or a verifier.format with "
            "thinking = true"
        )


def check_caps(run: Run) -> None:
    """UserError for a cap on thinking that cannot hold for every completion of the study."""
    most = run.study.generator.max_tokens
    for strategy in map(run.study.strategy, run.study.strategies):
        cap = strategy.cap
        if cap is None:
            continue
        if not run.format.thinks:
            raise UserError(
                f"study: expected a generator.format whose models think first for {strategy.key}, "
                f"got {format_name(run.study.generator.format)!r} (or a template told not to "
                "think); name one with `thinking`, e.g. 'think-math', or drop the strategy"
            )
        # The completions of the pool are the traces: they must be long enough to be cut.
        if cap.tokens + cap.answer > most:
            raise UserError(
                f"study: expected generator.max_tokens of at least {cap.tokens + cap.answer} for "
                f"{strategy.key}, its cap and the {cap.answer} tokens reserved for the answer, got "
                f"{most}; raise it, or lower cap or answer"
            )
        check_words(run.format, cap)


def check_shown(run: Run) -> None:
    """UserError for words around completions that a model is shown and it cannot read."""
    for text, count in _shown_words(run):
        got = run.format.steps.text(run.format.tokenizer.encode(text))
        if got != text:
            raise UserError(
                f"study: expected a model whose tokenizer writes {text!r}, in which it is shown "
                f"{count} completions, got {got!r} back from it; show it fewer, or set attempt, "
                "selection and revision in a table of your own under generator.format"
            )


def _shown_words(run: Run) -> Iterator[tuple[str, int]]:
    """What stands around completions that the generator is shown, and how many they are."""
    named = run.study.generator.format
    table = {**format_table(named), **selection_words(named)}
    for strategy in map(run.study.strategy, run.study.strategies):
        selecting = strategy.form.selects
        for count in range(1, strategy.shows + 1):
            yield words_around(table, count, selecting=selecting), count


def check_servers(run: Run) -> None:
    """UserError for a server of no model of the study; engines ask whether it answers."""
    asked = {model.name for model in run.models_asked}
    # Servers are written down once for all runs of a study: one run has one of its generators.
    asked |= set(run.study.generator.models)
    if run.study.exchange:
        asked.add(run.study.exchange.model)
    for server in run.study.engine.servers:
        if server.model not in asked:
            raise UserError(
                f"study: engine.servers names {server.model!r}, which is none of this study's "
                f"models ({', '.join(sorted(asked))}); write it as the study does"
            )
