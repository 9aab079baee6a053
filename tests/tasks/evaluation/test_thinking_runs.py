"""A model that thinks first, from its draws to a policy, with a scripted engine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from replays import replay_run
from scripted_runs import run_all, small_study
from summaries import summary_of
from tiny_models import qwen_prm

from tasks.benchmarks.question import Question
from tasks.engines.scripted import ScriptedEngine, ScriptedVerifier
from tasks.models.version import Model
from tasks.publication.headlines import headlines
from tasks.publication.report import html
from tasks.publication.summary import load_summary
from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store

TARGETS = {f"What is {n} plus {n}?": 2 * n for n in range(10, 30)}
NEVER_ENDS = 0.2
"""Share of completions that end in the middle of their thinking."""


def study_of(folder: Path, **changes: object) -> Study:
    """A study of sums by a tiny model that has never been trained."""
    qwen_prm(folder / "model")
    rows = [{"question": text, "answer": str(target)} for text, target in TARGETS.items()]
    path = folder / "sums.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    model = str(folder / "model")
    values: dict[str, object] = {
        "benchmark": str(path),
        "generator": {"models": [model], "format": "think-math", "max_tokens": 300},
        "verifier": {"model": model, "format": "qwen-math-prm", "aggregate": "min"},
        "strategies": ["majority", "best_of_n", "weighted"],
    }
    return small_study(**(values | changes))


class Thinking:
    """Engines that think of wrong answers before they say the right one."""

    def __init__(self, run: Run, _: float) -> None:
        self._format = run.format
        self._prompts = {
            run.format.prompt(question): question for question in run.benchmark.questions
        }
        self.shown: list[str] = []
        self.judge = ScriptedVerifier(self._opinion)
        self.writer = ScriptedEngine(run.format, self._law)

    async def engine(self, _model: Model) -> ScriptedEngine:
        return self.writer

    async def verifier(self, _model: Model) -> ScriptedVerifier:
        return self.judge

    async def close(self) -> None:
        """Nothing to end."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        prompt = next(prompt for prompt in self._prompts if prefix[: len(prompt)] == prompt)
        return complete(self._prompts[prompt], rng)

    def _opinion(self, _: str, steps: Sequence[str]) -> float:
        text = "".join(steps)
        assert "think" not in text and "Perhaps" not in text
        return 0.9 if len(steps) == 1 else 0.8


def complete(question: Question, rng: random.Random) -> str:
    """A whole completion: guesses while it thinks, then two steps with the right answer."""
    guesses = [f"Perhaps \\boxed{{{rng.randrange(9)}}}.\n\n" for _ in range(rng.randrange(1, 4))]
    thought = "<think>\n" + "".join(guesses)
    if rng.random() < NEVER_ENDS:
        return thought + "<end>"
    return f"{thought}So.\n</think>\n\nWe add.\n\nIt is \\boxed{{{question.target}}}.<end>"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    folder = tmp_path_factory.mktemp("thinking")
    study = study_of(folder)
    run_id = run_all(folder / "state", study, engines=Thinking)
    with Store.open(folder / "state") as store:
        yield store, run_id


def test_what_never_stopped_thinking_is_counted_apart(seen: tuple[Store, str]):
    store, run_id = seen
    counts = store.read(
        "SELECT verdict, sum(completions)::BIGINT FROM verdict_counts WHERE run_id = $run_id "
        "GROUP BY verdict",
        run_id=run_id,
    )
    verdicts = dict(counts.iter_rows())
    assert set(verdicts) == {"correct", "still thinking"}
    share = verdicts["still thinking"] / sum(verdicts.values())
    assert share == pytest.approx(NEVER_ENDS, abs=0.08)
    (trouble,) = store.read(
        "SELECT unanswered, still_thinking, ungraded FROM trouble WHERE run_id = $run_id",
        run_id=run_id,
    ).iter_rows()
    assert trouble == (0, verdicts["still thinking"], 0)


def test_what_never_stopped_thinking_is_told_with_the_losses(seen: tuple[Store, str]):
    store, run_id = seen
    summary = load_summary(store, run_id)
    (row,) = summary.thinking.iter_rows(named=True)
    share = f"{row['still_thinking'] / row['completions']:.1%}"
    assert any(
        f"{share} of all completions never stopped thinking" in s for s in headlines(summary)
    )
    page = html(summary)
    assert "thinking tokens" in page and "answer tokens" in page


def test_a_run_that_does_not_think_says_nothing_of_it():
    summary = summary_of()
    assert not any("thinking" in sentence for sentence in headlines(summary))
    assert "thinking tokens" not in html(summary)


def test_tokens_of_thinking_and_of_the_answer_add_up(seen: tuple[Store, str]):
    store, run_id = seen
    run = load_run(store, run_id)
    draws = store.read("SELECT text, generated_tokens, thinking_tokens FROM draws")
    for text, generated, thinking in draws.iter_rows():
        thought, mark, _ = text.partition("</think>")
        expected = len(run.format.tokenizer.encode(thought + mark)) if mark else generated
        assert thinking == expected
    (costs,) = store.read(
        "SELECT sum(generated_tokens), sum(thinking_tokens), sum(answer_tokens) FROM cost_by_role "
        "WHERE run_id = $run_id AND role <> 'verifier'",
        run_id=run_id,
    ).iter_rows()
    generated, thinking = sum(draws["generated_tokens"]), sum(draws["thinking_tokens"])
    assert costs == (generated, thinking, generated - thinking)


def test_the_verifier_scores_what_follows_thinking(seen: tuple[Store, str]):
    store, run_id = seen
    rows = store.read(
        "SELECT text, step_scores, score FROM question_draws WHERE run_id = $run_id AND whole",
        run_id=run_id,
    )
    assert len(rows) > 200
    for text, step_scores, score in rows.iter_rows():
        if "</think>" in text:
            # The least of both, although the steps before them have none.
            assert (step_scores, score) == ([0.9, 0.8], 0.8)
        else:
            assert (step_scores, score) == (None, None)


async def test_a_replay_reads_the_same_scores(seen: tuple[Store, str]):
    store, run_id = seen
    run = load_run(store, run_id)
    asking = replay_run(store, run)
    nodes = await asking.pool(run.benchmark.questions[0])
    scores = [await asking.proposing.scorer.scores(node) for node in nodes]
    lengths = {len(one) for one in scores}
    assert lengths <= {0, 2} and 2 in lengths


def test_a_search_that_would_be_blind_while_it_thinks_is_refused(tmp_path: Path):
    study = study_of(tmp_path, strategies=["weighted", "beam_search(m=2)"])
    with (
        Store.open(tmp_path / "state") as store,
        pytest.raises(UserError, match="expected a verifier that reads thinking for beam_search"),
    ):
        open_run(store, study, study.generator.models[0])
