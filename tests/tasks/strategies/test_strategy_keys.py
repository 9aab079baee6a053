"""How strategies are named, which budgets they take and what they ask of a verifier (METHOD §5)."""

import asyncio
import subprocess
import sys

import pytest
from conformance import EXAMPLES, examples
from scripts import Bench, fixed, hashed, longwinded

from tasks.strategies import STRATEGIES, parse
from warehouse.errors import UserError

KEYS = [key for keys in EXAMPLES.values() for key in keys]


def named(key: str, selector: str) -> str:
    """The key with its selector, which stands before a temperature."""
    untempered, at, temperature = key.partition("@")
    return f"{untempered}/{selector}{at}{temperature}"


EVERY_SELECTOR = [
    named(key, selector) for key in KEYS for selector in STRATEGIES[parse(key).name].selectors
]
POWERS = tuple(2**i for i in range(9))


@pytest.mark.parametrize("text", EVERY_SELECTOR)
def test_a_key_names_its_strategy_and_its_strategy_the_key(text: str) -> None:
    strategy = parse(text)
    assert parse(strategy.key) == strategy
    assert parse(strategy.key.replace(",", " , ")) == strategy
    assert strategy.key in (text, text.replace(f"/{strategy.selector}", ""))


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_example_shown_to_a_user_is_accepted(name: str) -> None:
    assert all(parse(text).name == name for text in STRATEGIES[name].example.split(" or "))


def test_the_selector_may_be_left_out_and_equal_options_have_one_key() -> None:
    assert parse("beam_search(m=4)").key == "beam_search(m=4)/weighted"
    assert parse("revisions(s=4)").key == "revisions(s=4)/hierarchical"
    assert parse("majority").key == "majority"
    assert parse("lookahead(m=4,k=1)") == parse("lookahead(k=1,m=4)")
    assert parse("adaptive(posterior=.950)").key == "adaptive(posterior=0.95)"
    assert parse("first( m = 3 ) @T=.60").key == "first(m=3)@T=0.6"
    assert parse("majority@T=2.0").key == "majority@T=2"
    assert parse("confident(by=lowest,top=.10)").key == "confident(top=0.1)"
    assert parse("confident(by=tail,top=0.1)").key == "confident(top=0.1,by=tail)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "unknown strategy ''; known are majority"),
        ("beam-search", "unknown strategy"),
        ("greedy", "unknown strategy 'greedy'"),
        ("beam_search(m=4", "unknown strategy"),
        ("majority(n=4)", "takes no options"),
        ("rebase(t=1)", "takes no options"),
        ("majority/weighted", "unknown selector 'weighted'"),
        ("dvts(m=4)/best_of_n", "unknown selector 'best_of_n'.*weighted, majority"),
        ("beam_search(m=4)/hierarchical", "unknown selector"),
        ("beam_search", "expected m, got"),
        ("beam_search(m=1)", "m must be 2 or more, or sqrt"),
        ("beam_search(m=four)", "m must be 2 or more"),
        ("beam_search(m=²)", "m must be 2 or more"),
        ("beam_search(m)", "m must be"),
        ("beam_search(m=4,k=1)", "expected m"),
        ("beam_search(m=4,m=8)", "got 'beam_search\\(m=4,m=8\\)'"),
        ("dvts(m=sqrt)", "m must be 2 or more, got"),
        ("lookahead(m=4)", "expected k and m"),
        ("lookahead(k=0,m=4)", "k must be 1 or more"),
        ("revisions(s=3)", "s must be a power of two"),
        ("revisions(s=0)", "s must be a power of two"),
        ("adaptive", "expected agree or posterior"),
        ("adaptive(agree=3,posterior=0.9)", "expected agree or posterior"),
        ("adaptive(agree=1)", "agree must be 2 or more"),
        ("adaptive(posterior=1.0)", "posterior must be between 0.5 and 1"),
        ("adaptive(posterior=0.5)", "posterior must be between 0.5 and 1"),
        ("adaptive(posterior=nan)", "posterior must be between"),
        ("window", "expected w, got 'window'"),
        ("majority@", "unknown strategy 'majority@'"),
        ("majority@T=", "expected a temperature above 0 and up to 5 after @T=, got 'majority@T='"),
        ("majority@T=0", "above 0 and up to 5"),
        ("majority@T=0.0", "above 0 and up to 5"),
        ("majority@T=5.1", "above 0 and up to 5"),
        ("majority@T=-1", "above 0 and up to 5"),
        ("majority@T=nan", "above 0 and up to 5"),
        ("majority@T=1e-1", "above 0 and up to 5"),
        ("majority@T=0.6@T=0.7", "unknown strategy 'majority@T=0.6'"),
        ("@T=0.6", "unknown strategy ''"),
        ("first@T=0.6(m=3)", "after @T=, got"),
        ("beam_search(m=4)@T=0.6", "behind a strategy that chooses from a pool, got 'beam_search"),
        ("revisions(s=4)/majority@T=0.6", "generator.temperature in a study of its own"),
        ("window(w=1)", "w must be 2 or more"),
        ("confident", "expected top and by, got 'confident'"),
        ("confident(by=tail)", "expected top and by"),
        ("confident(top=0)", "top must be between 0 and 1"),
        ("confident(top=1)", "top must be between 0 and 1"),
        ("confident(top=0.1,by=head)", "by must be lowest or mean or tail"),
        ("confident(top=0.1,by=tail,by=tail)", "expected top and by"),
    ],
)
def test_a_wrong_name_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("majority", 1),
        ("adaptive(agree=3)", 1),
        ("beam_search(m=4)", 4),
        ("beam_search(m=8)", 8),
        ("beam_search(m=sqrt)", 4),
        ("lookahead(k=1,m=4)", 8),
        ("lookahead(k=3,m=4)", 16),
        ("lookahead(k=1,m=sqrt)", 8),
        ("dvts(m=4)", 4),
        ("rebase", 2),
        ("particle_filter", 2),
        ("revisions(s=1)", 1),
        ("revisions(s=16)", 16),
        ("revision_search(m=4)", 2),
    ],
)
def test_a_strategy_starts_at_its_smallest_budget_and_takes_every_power_of_two_from_there(
    key: str, least: int
) -> None:
    strategy = parse(key)
    assert [budget for budget in POWERS if strategy.fits(budget)] == [
        b for b in POWERS if b >= least
    ]
    strategy.check(POWERS)


