"""The policy against a larger model: k by hand, paired differences, the stage when scripted."""

import math

import numpy as np
import polars as pl
import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import exchange
from tasks.evaluation.exchange import _trained_on
from tasks.models.version import Model
from tasks.statistics.cascade.exchange import Rate, compare_at_flops, rate_of_ratio, rate_of_tokens
from warehouse.errors import UserError
from warehouse.store import Store

LARGER = {"exchange": {"model": "bundled/congruences-generator-half", "ratios": [0.16, 22.0]}}
"""As large as the study's own model (M = 1), so that k = 1 whatever the ratio."""


def outcomes_of(
    accuracy: dict[str, list[float]], budgets: tuple[int, ...] = (1, 16)
) -> pl.DataFrame:
    """The same accuracy of each question at every budget, under each strategy."""
    return pl.DataFrame(
        [
            {
                "question_id": f"q{i:03}",
                "strategy": strategy,
                "budget": budget,
                "accuracy": value,
                "flops": 1.0,
            }
            for strategy, values in accuracy.items()
            for i, value in enumerate(values)
            for budget in budgets
        ]
    )


def single_of(large: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"question_id": [f"q{i:03}" for i in range(len(large))], "large": large, "alone": large}
    )


def binned(count: int, bins: int = 2) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "question_id": [f"q{i:03}" for i in range(count)],
            "bin": [1 + i * bins // count for i in range(count)],
        }
    )


def compared(outcomes: pl.DataFrame, large: list[float], rates: list[Rate]) -> pl.DataFrame:
    return compare_at_flops(
        outcomes, binned(len(large)), single_of(large), rates=rates, costs_order=("flops",)
    )


@pytest.mark.parametrize(("ratio", "multiple"), [(0.16, 257.75), (0.79, 63.367), (22, 15.773)])
def test_the_multiples_of_the_paper_come_out(ratio: float, multiple: float) -> None:
    # 14 + 3 · 13 / R, METHOD §8.
    assert rate_of_ratio(14, ratio).multiple == pytest.approx(multiple, abs=0.01)


def test_equal_training_gives_the_same_multiple_from_tokens_as_from_their_ratio() -> None:
    by_tokens = rate_of_tokens(14, small=1e6, large=1e6, inference=1.6e5)
    assert by_tokens.ratio == pytest.approx(0.16)
    assert by_tokens.multiple == pytest.approx(rate_of_ratio(14, 0.16).multiple)


def test_a_larger_model_trained_twice_as_long_is_worth_more_generations() -> None:
    # M = 2, D_small = 100, D_large = 200, D_inference = 30:
    # 6·P·(400 − 100) + 2·P·2·30 = 2·P·30·k, so k = 32.
    assert rate_of_tokens(2, small=100, large=200, inference=30).multiple == pytest.approx(32)


def test_a_larger_model_that_cost_less_altogether_leaves_one_generation() -> None:
    assert rate_of_tokens(1, small=1e9, large=1, inference=10).multiple == 1


def test_the_policy_is_compared_at_the_largest_budget_that_the_flops_buy() -> None:
    frame = compared(
        outcomes_of({"weighted": [1.0] * 20}),
        [0.0] * 20,
        [Rate("study", 1, 15.9), Rate("study", 2, 16)],
    )
    assert frame.filter(bin=0)["budget"].to_list() == [1, 16]


def test_small_minus_large_is_paired_by_bin_and_over_all() -> None:
    # Bin 1 (q0 … q19): small 1, large 1 in half of them; bin 2: small 0.25, large always right.
    small = [1.0] * 20 + [0.25] * 20
    large = [1.0, 0.0] * 10 + [1.0] * 20
    rows = {
        r["bin"]: r
        for r in compared(outcomes_of({"weighted": small}), large, [Rate("study", 1, 1)]).to_dicts()
    }
    assert [rows[b]["difference"] for b in (0, 1, 2)] == pytest.approx([0.625 - 0.75, 0.5, -0.75])
    assert rows[1]["lo"] > 0.2 and rows[2]["hi"] == pytest.approx(-0.75)
    assert rows[1]["relative"] == pytest.approx(1.0) and rows[2]["relative"] == pytest.approx(-0.75)


def test_a_larger_model_that_is_never_right_has_no_relative_difference() -> None:
    frame = compared(outcomes_of({"weighted": [0.5] * 20}), [0.0] * 20, [Rate("study", 1, 1)])
    assert frame["relative"].null_count() == frame.height
    assert frame["difference"].to_list() == pytest.approx([0.5] * 3)


