"""One execution of a study for one model version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tasks.benchmarks.question import Question
from tasks.models.formats import Format
from tasks.models.version import Model
from tasks.protocols import Benchmark, FineGrader, Grader
from tasks.strategies import Strategy
from tasks.strategies.forms import PoolKey
from tasks.study.study import Study
from tasks.study.tables import Verifier

_APART: Final = 1_000_003
"""Seeds of studies are small numbers: this far from one there is no other."""


class Larger(NamedTuple):
    """The model that a cascade asks where the run's own does not agree with itself."""

    model: Model
    format: Format
    """The run's, with this model's tokenizer."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a study for one model version, with all that its stages need."""

    run_id: str
    study: Study
    generator: Model
    verifier: Model | None
    reviser: Model
    """The model that revises attempts; the generator itself unless the study names one."""
    judge: Model | None
    """The verifier of attempts; None where the run's verifier judges them too."""
    benchmark: Benchmark
    grader: Grader
    """The benchmark's; it has started nothing yet."""
    format: Format
    larger: Larger | None = None
    """None where no strategy asks it."""

    @property
    def writers(self) -> list[Model]:
        """The models that write, each version once."""
        larger = [self.larger.model] if self.larger else []
        return _each_once([self.generator, self.reviser, *larger])

    @property
    def models_asked(self) -> list[Model]:
        """All models that it may ask, each version once."""
        judges = [model for model in (self.verifier, self.judge) if model]
        return _each_once([*self.writers, *judges])

    def format_of(self, writer: Model) -> Format:
        """How one of its models writes: the larger one may have a tokenizer of its own."""
        if self.larger and writer.fingerprint == self.larger.model.fingerprint:
            return self.larger.format
        return self.format

    def writer_of(self, pool: PoolKey) -> Model:
        """Who writes the completions of a pool."""
        if not pool.larger:
            return self.generator
        if self.larger is None:
            raise RuntimeError(f"run {self.run_id}: expected a larger model, got none")
        return self.larger.model

    def seed_of(self, writer: Model) -> int:
        """What the seeds of its draws are made from.

        Another one for the larger model: two models that write alike would else be wrong on the
        same draws, and what one passes on the other would miss too.
        """
        is_larger = self.larger and writer.fingerprint == self.larger.model.fingerprint
        return self.study.seed + _APART if is_larger else self.study.seed

    def verifier_settings(self, model: Model) -> Verifier:
        """What the study says of the verifier that is this model."""
        revisions = self.study.revisions
        is_judge = self.judge is not None and model.fingerprint == self.judge.fingerprint
        if is_judge and revisions and revisions.verifier:
            return revisions.verifier
        return self.study.verifier or Verifier()

    def models(self, strategy: Strategy) -> tuple[Model, Model | None]:
        """Who writes and who judges under a strategy."""
        if strategy.form.revises:
            return self.reviser, self.judge or self.verifier
        return self.generator, self.verifier

    @property
    def asks_confidence(self) -> bool:
        """Whether a strategy looks at how sure the model was of whole completions."""
        strategies = map(self.study.strategy, self.study.strategies)
        return any(strategy.form.needs_confidence for strategy in strategies)

    def answer(self, text: str) -> str | None:
        """The answer of a completion that ended; None where it gives none, or still thinks."""
        final = self.format.final(text)
        return None if final is None else self.grader.extract(final, self.format.markers)

    def classes(self, asked: Sequence[tuple[Question, str]]) -> Sequence[str | None]:
        """The class in a vote of each (question, answer), in their order; None: it has no vote."""
        if isinstance(self.grader, FineGrader):
            return self.grader.classes(asked)
        return self.grader.canonical(asked)

    @property
    def question_ids(self) -> list[str]:
        """Ids of the questions that it owes, in the benchmark's order."""
        return [question.question_id for question in self.benchmark.questions]


def _each_once(models: Sequence[Model]) -> list[Model]:
    """In their order; a model may play several parts."""
    return list({model.fingerprint: model for model in models}.values())
