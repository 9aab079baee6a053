"""Caps on thinking, from draws to a policy, with a scripted engine that thinks (METHOD §12)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pondering import ANSWER, CAPS, KEYS, POOL, QUESTIONS, Pondering, study_of
from replays import replay_run
from scripted_runs import run_all, small_study

from tasks.asking.plan import plan
from tasks.evaluation.forecast import forecast
from tasks.runs.loading import load_run, prepare_run
from tasks.strategies import parse
from warehouse.errors import UserError
from warehouse.store import Store

LARGEST = KEYS[-1]
FURTHER = f"think(cap=40,answer={ANSWER})/majority"


class Seen(NamedTuple):
    """A run with caps, then the same study with one more."""

    store: Store
    run_id: str
    further: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("caps")
    study = study_of(folder)
    run_id = run_all(folder / "state", study, engines=Pondering)
    more = dataclasses.replace(study, strategies=(*study.strategies, FURTHER))
    further = run_all(folder / "state", more, engines=Pondering)
    with Store.open(folder / "state") as store:
        yield Seen(store, run_id, further)


def cells(store: Store, run_id: str, columns: str, budget: int = POOL) -> dict[str, tuple]:
    rows = store.read(
        f"SELECT strategy, {columns} FROM outcomes WHERE run_id = $run_id AND budget = $budget "
        "GROUP BY strategy",
        run_id=run_id,
        budget=budget,
    )
    return {key: tuple(values) for key, *values in rows.iter_rows()}


def test_every_trace_is_drawn_once_and_every_cap_adds_its_answers(seen: Seen) -> None:
    store, run_id, _ = seen
    counts = store.read(
        "SELECT role, count(*)::INT FROM draws WHERE run_id = $run_id GROUP BY role",
        run_id=run_id,
    )
    drawn = dict(counts.iter_rows())
    forced = cells(store, run_id, f"sum(forced_ends * {POOL})::INT")
    assert drawn["proposer"] == QUESTIONS * POOL
    assert drawn["answer"] == sum(forced[key][0] for key in KEYS)
    # Nothing is thought in no tokens, and few think to the end of the largest cap.
    assert forced[KEYS[0]][0] == QUESTIONS * POOL
    shares = [forced[key][0] for key in KEYS]
    assert shares == sorted(shares, reverse=True) and shares[-1] < shares[1]
    assert forced["majority"] == (None,)


def test_nobody_thinks_longer_than_the_cap(seen: Seen) -> None:
    store, run_id, _ = seen
    run = load_run(store, run_id)
    answers = store.read("SELECT prefix_key, thinking_tokens FROM draws WHERE role = 'answer'")
    assert set(answers["thinking_tokens"]) == {0}
    for cap in CAPS:
        most = cells(store, run_id, f"max(generated_tokens / {POOL})")
        assert most[f"think(cap={cap},answer={ANSWER})/majority"][0] <= cap + ANSWER
    owed = plan(run)
    assert [arm.pool.cap.tokens for arm in owed.arms if arm.pool.cap] == list(CAPS)


async def test_a_cell_costs_its_own_completions_alone(seen: Seen) -> None:
    store, run_id, _ = seen
    run = load_run(store, run_id)
    asking = replay_run(store, run)
    question = run.benchmark.questions[3]
    prompt = len(run.format.prompt(question))
    rows = store.read(
        "SELECT strategy, generated_tokens, prompt_tokens, cached_tokens FROM outcomes "
        "WHERE question_id = $id AND budget = $budget",
        id=question.question_id,
        budget=POOL,
    )
    found = {key: figures for key, *figures in rows.iter_rows()}
    end = len(run.format.tokenizer.encode("</think>\n"))
    for key in KEYS:
        cap = parse(key).cap
        assert cap
        nodes = await asking.first(question, parse(key).pool, POOL)
        traces = await asking.pool(question)
        generated = read = new = 0
        for trace, node in zip(traces, nodes, strict=True):
            generated += int(node.generated_tokens)
            if node == trace:
                continue
            thought = int(node.parent.generated_tokens)
            assert list(node.token_ids[: prompt + thought]) == list(
                trace.token_ids[: prompt + thought]
            )
            # Where it is cut before it thinks, its beginning is written too.
            given = end if cap.tokens else node.parent.given
            read += prompt + thought + given
            new += given
        assert found[key] == pytest.approx([generated, prompt + read, read - new])


def test_all_caps_cost_little_more_than_the_largest(seen: Seen) -> None:
    store, run_id, _ = seen
    ledger = store.read(
        "SELECT sum(generated_tokens)::INT FROM cost_by_role "
        "WHERE run_id = $run_id AND role IN ('proposer', 'answer')",
        run_id=run_id,
    ).item()
    alone = cells(store, run_id, "sum(generated_tokens)")
    # A cap of no tokens is all answers, one for every trace.
    assert ledger - alone[KEYS[0]][0] <= 1.25 * alone[LARGEST][0]
    assert ledger < sum(alone[key][0] for key in KEYS)


def test_longer_thinking_is_better_where_it_is(seen: Seen) -> None:
    store, run_id, _ = seen
    accuracy = cells(store, run_id, "avg(accuracy)", budget=1)
    figures = [accuracy[key][0] for key in KEYS]
    assert figures[0] < 0.2 < figures[-1]
    assert figures == sorted(figures)
    # What no trace outlasts is the pool itself.
    (rate,) = cells(store, run_id, "avg(forced_ends)")[LARGEST]
    assert rate < 0.4


def test_the_view_has_the_rates(seen: Seen) -> None:
    store, run_id, _ = seen
    rows = store.read(
        "SELECT strategy, forced_ends, truncated FROM accuracy "
        "WHERE run_id = $run_id AND difficulty = 'all' AND budget = 1 AND strategy <> 'pass'",
        run_id=run_id,
    )
    rates = {key: (forced, cut) for key, forced, cut in rows.iter_rows()}
    assert rates["majority"][0] is None
    assert rates[KEYS[0]] == (1.0, 0.0)
    assert rates["majority"][1] > rates[LARGEST][1]
    (trouble,) = store.read(
        "SELECT ungraded, missing FROM trouble WHERE run_id = $run_id", run_id=run_id
    ).iter_rows()
    assert trouble == (0, 0)


def test_a_further_cap_draws_its_answers_alone(seen: Seen) -> None:
    counts = seen.store.read(
        "SELECT role, count(*)::INT FROM draws WHERE run_id = $run_id GROUP BY role",
        run_id=seen.further,
    )
    forced = cells(seen.store, seen.further, f"sum(forced_ends * {POOL})::INT")
    assert dict(counts.iter_rows()) == {"answer": forced[FURTHER][0]}
    # What was there before is as it was.
    columns = "avg(accuracy), sum(generated_tokens), sum(prompt_tokens)"
    before = cells(seen.store, seen.run_id, columns)
    after = cells(seen.store, seen.further, columns)
    assert before == {key: after[key] for key in before}


def test_a_forecast_counts_traces_once(seen: Seen) -> None:
    store, run_id, _ = seen
    study = load_run(store, run_id).study
    model = study.generator.models[0]
    there = forecast(store, study, model)
    assert (there.seen, there.tokens) == (QUESTIONS, 0.0)
    assert there.draws == QUESTIONS * (POOL + 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategies": ["majority", "think(cap=121,answer=12)"]}, "max_tokens of at least 133"),
        ({"strategies": ["majority", "think(cap=1000)"]}, "max_tokens of at least 1512"),
    ],
)
def test_a_cap_that_the_traces_do_not_reach_is_refused(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    study = study_of(tmp_path, **changes)
    with pytest.raises(UserError, match=words):
        prepare_run(study, study.generator.models[0], run_id="")


def test_a_format_that_does_not_think_is_refused() -> None:
    study = small_study(strategies=["majority", "think(cap=8,answer=8)"], baseline="majority")
    with pytest.raises(UserError, match=r"models think first for think.*got 'congruences'"):
        prepare_run(study, study.generator.models[0], run_id="")
