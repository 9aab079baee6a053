"""What an outcome costs on every axis, worked out by hand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from tasks.asking.costs import NO_RATES, Rate, Spent, costs
from tasks.models.version import Model
from tasks.study.endpoints import Price
from warehouse.errors import UserError

WRITER = Model("writer", Path("w"), "w" * 16, parameters=1000, context=None)
JUDGE = Model("judge", Path("j"), "j" * 16, parameters=500, context=None)
SPENT = Spent(generated=2000, prompt=600, verifier=3000, cached=400, latency=700)
RATES = {
    WRITER.fingerprint: Rate(Price(prompt=3.0, generated=15.0, cached=0.5), 0.01, 0.02),
    JUDGE.fingerprint: Rate(Price(prompt=1.0), 0.002, None),
}


def test_every_cost_by_hand() -> None:
    found = costs(WRITER, JUDGE, 4, SPENT, RATES)
    assert found == {
        "generations": 4,
        "generated_tokens": 2000,
        "prompt_tokens": 600,
        "cached_tokens": 400,
        "verifier_tokens": 3000,
        "latency_tokens": 700,
        # 2 · 1000 · (2000 + 600 − 400) + 2 · 500 · 3000
        "flops": 4_400_000 + 3_000_000,
        # (200 · 3 + 400 · 0.5 + 2000 · 15 + 3000 · 1) / 10⁶
        "money": pytest.approx(0.0338),
        # 2000 · 0.01 + 3000 · 0.002
        "engine_seconds": pytest.approx(26.0),
        # 700 · 0.02: a verifier reads, and is not waited for
        "latency_seconds": pytest.approx(14.0),
    }


def test_cached_tokens_cost_the_full_price_where_the_study_names_no_other() -> None:
    rates = RATES | {WRITER.fingerprint: Rate(Price(prompt=3.0, generated=15.0))}
    # (600 · 3 + 2000 · 15 + 3000) / 10⁶
    assert costs(WRITER, JUDGE, 4, SPENT, rates)["money"] == pytest.approx(0.0348)


@pytest.mark.parametrize("unknown", [WRITER, JUDGE])
def test_money_is_unknown_where_one_of_those_asked_has_no_price(unknown: Model) -> None:
    rates = RATES | {unknown.fingerprint: Rate()}
    assert math.isnan(costs(WRITER, JUDGE, 4, SPENT, rates)["money"])
    assert math.isnan(costs(WRITER, JUDGE, 4, SPENT, NO_RATES)["money"])


def test_a_verifier_that_is_not_asked_needs_no_price() -> None:
    rates = {WRITER.fingerprint: RATES[WRITER.fingerprint]}
    alone = SPENT._replace(verifier=0)
    assert costs(WRITER, JUDGE, 4, alone, rates)["money"] == pytest.approx(0.0308)
    assert costs(WRITER, None, 4, alone, rates)["money"] == pytest.approx(0.0308)


def test_tokens_that_nobody_told_make_all_unknown_that_rests_on_them() -> None:
    found = costs(WRITER, JUDGE, 4, SPENT._replace(generated=math.nan), RATES)
    unknown = {name for name, value in found.items() if math.isnan(value)}
    assert unknown == {"generated_tokens", "flops", "money", "engine_seconds"}


def test_a_share_has_no_latency_of_its_own() -> None:
    half = SPENT.share(0.5)
    assert half[:4] == (1000, 300, 1500, 200)
    assert math.isnan(half.latency)


@pytest.mark.parametrize("price", [-1.0, math.inf, math.nan])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(UserError, match="expected generated of a price to be 0 or more"):
        Price(generated=price)
    assert dataclasses.replace(Price(prompt=2.0), cached=0.0).of_cached == 0.0
