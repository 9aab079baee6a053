"""A file's pools: averaged over orders of the draws as the product's own are, and served so."""

from __future__ import annotations

import math
import re
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_files import one_function, own

from tasks.protocols import Confidence
from tasks.statistics.estimators import Pool
from tasks.statistics.selectors import Candidate
from tasks.strategies import Strategy, parse
from tasks.strategies.forms import PoolFigure, QuestionPool
from tasks.strategies.own.failing import Overspent, OwnFailure

CLASSES = st.lists(st.integers(-1, 3), min_size=4, max_size=7)


def question_pool(classes: list[int], budgets: tuple[int, ...], seed: int = 0) -> QuestionPool:
    """Draws of these classes, of which 1 is right; draw i has 10 + i tokens and a score."""
    answers = np.array(classes)
    tokens = 10.0 + np.arange(len(classes))
    scores = np.array([((7 * place) % 11) / 10 for place in range(len(classes))]) % 1.0
    return QuestionPool.of(Pool(answers, answers == 1, scores, tokens), budgets, seed=seed)


def pool_of(body: str, head: str = "@pool") -> Strategy:
    return own("f", one_function(body, head))


@given(CLASSES, st.integers(0, 2**30))
@settings(max_examples=60, deadline=None)
def test_a_rule_that_the_product_has_too_reaches_and_costs_the_same(
    classes: list[int], seed: int
) -> None:
    budgets = (3, len(classes))
    pool = question_pool(classes, budgets, seed)
    mine = own("settled(agree=2)").estimate(pool)
    theirs = parse("adaptive(agree=2)").estimate(pool)
    for one, other in zip(mine, theirs, strict=True):
        # The same random orders, so that nothing differs but the order of sums.
        assert one.generations == pytest.approx(other.generations)
        assert one.accuracy == pytest.approx(other.accuracy)
        assert one.mc_error == pytest.approx(other.mc_error)


def by_hand(classes: list[int], budget: int) -> tuple[float, float, float, float]:
    """Mean accuracy, draws, tokens and wait of `settled(agree=2)` over all orders, and their
    spread.
    """
    runs: list[tuple[float, float, float]] = []
    for order in permutations(range(len(classes)), budget):
        seen: list[int] = []
        for draw in order:
            seen.append(draw)
            last = [classes[one] for one in seen[-2:]]
            if len(last) == 2 and last[0] == last[1] >= 0:
                break
        votes = [classes[one] for one in seen if classes[one] >= 0]
        most = max(map(votes.count, votes), default=0)
        tied = {vote for vote in votes if votes.count(vote) == most}
        tokens = sum(10 + draw for draw in seen)
        runs.append(((1 in tied) / max(len(tied), 1), len(seen), tokens))
    accuracy, drawn, tokens = np.array(runs).mean(axis=0)
    return accuracy, drawn, tokens, np.array(runs).std(axis=0).max()


@given(CLASSES, st.integers(0, 2**30))
@settings(max_examples=30, deadline=None)
def test_its_figures_are_those_of_all_orders_within_their_error(
    classes: list[int], seed: int
) -> None:
    pool = question_pool(classes, (4,), seed)
    (figure,) = own("settled(agree=2)").estimate(pool)
    accuracy, drawn, tokens, spread = by_hand(classes, 4)
    # 64 orders: six standard errors of each mean, so that none of 30 examples is beyond by chance.
    room = 6 / math.sqrt(64)
    assert figure.accuracy == pytest.approx(accuracy, abs=room * 0.5 + 1e-9)
    assert figure.generations == pytest.approx(drawn, abs=room * 1.5 + 1e-9)
    assert figure.tokens == pytest.approx(tokens, abs=room * spread + 1e-9)


def test_what_it_costs_is_what_it_asked_for() -> None:
    # Two requests: 1 draw, then 3 more; tokens 10 each, so that every order costs the same.
    strategy = pool_of("await tools.completions(1)\nreturn await tools.completions(4)")
    answers = np.array([1, 1, 1, 1, 1, 1])
    pool = Pool(answers, answers == 1, np.full(6, np.nan), np.full(6, 10.0))
    (figure,) = strategy.estimate(QuestionPool.of(pool, (6,), seed=0))
    assert figure == PoolFigure(6, 1.0, 0.0, 4.0, tokens=40.0, rounds=2.0, latency=20.0)


def test_unknown_tokens_stay_unknown() -> None:
    answers = np.array([1, 1, 0])
    pool = Pool(answers, answers == 1, np.full(3, np.nan), np.array([5.0, np.nan, 5.0]))
    (figure,) = own("settled").estimate(QuestionPool.of(pool, (3,), seed=0))
    assert figure.tokens is not None and math.isnan(figure.tokens)
    assert figure.latency is not None and math.isnan(figure.latency)
    assert figure.generations == 3


def test_it_may_choose_by_scores() -> None:
    # Draws 3 (0.9) and 4 are the only ones that are good enough; class 1 is right.
    answers = np.array([0, 0, 0, 1])
    pool = Pool(answers, answers == 1, np.array([0.1, 0.2, 0.3, 0.95]), np.full(4, 10.0))
    question = QuestionPool.of(pool, (1, 4), seed=0)
    one, four = own("good_enough").estimate(question)
    assert four.accuracy == 1.0 and four.mc_error == 0.0
    # On average the good one is met after 2.5 draws.
    assert 2 < four.generations < 3
    assert one.generations == 1 and 0 < one.accuracy < 0.5
    # Without a threshold that is ever reached: the best of all, by its score.
    (best,) = own("good_enough(score=2)/best_of_n").estimate(QuestionPool.of(pool, (4,), seed=0))
    assert (best.accuracy, best.generations) == (1.0, 4.0)


