"""Every strategy in one run through the warehouse.

Each cell is there, within its budget, and the ledger adds up.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from conformance import EXAMPLES
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.strategies import parse
from tasks.study.study import Study
from warehouse.store import Store

BUDGETS = [1, 4, 16]
# Caps on thinking run on a model that thinks: tests/tasks/evaluation/test_thinking_caps.py.
PARSED = [parse(key) for keys in EXAMPLES.values() for key in keys]
STRATEGIES = [strategy.key for strategy in PARSED if strategy.cap is None]


def study(**changes: object) -> Study:
    """Some questions need more tokens than a completion may have: those are cut in the answer."""
    return small_study(
        questions=10,
        budgets=BUDGETS,
        strategies=STRATEGIES,
        revisions={},
        exchange={},
        difficulty_draws=4,
        generator={"max_tokens": 15},
        **changes,
    )


class Kept(ScriptedEngines):
    """Keeps the engines of the last run."""

    last: "Kept"

    def __init__(self, run, seconds=0.0):
        super().__init__(run, seconds)
        Kept.last = self


class Ended(NamedTuple):
    """A run and the same once more, with the engines of each."""

    store: Store
    first: Kept
    second: Kept


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    folder = tmp_path_factory.mktemp("run") / "w"
    engines: list[Kept] = []
    for _ in range(2):
        run_all(folder, study(), engines=Kept)
        engines.append(Kept.last)
    with Store.open(folder) as store:
        yield Ended(store, *engines)


def number(ended: Ended, sql: str) -> int:
    return ended.store.read(f"SELECT count(*) FROM {sql}").item()


def test_every_cell_has_an_outcome_on_every_question(ended: Ended) -> None:
    cells = study().cells()
    found = ended.store.read(
        "SELECT strategy, budget FROM outcomes GROUP BY ALL HAVING count(*) = 2 * 10"
    )
    assert set(found.iter_rows()) == {*cells, *(("pass", budget) for budget in BUDGETS)}
    assert number(ended, "outcomes") == 2 * 10 * (len(cells) + len(BUDGETS))


def test_no_cell_generates_more_than_its_budget_and_only_those_that_stop_less(ended: Ended) -> None:
    assert number(ended, "outcomes WHERE generations > budget OR generations < 1") == 0
    less = (
        ended.store.read("SELECT DISTINCT strategy FROM outcomes WHERE generations < budget")
        .to_series()
        .to_list()
    )
    assert less and all(_may_take_less(key) for key in less)


def _may_take_less(key: str) -> bool:
    """What stops early, asks nobody to choose where answers agree, or passes nothing on."""
    strategy = parse(key)
    return bool(strategy.form.stop or strategy.form.selects or strategy.small)


def test_the_ledger_of_all_roles_is_what_the_engines_counted(ended: Ended) -> None:
    writer, judge = ended.first.writer, ended.first.judge
    drawn = "sum(generated_tokens)::INT, sum(prompt_tokens)::INT, sum(requests)::INT"
    paid = ended.store.read(f"SELECT {drawn} FROM draws").row(0)
    assert paid == (writer.generated_tokens, writer.prompt_tokens, writer.requests)
    read = ended.store.read(
        "SELECT (sum(tokens) FILTER (requests = 1))::INT, sum(requests)::INT FROM scores"
    ).row(0)
    assert read == (judge.read_tokens, judge.requests)
    roles = ended.store.read("SELECT DISTINCT role FROM draws").to_series().to_list()
    assert sorted(roles) == ["difficulty", "lookahead", "proposer", "revision", "selection"]


def test_no_completion_that_was_cut_has_an_answer(ended: Ended) -> None:
    # Each of them was cut inside its answer, so that an answer could be read from it.
    cut = "SELECT node_key FROM draws WHERE stop = 'limit' AND contains(text, 'Answer: ')"
    assert number(ended, f"({cut})") > 50
    assert number(ended, f"answers WHERE answer IS NOT NULL AND node_key IN ({cut})") == 0
    assert number(ended, "answers WHERE answer IS NOT NULL") > 50


def test_truncation_is_reported_for_every_strategy(ended: Ended) -> None:
    shares = dict(
        ended.store.read(
            "SELECT strategy, avg(truncated) FROM outcomes GROUP BY strategy"
        ).iter_rows()
    )
    assert all(0 < shares[key] < 1 for key in STRATEGIES)
    assert number(ended, "outcomes WHERE no_answer < truncated - 1e-9") == 0


def test_the_same_study_again_draws_nothing_and_finds_the_same(ended: Ended) -> None:
    assert ended.second.writer.requests == ended.second.judge.requests == 0
    figures = "accuracy, answer, generated_tokens, prompt_tokens, verifier_tokens"
    columns = f"strategy, budget, question_id, {figures}"
    assert number(ended, f"(SELECT {columns} FROM outcomes GROUP BY ALL HAVING count(*) <> 2)") == 0
