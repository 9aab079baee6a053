"""Caps on the thinking of the bundled model that thinks, drawn by the real engine (METHOD §12)."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from replays import replay_run

from tasks.asking.capped import look_again
from tasks.draws.nodes import Node
from tasks.evaluation import generate, measure
from tasks.models.formats import Format
from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.settings import ROOT
from tasks.strategies import parse
from tasks.study.study import study_from
from warehouse.store import Store

pytestmark = pytest.mark.slow

STUDY = tomllib.loads((ROOT / "infra/studies/thinking.toml").read_text(encoding="utf-8"))
KEYS = [key for key in STUDY["strategies"] if key.startswith("think(")]
SHORTEST, LARGEST = KEYS[0], KEYS[-1]
POOL = 4
QUESTIONS = 20
SHORT: dict[str, Any] = {
    "questions": QUESTIONS,
    "budgets": [1, 2, POOL],
    "strategies": ["majority", *KEYS],
    "difficulty_draws": 2,
    "verifier": None,
}


class Seen(NamedTuple):
    """The ready study on few questions, and the completions of every cap."""

    store: Store
    run_id: str
    form: Format
    completions: dict[str, list[Node]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder: Path = tmp_path_factory.mktemp("thinks") / "warehouse"
    study = study_from(STUDY | SHORT | {"name": "thinking"})
    with Store.open(folder) as store:
        run_id = open_run(store, study, study.generator.models[0])
    generate.run(folder, run_id)
    measure.run(folder, run_id)
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        asking = replay_run(store, run)

        async def read(key: str) -> list[Node]:
            pool = parse(key).pool
            drawn = [await asking.first(one, pool, POOL) for one in run.benchmark.questions]
            return [node for nodes in drawn for node in nodes]

        completions = {key: asyncio.run(read(key)) for key in KEYS}
        yield Seen(store, run_id, run.format, completions)


def cells(seen: Seen, budget: int) -> pl.DataFrame:
    """Every strategy at one width, over all questions."""
    return seen.store.read(
        "SELECT strategy, avg(accuracy) AS accuracy, sum(forced_ends) AS forced, "
        "sum(generated_tokens) AS tokens FROM run_outcomes "
        "WHERE run_id = $run_id AND budget = $budget GROUP BY strategy",
        run_id=seen.run_id,
        budget=budget,
    )


def of_caps(seen: Seen, column: str, budget: int) -> list[float]:
    values = dict(cells(seen, budget).select("strategy", column).iter_rows())
    return [values[key] for key in KEYS]


def thought(form: Format, node: Node) -> float:
    """Tokens of a completion's thinking, what was written in the model's place left out."""
    parent = node.parent
    assert parent is not None
    if look_again(node, form.thinking).forced:
        # All that is read as the answer was drawn behind the cut.
        final = form.final(node.text)
        assert final is None or node.text == parent.text.rstrip("\n") + final
        return parent.generated_tokens
    written = form.steps.writing.of(node.read_ids, start=False)
    own = int(node.generated_tokens - parent.generated_tokens)
    share = form.thinking.share(written, (), before=parent.text, generated=own)
    assert share is not None and share.tokens is not None
    return share.tokens


def test_the_longer_it_may_think_the_more_often_it_is_right(seen: Seen) -> None:
    # 80 draws a cap: at a rate of one half the standard error is .06, but caps share their draws.
    figures = of_caps(seen, "accuracy", 1)
    assert figures[0] < 0.6
    assert figures[-1] > 0.8
    for shorter, longer in pairwise(figures):
        assert longer > shorter - 0.05
    # The first steps buy far more than the last.
    assert figures[2] - figures[0] > 4 * (figures[-1] - figures[-3])


def test_nobody_thinks_longer_than_the_cap(seen: Seen) -> None:
    for key, nodes in seen.completions.items():
        cap = parse(key).cap
        assert cap
        assert len(nodes) == QUESTIONS * POOL
        assert max(thought(seen.form, node) for node in nodes) <= cap.tokens
        assert max(node.generated_tokens for node in nodes) <= cap.limit


def test_every_forced_end_is_counted(seen: Seen) -> None:
    forced = of_caps(seen, "forced", POOL)
    for key, share in zip(KEYS, forced, strict=True):
        cut = [look_again(node, seen.form.thinking).forced for node in seen.completions[key]]
        assert share * POOL == pytest.approx(sum(cut))
    assert forced == sorted(forced, reverse=True)
    assert forced[0] > 0.5 * QUESTIONS
    assert forced[-1] < 0.1 * QUESTIONS


def test_all_caps_together_cost_little_more_than_the_largest(seen: Seen) -> None:
    ledger = seen.store.read(
        "SELECT role, generated_tokens, thinking_tokens, answer_tokens FROM cost_by_role "
        "WHERE run_id = $run_id",
        run_id=seen.run_id,
    )
    roles = {role: tokens for role, *tokens in ledger.iter_rows()}
    assert set(roles) == {"proposer", "difficulty", "answer"}
    together = roles["proposer"][0] + roles["answer"][0]
    alone = of_caps(seen, "tokens", POOL)
    assert alone[-1] < together <= 1.25 * alone[-1]
    # An answer that thinks again is cut there, but was paid for.
    assert roles["answer"][1] < 0.01 * roles["answer"][0]
    assert all(thinking + answer == all_ for all_, thinking, answer in roles.values())
