"""Whole runs of what is shown its own completions: outcomes, replay, serving, refusals."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from replays import replay_run
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.models import format_tables
from tasks.models.format_tables import SELECTION, format_table, selection_words
from tasks.models.prompts import words_around
from tasks.runs.loading import identity_of, load_run, prepare_run
from tasks.serving.controller import Controller
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.strategies import parse
from tasks.study.study import Study
from tasks.training.harvest import distill_table
from warehouse.errors import UserError
from warehouse.store import Store

KEYS = ["select(k=4)", "aggregate(k=2,rounds=2)"]
MODEL = "bundled/congruences-generator"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("shown") / "w"
    study = small_study(strategies=["majority", *KEYS], baseline="majority", probe_draws=2)
    return folder, run_all(folder, study)


def policy_of(key: str) -> Policy:
    """A table that names one strategy everywhere, at every budget."""
    row = [PolicyCell(parse(key), n, 0.5, 4) for n in (1, 2, 4, 8) if parse(key).fits(n)]
    return Policy(dict.fromkeys(range(1, 6), row), [cell._replace(accuracy=0.0) for cell in row])


async def serve(home, key: str):
    async with open_solver(*home, engines=ScriptedEngines) as solver:
        one = dataclasses.replace(solver, policy=policy_of(key))
        return [await one.solve(q.text, 8) for q in solver.run.benchmark.questions]


async def replay(home, key: str):
    folder, run_id = home
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        asking, probe = replay_run(store, run), load_probe(store, run_id)
    controller = Controller(asking, policy_of(key), probe)
    return [await controller.solve(question, 8) for question in run.benchmark.questions]


@pytest.mark.parametrize("key", KEYS)
def test_it_is_served_as_it_is_replayed(home, key: str) -> None:
    wanted = asyncio.run(replay(home, key))
    assert asyncio.run(serve(home, key)) == wanted
    assert {solved.strategy for solved in wanted} == {key}
    assert all(solved.answer is not None for solved in wanted)
    # The probe's draws are among those that it begins with: nobody pays for them twice.
    assert all(solved.bin for solved in wanted)
    assert all(2 <= solved.cost.generations <= solved.measured == 4 for solved in wanted)


def test_costs_on_every_axis_are_those_of_the_draws(home) -> None:
    folder, _ = home
    with Store.open(folder) as store:
        rows = store.read(
            "SELECT strategy, budget, min(generations), max(generations), avg(latency_tokens), "
            "avg(generated_tokens), avg(prompt_tokens), max(cached_tokens), min(flops) "
            "FROM outcomes WHERE budget = 8 AND strategy IN ('majority', $select, $aggregate) "
            "GROUP BY ALL ORDER BY strategy",
            select=KEYS[0],
            aggregate=KEYS[1],
        ).rows()
    aggregate, majority, select = rows
    # Two populations follow each other; of six candidates a tournament has two rounds at most.
    assert aggregate[2:4] == (8.0, 8.0) and select[3] == 8.0 and select[2] == 6.0
    assert majority[4] < aggregate[4] and majority[4] < select[4]
    assert select[5] < majority[5]
    # Prompts are charged in full.
    assert majority[6] < select[6] and majority[6] < aggregate[6]
    assert aggregate[7] == select[7] == 0 and all(row[8] > 0 for row in rows)


def test_the_ledger_has_a_role_for_choices(home) -> None:
    folder, run_id = home
    with Store.open(folder) as store:
        roles = dict(
            store.read(
                "SELECT role, draws FROM cost_by_role WHERE run_id = $run", run=run_id
            ).iter_rows()
        )
        read = store.read(
            "SELECT count(*) FROM verdict_counts WHERE role = 'selection' AND run_id = $run",
            run=run_id,
        ).item()
        whole = store.read(
            "SELECT count(*) FROM question_draws WHERE role = 'selection' AND whole "
            "AND run_id = $run",
            run=run_id,
        ).item()
    assert roles["selection"] > 0 and roles["revision"] > 0
    # A choice is no completion of the question: nobody reads an answer in it.
    assert read == whole == 0


def study(**changes: object) -> Study:
    return small_study(**{"strategies": ["majority", *KEYS], "baseline": "majority"} | changes)


@pytest.mark.parametrize("key", ["select(k=8)", "aggregate(k=5,rounds=2)"])
def test_words_that_the_tokenizer_lacks_are_refused(key: str) -> None:
    # The bundled models have tokens for five attempts.
    with pytest.raises(UserError, match=r"tokenizer writes .*Attempt 6.*show it fewer") as raised:
        prepare_run(study(strategies=["majority", key], budgets=[1, 16]), MODEL, run_id="")
    assert "selection and revision in a table of your own" in str(raised.value)


@pytest.mark.parametrize(("keys", "other"), [(KEYS, True), (KEYS[1:], False)])
def test_other_words_are_another_run_on_the_same_draws(
    monkeypatch: pytest.MonkeyPatch, keys: list[str], other: bool
) -> None:
    asked = study(strategies=["majority", *keys])
    usual = prepare_run(asked, MODEL, run_id="")
    identity = identity_of(usual)
    words = {"selection": "{question}Verified: {attempts}"}
    tables = {"congruences": {**format_table("congruences"), **SELECTION, **words}}
    monkeypatch.setattr(format_tables, "_known_tables", lambda: tables)
    changed = prepare_run(asked, MODEL, run_id="")
    assert usual.generator.fingerprint == changed.generator.fingerprint
    # Whoever asks nobody to choose goes on with his run.
    assert (identity != identity_of(changed)) == other


def test_what_a_model_is_shown_must_fit_its_context() -> None:
    # 8 candidates and what it writes about them.
    crowded = study(
        strategies=["majority", "aggregate(k=4,rounds=2)"],
        generator={"max_tokens": 60},
        engine={"max_model_len": 300},
    )
    with pytest.raises(UserError, match=r"earlier attempts included"):
        prepare_run(crowded, MODEL, run_id="")
    plain = dataclasses.replace(crowded, strategies=("majority",))
    assert prepare_run(plain, MODEL, run_id="")


@pytest.mark.parametrize("name", ["congruences", "congruences-thinking", "chat", "think-math"])
def test_every_format_has_words_for_both(name: str) -> None:
    table = {**format_table(name), **selection_words(name)}
    for selecting in (True, False):
        assert words_around(table, 2, selecting=selecting).count("Attempt") >= 2


@pytest.mark.parametrize("key", KEYS)
def test_what_was_written_in_sight_of_others_is_not_learnt(key: str) -> None:
    asked = {"questions": 10, "strategies": [key], "budget": 8, "least_score": 0.5}
    with pytest.raises(UserError, match="must be searches or plain pools"):
        distill_table(small_study(distill=asked))