def test_choosing_among_strategies_that_are_noise_earns_nothing() -> None:
    # Forty coin-flip strategies: in-sample the best of them would be far above 0.5,
    # cross-validated it is not.
    rng = np.random.default_rng(0)
    outcomes = outcomes_of(
        {f"s{i:02}": list(rng.integers(0, 2, 200).astype(float)) for i in range(40)}, (1,)
    )
    row = compared(outcomes, [0.5] * 200, [Rate("study", 1, 1)]).filter(bin=0).to_dicts()[0]
    assert abs(row["difference"]) < 0.1 and row["lo"] < 0 < row["hi"]


def test_nothing_is_ahead_of_a_larger_model_that_is_always_right() -> None:
    # In some resamples another strategy is chosen, whose curve lies lower: the others must not
    # move above 1 for it.
    rng = np.random.default_rng(0)
    for _ in range(10):
        names = {f"s{i}": list((rng.random(40) < 0.9).astype(float)) for i in range(4)}
        frame = compared(outcomes_of(names), [1.0] * 40, [Rate("study", 1, 16)])
        assert frame["hi"].max() <= 1e-12 and frame["lo"].min() < 0


class Counted(ScriptedEngines):
    """Keeps the engines of the last run."""

    last: "Counted"

    def __init__(self, run) -> None:
        super().__init__(run)
        Counted.last = self


def test_the_stage_asks_the_larger_model_once_a_question_and_never_again(tmp_path) -> None:
    run_id = run_all(tmp_path / "w", small_study(**LARGER))
    new = exchange.run(tmp_path / "w", run_id, engines=Counted)
    assert Counted.last.writer.requests == 20 and Counted.last.judge.requests == 0
    assert (
        exchange.run(tmp_path / "w", run_id, engines=Counted) == 0
        and Counted.last.writer.requests == 0
    )
    with Store.open(tmp_path / "w") as store:
        drawn = store.read(
            "SELECT role, count(*), any_value(sampling_key) FROM draws "
            "WHERE run_id = $r AND role = 'exchange' GROUP BY role",
            r=run_id,
        ).row(0)
        rows = store.read(
            "SELECT difficulty, source, count(*) AS n FROM exchange_by_bin GROUP BY ALL"
        )
        known = store.read("SELECT count(*) FROM model_versions WHERE model LIKE '%half'").item()
    assert drawn == ("exchange", 20, "T=0,p=1,k=0,max=128,until=end") and known == 1
    assert new == rows["n"].sum() and set(rows["source"]) == {"study", "cards"}
    assert rows.filter(source="study")["n"].to_list() == [12] * rows["difficulty"].n_unique()


def test_the_larger_models_accuracy_is_the_mean_of_its_graded_completions(tmp_path) -> None:
    run_id = run_all(tmp_path / "w", small_study(**LARGER))
    exchange.run(tmp_path / "w", run_id, engines=ScriptedEngines)
    with Store.open(tmp_path / "w") as store:
        large, whole = store.read(
            "SELECT any_value(large), any_value(questions) FROM exchanges WHERE bin = 0"
        ).row(0)
        right = store.read(
            "SELECT count(*) FILTER (verdict = 'correct') FROM draws "
            "JOIN answers USING (benchmark_fingerprint, question_id, node_key) "
            "JOIN verdicts USING (benchmark_fingerprint, question_id, canonical, grader) "
            "WHERE role = 'exchange'"
        ).item()
    assert whole == 20 and math.isclose(large, right / 20)


def test_a_study_without_a_larger_model_is_told_so(tmp_path) -> None:
    run_id = run_all(tmp_path / "w", small_study())
    with pytest.raises(UserError, match=r"expected a table \[exchange\]"):
        exchange.run(tmp_path / "w", run_id, engines=ScriptedEngines)


def test_a_model_that_began_smaller_counts_its_training_flops_as_tokens_of_its_own_size(
    tmp_path,
) -> None:
    # 6 FLOPs a parameter and token: 100 parameters and 600,000 FLOPs are 1,000 tokens, however many
    # it saw.
    model = Model("folder", tmp_path, "f", 100, 1024)
    assert _trained_on(model) is None
    (tmp_path / "card.json").write_text('{"tokens_seen": 7}')
    assert _trained_on(model) == 7
    (tmp_path / "card.json").write_text('{"tokens_seen": 7, "training_flops": 600000.0}')
    assert _trained_on(model) == 1000
