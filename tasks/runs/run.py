"""One execution of a study for one model version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.benchmarks.question import Question
from tasks.models.formats import Format
from tasks.models.version import Model
from tasks.protocols import Benchmark, FineGrader, Grader
from tasks.strategies import Strategy
from tasks.study.study import Study
from tasks.study.tables import Verifier


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