@pytest.mark.parametrize(
    ("key", "budgets", "words"),
    [
        ("beam_search(m=4)", (1, 2), "needs a budget of at least 4, got \\(1, 2\\)"),
        ("revisions(s=16)", (8,), "at least 16"),
        ("beam_search(m=4)", (4, 6), "multiples of 4, got 6"),
        ("dvts(m=4)", (4, 10), "multiples of 4, got 10"),
        ("lookahead(k=1,m=4)", (8, 12), "multiples of 8, got 12"),
        ("revisions(s=4)", (4, 6), "multiples of 4, got 6"),
        ("revision_search(m=4)", (2, 6), "multiples of 4, got 6"),  # rounds of 4
    ],
)
def test_a_budget_that_cannot_be_spent_exactly_is_refused(
    key: str, budgets: tuple[int, ...], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        parse(key).check(budgets)


@pytest.mark.parametrize("key", examples())
async def test_every_budget_that_is_accepted_is_spent_exactly(key: str) -> None:
    strategy = parse(key)
    for budget in range(1, 41):
        try:
            strategy.check((budget,))
        except UserError:
            continue
        groups = await Bench(fixed(1), hashed).run(key, budget)
        if strategy.form.selects:
            assert sum(map(len, groups)) == strategy.slots(budget) < budget
        else:
            assert sum(map(len, groups)) * strategy.rollouts == budget


@pytest.mark.parametrize("text", [key for key in EVERY_SELECTOR if parse(key).kind != "pool"])
def test_a_strategy_says_what_it_asks_of_a_verifier(text: str) -> None:
    bench, strategy = Bench(longwinded(0.2), hashed), parse(text)
    asyncio.run(strategy.run(bench.root, 16, bench.tools()))
    assert strategy.needs_verifier or not bench.verifier.requests
    assert strategy.scores_steps == any(not new.node.ended for new in bench.scores)


def test_pools_need_a_verifier_to_select_by_score_only() -> None:
    pools = [parse(key) for key in KEYS if parse(key).kind == "pool"]
    assert {s.name for s in pools if s.needs_verifier} == {"best_of_n", "weighted"}
    assert not any(s.scores_steps for s in pools)


def test_a_pool_does_not_run() -> None:
    bench = Bench(fixed(1))
    with pytest.raises(RuntimeError, match="majority is a pool"):
        asyncio.run(parse("majority").run(bench.root, 4, bench.tools()))


def test_naming_strategies_and_studies_does_not_import_numba() -> None:
    # vLLM's processes import the program again, and cannot start beside numba.
    code = "import sys, flows.cli.main, tasks.stages; assert 'numba' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