WRONG = [
    ("return await tools.completions(9)", Overspent, "mine.py:5: f asked for 9 generations"),
    ("return 1 / 0", OwnFailure, "mine.py:5: f failed with ZeroDivisionError: division by zero"),
    ("return 3", OwnFailure, "f gave back int"),
    ("return await tools.completions(1.5)", OwnFailure, "mine.py:5: f asked for 1.5 draws"),
    ("return await tools.completions(-1)", OwnFailure, "mine.py:5: f asked for -1 draws"),
    ("return await tools.answers([3])", OwnFailure, "mine.py:5: f failed with AttributeError"),
    ("return (await tools.completions(4))[:0] + [4]", OwnFailure, "f gave back list of 1"),
    ("return await tools.scores([])", OwnFailure, "mine.py:5: f asked for scores, which it does"),
    ("return await tools.next_steps(1, 2)", OwnFailure, "has no attribute 'next_steps'"),
    (
        "import asyncio\nawait asyncio.sleep(0)\nreturn []",
        OwnFailure,
        "f waits for something else than its tools",
    ),
]


@pytest.mark.parametrize(("body", "kind", "said"), WRONG)
def test_its_errors_are_told(body: str, kind: type[Exception], said: str) -> None:
    pool = question_pool([1, 2, 1, 0, 1, 2, 1, 0], (8,))
    with pytest.raises(kind, match=re.escape(said)) as raised:
        pool_of(body).estimate(pool)
    assert "budget 8" in str(raised.value)


def test_overspending_cannot_be_hidden() -> None:
    body = "try:\n    return await tools.completions(9)\nexcept Exception:\n    return []"
    with pytest.raises(Overspent, match="asked for 9 generations"):
        pool_of(body).estimate(question_pool([1, 2, 1, 0], (4,)))


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=12), st.integers(1, 12))
def test_it_is_served_as_it_is_estimated(answers: list[str | None], budget: int) -> None:
    """Draw by draw as the server does; then as one run over all draws that there are."""
    candidates = [Candidate(answer, None, 5.0) for answer in answers[:budget]]
    budget = len(candidates)
    for strategy, theirs in ((own("settled(agree=2)"), parse("adaptive(agree=2)")),):
        rule, other = strategy.stop(budget), theirs.stop(budget)
        assert rule is not None and other is not None
        ends = [rule.stops_at(candidates[:n]) for n in range(1, budget + 1)]
        wanted = [other.stops_at(candidates[:n]) for n in range(1, budget)]
        # Where the budget ends it ends as well, which the server says of the product's rules.
        assert ends[:-1] == wanted
        end = ends[-1]
        assert end == (other.stops_at(candidates) or budget)
        choice = strategy.choose([candidates[:end]], budget)
        assert choice == theirs.choose([candidates[:end]], budget)


def test_what_it_asks_for_at_once_is_served_at_once() -> None:
    body = (
        "few = await tools.completions(3)\n"
        "if await tools.agreement(few) > 0.9:\n    return few\n"
        "return await tools.completions(7)"
    )
    rule = pool_of(body).stop(8)
    assert rule is not None and rule.earliest == 3
    alike = [Candidate("a", None)] * 3
    mixed = [*alike[:2], Candidate("b", None)]
    assert (rule.stops_at(alike), rule.stops_at(mixed)) == (3, None)
    assert rule.next_draws(mixed) == 4
    assert rule.stops_at([*mixed, *alike, *alike]) == 7


def test_the_place_that_is_served_is_that_of_the_draw() -> None:
    candidates = [Candidate("a", 0.2), Candidate("b", 0.95), Candidate("a", 0.99)]
    strategy = own("good_enough")
    rule = strategy.stop(8)
    assert rule is not None
    assert [rule.stops_at(candidates[:n]) for n in (1, 2, 3)] == [None, 2, 2]
    assert strategy.choose([candidates[:2]], 8).index == 1


SUREST = (
    "drawn = await tools.completions(tools.budget)\n"
    "sure = await tools.confidences(drawn)\n"
    "return [max(drawn, key=lambda one: sure[one.place].mean)]"
)


def test_it_may_choose_by_confidence() -> None:
    strategy = pool_of(SUREST, "@pool(confidences=True)")
    assert strategy.form.needs_confidence and not own("settled").form.needs_confidence
    answers = np.array([0, 1, 0, 0])
    sure = tuple(Confidence(0.0, mean, 9.0 - mean) for mean in (1.0, 8.0, 2.0, 3.0))
    scores, tokens = np.full(4, np.nan), np.full(4, 10.0)
    pool = Pool(answers, answers == 1, scores, tokens, sure)
    (four,) = strategy.estimate(QuestionPool.of(pool, (4,), seed=0))
    # The one that is right is the surest.
    assert (four.accuracy, four.generations) == (1.0, 4.0)
    unknown = Pool(answers, answers == 1, scores, tokens, (*sure[:3], None))
    with pytest.raises(OwnFailure, match=r"mine.py:6: f asked for confidences, which 1 of 4"):
        strategy.estimate(QuestionPool.of(unknown, (4,), seed=0))
    with pytest.raises(OwnFailure, match=r"write @pool\(confidences=True\) above it"):
        pool_of(SUREST).estimate(QuestionPool.of(pool, (4,), seed=0))
