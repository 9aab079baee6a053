"""The strategies in infra/strategies: they run in every way, and do what their papers say."""

from __future__ import annotations

import ast
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from conformance import LAWS, OPINIONS
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import Bench, answer_of, fixed, perfect, solvable

from tasks.settings import INFRA
from tasks.statistics.estimators import Pool
from tasks.strategies import Strategy, parse
from tasks.strategies.forms import QuestionPool
from tasks.study.own_files import read_files

POOLS = ["esc.py:windows", "adaptive_consistency.py:certain", "good_enough.py:good_enough"]
SEARCHES = ["speculative_rejection.py:reject", "wider_or_deeper.py:branch"]
FOLDER = INFRA / "strategies"


def shipped(text: str) -> Strategy:
    (key,), files = read_files([text], Path("/nowhere"))
    return parse(key, files)


def test_all_that_is_shipped_is_tested_here() -> None:
    named = {text.partition(":")[0] for text in (*POOLS, *SEARCHES)}
    assert named == {path.name for path in FOLDER.glob("*.py")}
    for text in POOLS:
        assert shipped(text).kind == "pool"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_each_names_its_paper(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert re.search(r"arXiv \d{4}\.\d{5}", said)


def question_pool(classes: list[int], scores: list[float], budgets: tuple[int, ...], seed: int):
    answers = np.array(classes)
    pool = Pool(answers, answers == 1, np.array(scores), np.full(len(classes), 10.0))
    return QuestionPool.of(pool, budgets, seed=seed)


DRAWS = st.lists(st.integers(-1, 2), min_size=8, max_size=8)


@given(DRAWS, st.integers(0, 2**30))
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize(
    ("text", "built_in"),
    [
        ("esc.py:windows(size=3)", "window(w=3)"),
        ("adaptive_consistency.py:certain(posterior=0.8)", "adaptive(posterior=0.8)"),
    ],
)
def test_a_file_of_a_rule_that_is_built_in_finds_what_that_finds(
    text: str, built_in: str, classes: list[int], seed: int
) -> None:
    pool = question_pool(classes, [0.5] * 8, (2, 5, 8), seed)
    earliest = parse(built_in).stop(8).earliest
    for mine, theirs in zip(
        shipped(text).estimate(pool), parse(built_in).estimate(pool), strict=True
    ):
        # Below its earliest stop a built-in rule is majority on all draws, counted exactly.
        if mine.budget > earliest:
            assert mine.accuracy == pytest.approx(theirs.accuracy)
        assert mine.generations == pytest.approx(theirs.generations)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6), st.floats(0.1, 1))
@settings(max_examples=50, deadline=None)
def test_good_enough_serves_the_first_that_is(scores: list[float], wanted: float) -> None:
    text = f"good_enough.py:good_enough(score={round(wanted, 3)})/best_of_n"
    classes = [1 if score >= round(wanted, 3) else 0 for score in scores]
    (figure,) = shipped(text).estimate(question_pool(classes, scores, (6,), 0))
    # Right is what reaches the score: found wherever there is one, and nothing is drawn after it.
    many = sum(classes)
    assert figure.accuracy == (1.0 if many else 0.0)
    expected = 7 / (many + 1) if many else 6.0
    assert figure.generations == pytest.approx(expected, abs=1.2)


@pytest.mark.parametrize(("text", "law", "opinion"), [*product(SEARCHES, LAWS, OPINIONS)])
async def test_searches_keep_to_their_budget_and_replay(text: str, law: str, opinion: str) -> None:
    bench = Bench(LAWS[law], OPINIONS[opinion])
    made = await bench.run(shipped(text), 8)
    assert bench.meter.generations == 8
    assert bench.meter.generated_tokens == bench.engine.generated_tokens
    again = bench.replay()
    assert await again.run(shipped(text), 8) == made
    assert again.meter == bench.meter


async def test_rejection_draws_half_as_many_at_every_step() -> None:
    bench = Bench(fixed(3), perfect)
    ((*made,),) = await bench.run(shipped("speculative_rejection.py:reject"), 16)
    by_depth: dict[int, int] = {}
    for new in bench.draws:
        by_depth[new.parent.depth] = by_depth.get(new.parent.depth, 0) + 1
    # Four steps: the answer is one.
    assert by_depth == {0: 16, 1: 8, 2: 4, 3: 2}
    assert len(made) == 2 and all(node.ended for node in made)


async def test_rejection_keeps_what_the_verifier_likes() -> None:
    bench = Bench(solvable(2), perfect)
    ((*made,),) = await bench.run(shipped("speculative_rejection.py:reject(share=0.75)"), 16)
    assert [answer_of(node) for node in made] == ["a"] * len(made)


async def test_branching_mends_what_scores_and_goes_wider_where_nothing_does() -> None:
    def first_attempts(bench: Bench) -> int:
        return sum(new.parent is bench.root or not new.key.replicate for new in bench.draws)

    liked = Bench(solvable(1), lambda _question, _steps: 0.99)
    await liked.run(shipped("wider_or_deeper.py:branch"), 32)
    disliked = Bench(solvable(1), lambda _question, _steps: 0.01)
    await disliked.run(shipped("wider_or_deeper.py:branch"), 32)
    # Both mend some attempts and make several afresh.
    for bench in (liked, disliked):
        assert 1 < first_attempts(bench) < 32
    assert len(liked.draws) == len(disliked.draws) == 32
