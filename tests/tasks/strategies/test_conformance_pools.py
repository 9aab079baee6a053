"""Strategies that choose from parallel draws, under every law and verifier.

METHOD §5, §10, §11.2.
"""

import asyncio
from functools import cache
from itertools import product

import numpy as np
import pytest
from conformance import EXAMPLES, LAWS, OPINIONS
from scripted_runs import sure_of
from scripts import WHOLE, Bench, answer_of

from tasks.draws.nodes import Node
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.strategies import Strategy, parse
from tasks.strategies.forms import QuestionPool

BUDGETS = (1, 2, 4, 8, 16, 32, 64)
POOLS = [s for s in (parse(key) for keys in EXAMPLES.values() for key in keys) if s.kind == "pool"]
CELLS = [*product(LAWS, OPINIONS)]


async def scored(bench: Bench) -> tuple[list[Node], list[float | None]]:
    """As a run draws and scores its pool: cut completions are not shown to the verifier."""
    nodes = await bench.sampler.children(bench.root, max(BUDGETS), sampling=WHOLE)
    tools = bench.tools()
    return nodes, [await tools.score(node) if node.ended else None for node in nodes]


@cache
def drawn(law: str, opinion: str) -> tuple[Bench, Pool]:
    bench = Bench(LAWS[law], OPINIONS[opinion])
    nodes, scores = asyncio.run(scored(bench))
    answers = [answer_of(node) for node in nodes]
    classes = {
        answer: number
        for number, answer in enumerate(sorted({a for a in answers if a is not None}))
    }
    pool = Pool(
        answers=np.array([-1 if answer is None else classes[answer] for answer in answers]),
        correct=np.array([answer == "a" for answer in answers]),
        scores=np.array([np.nan if score is None else score for score in scores], dtype=float),
        tokens=np.array([node.generated_tokens for node in nodes], dtype=float),
        confidences=tuple(sure_of(node.text) for node in nodes),
    )
    return bench, pool


def estimated(strategy: Strategy, pool: Pool) -> list[tuple[int, float, float]]:
    """Budget, accuracy and generations at every budget, as a run estimates them."""
    # The larger model of a cascade writes here as the other one does.
    drawn = QuestionPool.of(pool, BUDGETS, seed=1, larger=pool)
    figures = strategy.estimate(drawn)
    return [(one.budget, one.accuracy, one.drawn) for one in figures]


@pytest.mark.parametrize(("law", "opinion"), CELLS)
def test_all_pool_strategies_share_as_many_draws_as_the_largest_budget(
    law: str, opinion: str
) -> None:
    bench, pool = drawn(law, opinion)
    assert (
        len(bench.draws) == bench.engine.spent[WHOLE.key].draws == max(BUDGETS) == pool.answers.size
    )
    assert sum(new.draw.tokens for new in bench.draws) == bench.engine.generated_tokens
    assert sum(new.requests for new in bench.draws) == bench.engine.requests == 1


@pytest.mark.parametrize(("law", "opinion"), CELLS)
def test_a_completion_that_was_cut_is_shown_to_no_verifier_and_votes_for_nothing(
    law: str, opinion: str
) -> None:
    bench, pool = drawn(law, opinion)
    cut = [new for new in bench.draws if new.draw.stop == "limit"]
    assert (len(cut) > 0) == (law in ("often cut", "never ending"))
    assert not {new.node.key for new in cut} & {new.node_key for new in bench.scores}
    assert all(pool.answers[new.child] == -1 for new in cut)


@pytest.mark.parametrize("strategy", POOLS, ids=lambda strategy: strategy.key)
@pytest.mark.parametrize(("law", "opinion"), CELLS)
def test_every_budget_has_an_accuracy_and_spends_no_more_than_it(
    law: str, opinion: str, strategy: Strategy
) -> None:
    _, pool = drawn(law, opinion)
    found = estimated(strategy, pool)
    budgets = [budget for budget in BUDGETS if strategy.fits(budget)]
    coverage = [
        one.accuracy for one in pool_estimates(pool, budgets, seed=1) if one.selector == "pass"
    ]
    assert [budget for budget, _, _ in found] == budgets
    for (budget, accuracy, generations), reach in zip(found, coverage, strict=True):
        assert 0.0 <= accuracy <= reach + 1e-12
        assert 1.0 <= generations <= budget
        takes_less = strategy.form.stop is not None or strategy.small
        assert generations == budget or takes_less


@pytest.mark.parametrize("strategy", POOLS, ids=lambda strategy: strategy.key)
def test_nothing_is_right_where_nothing_ends(strategy: Strategy) -> None:
    for opinion in OPINIONS:
        assert {
            accuracy for _, accuracy, _ in estimated(strategy, drawn("never ending", opinion)[1])
        } == {0.0}


@pytest.mark.parametrize("strategy", POOLS, ids=lambda strategy: strategy.key)
def test_duplicates_are_as_many_votes_as_they_are_draws(strategy: Strategy) -> None:
    # 64 draws of one text: all of them answer a, so that every budget is right, and what looks at
    # the answers stops at 3 or 4.
    found = estimated(strategy, drawn("always the same step", "constant")[1])
    assert {accuracy for _, accuracy, _ in found} == {1.0}
    stops = {"adaptive(agree=3)": 3, "adaptive(posterior=0.95)": 4}
    stops |= {"window(w=3)": 3, "window(w=4)": 4}
    # As soon as the first draws are there.
    stops |= {"confident_online(top=0.1)": 16}
    stops |= {"confident_online(top=0.5,warmup=2,agree=0.9)": 2}
    # What a cascade's first draws agree on no larger model is asked for.
    stops |= {"cascade(k=4,agree=0.75)": 4, "cascade(k=2,agree=1.0)": 2}
    stops |= {"cascade(k=3,agree=0.5)@T=0.6": 3}
    least = stops.get(strategy.key, 64)
    assert [generations for _, _, generations in found] == [
        min(budget, least) for budget in BUDGETS if strategy.fits(budget)
    ]


@pytest.mark.parametrize("law", [law for law in LAWS if law != "never ending"])
def test_best_of_n_reaches_what_its_verifier_can(law: str) -> None:
    # Perfect: right as soon as one draw is right in every line. Constant: right as often as one
    # draw.
    _, perfectly = drawn(law, "perfect")
    _, blindly = drawn(law, "constant")
    one_draw = pool_estimates(blindly, [1], seed=1)[0].accuracy
    for _, accuracy, _ in estimated(parse("best_of_n"), blindly):
        answered = np.mean(blindly.answers >= 0)
        assert one_draw - 1e-9 <= accuracy <= one_draw / answered + 1e-9
    best = estimated(parse("best_of_n"), perfectly)[-1][1]
    assert best == 1.0 or not np.any(perfectly.scores[perfectly.correct] == 1.0)
