"""The fit stage on whole runs: what it takes from the night before, and what difficulty costs."""

from pathlib import Path

import polars as pl
import pytest
from scripted_runs import run_all, small_study

from tasks.evaluation.fit_policy import estimation
from warehouse.store import Store

CELL = ["difficulty", "bin", "budget"]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Three nights of one study: the second draws anew, the third has the second's draws again."""
    folder = tmp_path_factory.mktemp("nights") / "warehouse"
    studies = [small_study(), small_study(replicate=1), small_study(replicate=1)]
    return folder, [run_all(folder, study) for study in studies]


def table(store: Store, run_id: str) -> pl.DataFrame:
    return store.read(
        "SELECT * EXCLUDE (run_id) FROM policies WHERE run_id = $run_id "
        "ORDER BY difficulty, bin, budget",
        run_id=run_id,
    )


def test_a_night_keeps_the_last_ones_strategies_unless_beaten(
    nights: tuple[Path, list[str]],
) -> None:
    folder, (first, second, _) = nights
    with Store.open(folder) as store:
        before, now = table(store, first), table(store, second)
    assert before["unheld"].null_count() == len(before)  # nothing to hold on to
    held = now.filter(pl.col("unheld").is_not_null()).join(before, on=CELL, suffix="_before")
    assert len(held) > 0
    assert (held["strategy"] == held["strategy_before"]).all()
    assert (held["strategy"] != held["unheld"]).all()


def test_the_same_night_again_changes_nothing(nights: tuple[Path, list[str]]) -> None:
    folder, (_, second, third) = nights
    with Store.open(folder) as store:
        assert table(store, second).equals(table(store, third))


def test_the_net_factor_counts_the_draws_that_the_probe_reads_and_a_pool_none_of_them() -> None:
    study = small_study(probe_draws=4, difficulty_draws=3)
    price = estimation(study, "probe")
    # A probe reads no more than difficulty draws: 3 beside a search, none beside a pool of 4.
    assert price.generations("rebase/weighted", 4) == 7
    assert [price.generations("majority", n) for n in (1, 2, 4)] == [3, 3, 4]


def test_every_difficulty_that_has_bins_has_a_policy_and_its_cost(
    nights: tuple[Path, list[str]],
) -> None:
    folder, (first, *_) = nights
    with Store.open(folder) as store:
        binned = store.read(
            "SELECT DISTINCT difficulty FROM bins WHERE run_id = $r ORDER BY ALL", r=first
        )
        curves = store.read(
            "SELECT difficulty, budget, generations FROM curves WHERE run_id = $r ORDER BY ALL",
            r=first,
        )
        assert binned["difficulty"].to_list() == curves["difficulty"].unique().sort().to_list()
        assert (
            binned["difficulty"].to_list()
            == table(store, first)["difficulty"].unique().sort().to_list()
        )
    generations = dict(curves.group_by("difficulty", maintain_order=True).agg("generations").rows())
    assert (
        generations["oracle"] == generations["predicted"] == [9.0, 10.0, 12.0, 16.0]
    )  # 8 draws beside 1, 2, 4, 8
    if "probe" in generations:  # its 4 draws are the first of a pool's, and beside a search's
        assert all(
            max(n, 4) <= g <= n + 4 for n, g in zip((1, 2, 4, 8), generations["probe"], strict=True)
        )
