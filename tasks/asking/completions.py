"""What became of completions: answer, verdict and score, from the warehouse."""

from __future__ import annotations

from typing import NamedTuple

from tasks.draws.nodes import Node
from tasks.draws.scorer import Scorer, aggregate
from tasks.runs.run import Run
from warehouse.store import Store


class GradedCompletion(NamedTuple):
    """One completion: its answer, its class in a vote, whether it is right, and its score."""

    canonical: str | None
    """The form that the verdict is on; None: no answer."""
    vote: str | None
    """The class that it votes for; None: it has no vote."""
    correct: bool
    """FALSE too where no verdict could be reached; the view verdict_counts shows how often."""
    score: float | None
    verifier_tokens: float
    """What the verifier read to score it; 0 when it was not scored."""


class CompletionReader:
    """Reads completions of one run, which has been graded."""

    def __init__(self, store: Store, run: Run) -> None:
        # coalesce: a completion without an answer has no verdict, and is not correct.
        frame = store.read(
            "SELECT a.node_key, a.canonical, "
            "CASE WHEN a.class IS NULL THEN a.canonical ELSE nullif(a.class, '') END, "
            "coalesce(g.verdict = 'correct', false) "
            "FROM answers a LEFT JOIN grades g "
            "ON g.benchmark_fingerprint = a.benchmark_fingerprint "
            "AND g.question_id = a.question_id "
            "AND g.canonical = a.canonical AND g.grader = a.grader "
            "WHERE a.benchmark_fingerprint = $benchmark AND a.grader = $grader",
            grader=run.grader.version,
            benchmark=run.benchmark.fingerprint,
        )
        self._answers: dict[str, tuple[str | None, str | None, bool]] = {}
        for key, canonical, vote, correct in frame.iter_rows():
            self._answers[key] = (canonical, vote, correct)
        verifier = run.study.verifier
        self._aggregate = verifier.aggregate if verifier else "last"

    async def read(self, scorer: Scorer, nodes: list[Node]) -> list[GradedCompletion]:
        """One entry a completion; the score is the aggregate of its step scores (METHOD §3)."""
        return [await self._read_one(scorer, node) for node in nodes]

    async def _read_one(self, scorer: Scorer, node: Node) -> GradedCompletion:
        canonical, vote, correct = self._answers[node.key]
        scores = await scorer.scores(node) if node.ended else ()
        score = aggregate(scores, self._aggregate)
        # The last step's call read the whole completion: what it read holds the earlier ones.
        last = scores[-1] if scores else None
        tokens = last.tokens if last else 0
        return GradedCompletion(canonical, vote, correct, score, tokens)
