"""The one configuration: which models, on which benchmark, under which strategies and budgets."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tasks.benchmarks.kinds import SECONDS, AnswerKind, check_answer
from tasks.benchmarks.names import USUAL, Columns
from tasks.models.format_tables import format_name
from tasks.models.verifiers import load_verifier_format
from tasks.strategies import Strategy, parse
from tasks.study.checks import (
    MOST_DRAWS,
    MOST_TOKENS,
    check_budgets,
    check_larger,
    check_name,
)
from tasks.study.endpoints import Endpoint, Price, check_priced
from tasks.study.identity import deciding
from tasks.study.keys import refuse_unknown_keys, split_budgets
from tasks.study.tables import (
    BenchmarkTable,
    Distill,
    EngineOptions,
    Exchange,
    Gate,
    Generator,
    Revisions,
    Verifier,
)
from warehouse.errors import UserError

BUNDLED = "congruences"
"""The benchmark of a study that names none."""


@dataclass(frozen=True, slots=True)
class Study:
    """What is evaluated. Read from a TOML file in infra/studies/, validated on construction."""

    name: str
    benchmark: str = BUNDLED
    """`congruences` (bundled), the path of a file (JSON Lines, JSON, CSV, TSV, Parquet), or
    `hf:owner/name[@revision][:config]:split`."""
    benchmark_name: str | None = None
    """What it is called in tables and screens; None: as its first run called it."""
    benchmarks: tuple[BenchmarkTable, ...] = ()
    """Several benchmarks in place of one: each with each model is a run."""
    columns: Columns = USUAL
    """What the file calls the parts of a question, where they have no usual name."""
    questions: int | None = None
    """How many questions, None for all of a file (500 of a generated benchmark)."""
    answer: str | None = None
    """Kind of answer: math, number, choice, text, pattern, code or command; None: as the benchmark
    says, else as its rows look."""
    answer_command: tuple[str, ...] = ()
    """Words of the command that gives the verdicts, of kind `command` alone."""
    answer_seconds: float = SECONDS
    """What that command may take for one answer."""
    budgets: tuple[int, ...] = (1, 2, 4, 8, 16)
    """In generations, of what is drawn."""
    token_budgets: tuple[int, ...] = ()
    """In tokens, over the same draws: `budgets = { generations = […], tokens = […] }`."""
    strategies: tuple[str, ...] = (
        "majority",
        "best_of_n",
        "weighted",
        "beam_search(m=4)",
        "beam_search(m=sqrt)",
    )
    difficulty_draws: int = 32
    """Draws a question that set its bin; never those its accuracy is measured on."""
    probe_draws: int = 4
    """Draws a question that the probe bins it by, as a caller of the policy would (METHOD §6 c)."""
    strategy_files: dict[str, str] = field(default_factory=dict[str, str])
    """Text of the files that strategies of the user's own are in, by name and digest."""
    baseline: str = "weighted"
    seed: int = 0
    replicate: int = 0
    generator: Generator = field(default_factory=Generator)
    verifier: Verifier | None = field(default_factory=Verifier)
    revisions: Revisions | None = None
    """Needed by strategies that revise."""
    gate: Gate = field(default_factory=Gate)
    exchange: Exchange | None = None
    distill: Distill | None = None
    """Needed by `ttc distill`."""
    prices: dict[str, Price] = field(default_factory=dict[str, Price])
    """What a million tokens cost of each model that the study names; without one money is
    unknown."""
    engine: EngineOptions = field(default_factory=EngineOptions)
    endpoints: tuple[Endpoint, ...] = ()
    """Models behind servers that speak chat completions."""

    @property
    def family(self) -> str:
        """What the models are versions of."""
        return self.generator.family or format_name(self.generator.format)

    @property
    def headline_budgets(self) -> tuple[int, ...]:
        """Budgets at which model versions are compared."""
        usual = self.gate.budgets or (4, 16, 64, 256)
        measured = tuple(budget for budget in usual if budget in self.budgets)
        return measured or self.budgets[-1:]

    @property
    def kind(self) -> AnswerKind | None:
        """The kind of answer that the study names; None where it leaves it to the benchmark."""
        if self.answer is None:
            return None
        why = "the study says so"
        return AnswerKind(self.answer, why, self.answer_command, self.answer_seconds)

    def pairs(self) -> list[tuple[Study, str]]:
        """(study of one benchmark, model) of every run that the study is."""
        alone = [self]
        if self.benchmarks:
            rest = dataclasses.replace(self, benchmarks=())
            alone = [dataclasses.replace(rest, **one.keys()) for one in self.benchmarks]
        return [(study, model) for study in alone for model in self.generator.models]

    def strategy(self, text: str) -> Strategy:
        """The strategy of a key, of a file of the user's own too."""
        return parse(text, self.strategy_files)

    def __post_init__(self) -> None:
        if self.benchmarks:
            _check_benchmarks(self)
        check_name(self.benchmark_name)
        check_answer("study", self.answer, self.answer_command, self.answer_seconds)
        check_budgets(self.budgets, MOST_DRAWS)
        if self.token_budgets:
            check_budgets(self.token_budgets, MOST_TOKENS)
        _check_strategies(self)
        check_larger(self.asking_larger, self.exchange, self.prices)
        _check_counts(self)
        _check_prices(self)

    @property
    def asking_larger(self) -> list[str]:
        """Keys of the strategies that may ask the larger model of [exchange]."""
        strategies = map(self.strategy, self.strategies)
        return [one.key for one in strategies if one.small is not None]

    def endpoint(self, model: str) -> Endpoint | None:
        """Where a model of the study is served by chat completions; None: it is not."""
        return next((one for one in self.endpoints if one.model == model), None)

    def price(self, model: str) -> Price | None:
        """What the tokens of a model cost; that of its endpoint where `prices` is silent."""
        endpoint = self.endpoint(model)
        return self.prices.get(model) or (endpoint.price if endpoint else None)

    def to_json(self) -> str:
        """The study as stored with its runs: JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    def digest(self) -> str:
        """Hash of all that decides a result: 16 hex digits."""
        values = deciding(dataclasses.asdict(self))
        content = json.dumps(values, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def cells(self) -> list[tuple[str, int]]:
        """(strategy key, budget) of every cell the study owes; a search starts at its own width."""
        strategies = [self.strategy(text) for text in self.strategies]
        return [
            (strategy.key, budget)
            for strategy in strategies
            for budget in self.budgets
            if strategy.fits(budget)
        ]


def _check_benchmarks(study: Study) -> None:
    if study.benchmark != BUNDLED or study.benchmark_name is not None:
        raise UserError(
            "study: expected one benchmark, or a list of several with a name each, "
            f"got both benchmark {study.benchmark!r} and {len(study.benchmarks)} more; "
            "write all of them as [[benchmarks]]"
        )
    if len(set(study.benchmarks)) < len(study.benchmarks):
        names = [one.benchmark for one in study.benchmarks]
        raise UserError(f"study: benchmarks must be named once each, got {names}; drop the copy")
    # Each as a study of its own, so that whatever is wrong with one is said before any runs.
    study.pairs()


def _check_strategies(study: Study) -> None:
    strategies = [study.strategy(text) for text in study.strategies]
    keys = [strategy.key for strategy in strategies]
    # By key: with and without its selector, a strategy is the same one.
    if len(set(keys)) < len(keys) or not keys:
        raise UserError(f"study: strategies must be named once each, got {study.strategies}")
    for strategy in strategies:
        strategy.check(study.budgets)
        strategy.check_temperature(study.generator.temperature)
        _check_models(study, strategy)
    if study.baseline not in keys:
        raise UserError(
            f"study: baseline must be one of the strategies {keys}, got {study.baseline!r}"
        )


def _check_models(study: Study, strategy: Strategy) -> None:
    revisions = study.revisions
    if strategy.form.revises and revisions is None:
        raise UserError(
            f"study: {strategy.key} needs a [revisions] table, got none; "
            "add one or drop the strategy"
        )
    # Attempts may have a verifier of their own, which sees the earlier ones.
    own = revisions.verifier if revisions and strategy.form.revises else None
    asked = own or study.verifier
    if strategy.scores_steps and asked and not load_verifier_format(asked.format).scores_steps:
        raise UserError(
            f"study: {strategy.key} needs a score for every step, {format_name(asked.format)} "
            "judges whole completions only; name a process reward model or drop the strategy"
        )
    if strategy.needs_verifier and asked is None:
        raise UserError(
            f"study: {strategy.key} needs a verifier, got none; "
            "add a [verifier] table or drop the strategy"
        )


def _check_counts(study: Study) -> None:
    generator = study.generator
    # Ten questions: each of five bins is halved into two folds (METHOD §7).
    counts = (
        ("questions", study.questions, 10),
        ("difficulty_draws", study.difficulty_draws, 2),
        ("probe_draws", study.probe_draws, 1),
        ("generator.max_tokens", generator.max_tokens, 1),
        ("generator.max_step_tokens", generator.max_step_tokens, 1),
        ("generator.max_rounds", generator.max_rounds, 1),
        ("generator.models", len(generator.models), 1),
    )
    for name, value, least in counts:
        if value is not None and value < least:
            raise UserError(f"study: {name} must be at least {least}, got {value}")
    if not 0 < generator.temperature <= 5 or not 0 < generator.top_p <= 1:
        raise UserError(
            "study: temperature must be in (0, 5], top_p in (0, 1], "
            f"got {generator.temperature}, {generator.top_p}"
        )


def _check_prices(study: Study) -> None:
    revisions = study.revisions or Revisions()
    verifiers = [one.model for one in (study.verifier, revisions.verifier) if one]
    revisers = [revisions.model] if revisions.model else []
    # Its tokens are paid for where a strategy asks it; what an exchange alone draws has no costs.
    larger = [study.exchange.model] if study.exchange else []
    check_priced(study.prices, [*study.generator.models, *verifiers, *revisers, *larger])


def study_from(values: dict[str, Any]) -> Study:
    """The study of a parsed TOML file or JSON document; UserError names the first wrong key.

    A list of texts under `benchmark` stands for as many [[benchmarks]], a table under `budgets`
    for budgets in generations and in tokens.
    """
    values = split_budgets(values)
    listed = values.get("benchmark")
    if isinstance(listed, list):
        several = [{"benchmark": one} for one in listed]
        rest = {key: value for key, value in values.items() if key != "benchmark"}
        values = {**rest, "benchmarks": [*several, *values.get("benchmarks", ())]}
    refuse_unknown_keys(values, Study, "study")
    try:
        return TypeAdapter(Study).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        # What the study's own checks raised is a sentence already; pydantic has wrapped it.
        cause = first.get("ctx", {}).get("error")
        if cause:
            raise UserError(str(cause)) from error
        place = ".".join(str(part) for part in first["loc"]) or "study"
        # Where a key is missing it is the table around it, with all that stands there.
        got = "nothing" if first["type"] == "missing" else repr(first["input"])
        raise UserError(f"study: {place}: {first['msg']}, got {got}") from error
