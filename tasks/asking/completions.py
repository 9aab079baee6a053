"""What became of completions: what is kept of them without their texts, answers and verdicts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from tasks.asking.capped import NOTHING_AGAIN, Again, look_again
from tasks.draws.nodes import Node
from tasks.draws.scorer import Scorer, aggregate
from tasks.protocols import Confidence, Stop
from tasks.runs.run import Run
from tasks.statistics.selectors import Candidate
from warehouse.reader import Reader


class Completion(NamedTuple):
    """What is kept of a completion when its question is let go: neither text nor token ids."""

    key: str
    """Of its node."""
    stop: Stop | None
    generated_tokens: float
    """NaN: not told."""
    score: float | None
    """The aggregate of its step scores (METHOD §3)."""
    verifier_tokens: float
    """What the verifier read to score it; 0 when it was not scored."""
    confidence: Confidence | None = None
    """None: nobody told."""
    again: Again = NOTHING_AGAIN
    """What it took to go on from thinking that was cut."""


class Answer(NamedTuple):
    """What one version of a grader made of a completion."""

    canonical: str | None
    """The form that the verdict is on; None: no answer."""
    vote: str | None
    """The class that it votes for; None: it has no vote."""
    correct: bool
    """FALSE too where no verdict could be reached; the view verdict_counts shows how often."""


class GradedCompletion(NamedTuple):
    """One completion: its answer, its class in a vote, whether it is right, and its score."""

    canonical: str | None
    vote: str | None
    correct: bool
    score: float | None
    verifier_tokens: float
    generated_tokens: float = math.nan
    """NaN: not told."""
    confidence: Confidence | None = None
    """None: nobody told."""

    @property
    def candidate(self) -> Candidate:
        """As a selector sees it."""
        return Candidate(self.vote, self.score, self.generated_tokens, self.confidence)


@dataclass(slots=True)
class Keeper:
    """Keeps what later steps need of a question's nodes, and reads the answers nobody knows."""

    run: Run
    known: Collection[str]
    """Keys of the completions whose answers are written down."""
    answers: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """By key, what the others answered, as they wrote it; None: no answer."""

    async def keep(self, scorer: Scorer, nodes: Iterable[Node]) -> list[Completion]:
        """What is kept of each node, in their order; the scores are this scorer's."""
        return [await self._keep(scorer, node) for node in nodes]

    async def _keep(self, scorer: Scorer, node: Node) -> Completion:
        # The text is looked at only here: most of a replay's time would go into it.
        if node.key not in self.known and node.key not in self.answers:
            self.answers[node.key] = answer_of(self.run, node)
        scores = await scorer.scores(node) if node.ended else ()
        verifier = self.run.study.verifier
        how = verifier.aggregate if verifier else "last"
        # The last step's call read the whole completion: what it read holds the earlier ones.
        last = scores[-1] if scores else None
        return Completion(
            node.key,
            node.stop,
            node.generated_tokens,
            aggregate(scores, how),
            last.tokens if last else 0,
            node.confidence,
            look_again(node, self.run.format.thinking),
        )


def answer_of(run: Run, node: Node) -> str | None:
    """The answer of a completion as written; None for one cut at the limit, whatever it holds."""
    # An answer that is read from a cut completion could be half of one (METHOD §16).
    return run.answer(node.text) if node.ended else None


def classes_of(run: Run, nodes: Sequence[Node]) -> list[str | None]:
    """The completions' classes in a vote; None for those without an answer."""
    answers = [answer_of(run, node) for node in nodes]
    given = [
        (node.question, answer)
        for node, answer in zip(nodes, answers, strict=True)
        if answer is not None
    ]
    classes = iter(run.classes(given))
    return [None if answer is None else next(classes) for answer in answers]


def load_answers(reader: Reader, run: Run, keys: Iterable[str]) -> dict[str, Answer]:
    """By key, what the run's grader made of those of these completions that it has read."""
    # coalesce: a completion without an answer has no verdict, and is not correct.
    rows = reader.read(
        "SELECT a.node_key, a.canonical, "
        "CASE WHEN a.class IS NULL THEN a.canonical ELSE nullif(a.class, '') END, "
        "coalesce(g.verdict = 'correct', false) "
        "FROM answers a SEMI JOIN wanted USING (node_key) LEFT JOIN grades g "
        "ON g.benchmark_fingerprint = a.benchmark_fingerprint "
        "AND g.question_id = a.question_id "
        "AND g.canonical = a.canonical AND g.grader = a.grader "
        "WHERE a.benchmark_fingerprint = $benchmark AND a.grader = $grader",
        wanted=pl.DataFrame({"node_key": sorted(set(keys))}, schema={"node_key": pl.String}),
        grader=run.grader.version,
        benchmark=run.benchmark.fingerprint,
    )
    return {key: Answer(*answer) for key, *answer in rows.iter_rows()}


def join_answer(completion: Completion, answers: Mapping[str, Answer]) -> GradedCompletion:
    """A completion with its answer."""
    answer = answers[completion.key]
    return GradedCompletion(
        *answer,
        completion.score,
        completion.verifier_tokens,
        completion.generated_tokens,
        completion.confidence,
    )
