"""How long steps are, and which limits they met; the small run has 80 completions of two steps."""

import pytest
from small_draws import QUESTIONS, STEPWISE, draw_row, key
from small_run import BEAM, BUDGETS, fill, frame

from warehouse.store import Store

STEPS = "SELECT * EXCLUDE (run_id) FROM run_steps WHERE run_id = 'run-a'"


def cut_step(child: int, stop: str, tokens: int) -> dict[str, object]:
    node = key("cut", child)
    return draw_row(
        "run-a",
        1,
        "q0",
        prefix_key=key("root", "q0"),
        sampling_key=STEPWISE,
        replicate=0,
        role="proposer",
        child=child,
        node_key=node,
        step_keys=[node],
        depth=7,
        text="I go on",
        stop=stop,
    ) | {"longest_step": tokens}


def test_steps_are_counted_by_run(small: Store) -> None:
    # Two first steps and an end are drawn step by step; the beam has cells at all its budgets.
    (row,) = small.read(STEPS).to_dicts()
    searches = len(QUESTIONS) * len(BUDGETS)
    assert row == {
        "completions": 80,
        "mean_steps": 2.0,
        "most_steps": 2,
        "longest_step": 2,
        "step_draws": 3,
        "cut_steps": 0,
        "searches": searches,
        "out_of_rounds": 0,
    }


def test_steps_that_are_cut_and_the_longest_are_told(store: Store) -> None:
    fill(store)
    rows = [cut_step(2, "limit", 40), cut_step(3, "step", 17), cut_step(4, "limit", 40)]
    store.append("draws", frame("draws", rows))
    (row,) = store.read(STEPS).to_dicts()
    assert (row["step_draws"], row["cut_steps"]) == (6, 2)
    assert (row["longest_step"], row["most_steps"]) == (40, 8)


def test_a_search_that_ended_with_its_rounds_is_counted_and_its_share_shown(small: Store) -> None:
    found = small.read(
        f"SELECT avg(out_of_rounds) FROM accuracy WHERE run_id = 'run-a' AND strategy = '{BEAM}'"
    )
    assert found.item() == pytest.approx(0.0)
    # What has no rounds is unknown, not never.
    pools = small.read("SELECT out_of_rounds FROM accuracy WHERE strategy = 'majority'")
    assert pools["out_of_rounds"].null_count() == len(pools) > 0
