"""What a study with a cascade lacks is said in a sentence, before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from two_models import LARGE, SMALL, study

from tasks.runs.loading import prepare_run
from warehouse.errors import UserError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exchange": None}, r"cascade\(k=2,agree=1.0\) needs a larger model, got none; add e.g."),
        (
            {"prices": {SMALL: {"generated": 1.0}}},
            r"expected a price of the larger model 'bundled/congruences-large' beside those of "
            r"bundled/congruences-generator for cascade.*, got none; add it to \[prices\]",
        ),
        ({"budgets": [1, 2]}, r"cascade\(k=2,agree=1.0\) needs a budget of at least 3"),
        ({"strategies": ["majority", "cascade(k=2)"]}, "expected k and agree"),
        ({"strategies": ["majority", "cascade(k=2,agree=0)"]}, "agree must be above 0 and up to 1"),
        ({"strategies": ["majority", "cascade(k=2,agree=1.5)"]}, "above 0 and up to 1"),
        ({"strategies": ["majority", "larger(k=2)"]}, "larger takes no options"),
    ],
)
def test_what_a_cascade_lacks_is_said_before_anything_runs(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        study(**changes)


@pytest.mark.parametrize(
    ("model", "larger", "message"),
    [
        (LARGE, LARGE, "another model than bundled/congruences-large .*, got the same; name a"),
        (LARGE, SMALL, r"at least as large as bundled/congruences-large \(7008384 .*got 492416"),
    ],
)
def test_a_model_that_is_no_larger_one_is_refused(model: str, larger: str, message: str) -> None:
    asked = study(exchange={"model": larger}, generator={"models": [model]}, prices={})
    with pytest.raises(UserError, match=message):
        prepare_run(asked, model, run_id="")


def test_without_a_cascade_the_larger_model_is_no_part_of_a_run() -> None:
    plain = study(strategies=["majority"], prices={})
    run = prepare_run(plain, SMALL, run_id="")
    assert run.larger is None
    assert run.writers == [run.generator]
