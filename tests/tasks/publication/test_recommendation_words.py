"""What is recommended is said in the same words by everything that shows a policy (METHOD §14)."""

from __future__ import annotations

import io
import json
from html import unescape
from types import SimpleNamespace

import pandas as pd
import polars as pl
import pytest
from rich.console import Console
from summaries import BUDGETS, summary_of

from tasks.publication.first_lines import first_lines
from tasks.publication.policy_table import policy_text
from tasks.publication.recommendation import recommendation_lines, recommendation_text
from tasks.publication.report import html
from tasks.publication.summary import RunSummary
from tasks.tracking.entries import publication_of
from tasks.tracking.policy_model import RegisteredPolicy


def surfaces(summary: RunSummary) -> dict[str, str]:
    """Text of each, wrapped lines joined."""
    out = io.StringIO()
    Console(file=out, width=100, color_system=None).print(policy_text(summary))
    publication = publication_of(summary)
    texts = {
        "terminal": out.getvalue(),
        "report": unescape(html(summary)),
        "first screen": publication.first_screen.above,
        "registered policy": "\n".join(publication.policy["recommendations"]),
    }
    return {place: " ".join(text.split()) for place, text in texts.items()}


def test_every_surface_says_it_in_the_same_words_at_every_budget() -> None:
    summary = summary_of()
    lines = recommendation_lines(summary)
    assert len(lines) == len(BUDGETS)
    for place, text in surfaces(summary).items():
        for line in lines:
            assert line in text, place
    # The fourth line begins as the sentence of the usual budget does.
    beginning = lines[-1].partition(",")[0]
    assert first_lines(summary)[-1].startswith(f"{beginning} (")


def test_a_run_from_before_it_was_decided_says_nothing() -> None:
    summary = summary_of()
    before = summary.curve.with_columns(
        fixed=pl.lit(None, pl.String), adapts=pl.lit(None, pl.Boolean)
    )
    for place, text in surfaces(summary._replace(curve=before)).items():
        assert "Recommended" not in text, place


ROW = {"budget": 16, "fixed": "beam", "ahead": 0.02, "ahead_lo": 0.004, "ahead_hi": 0.036}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"adapts": True},
            "adapt to difficulty, ahead of beam m=4 for all by +0.020 [+0.004, +0.036].",
        ),
        (
            {"adapts": False, "ahead_lo": -0.01},
            "beam m=4 for all questions; adapting is not ahead, +0.020 [−0.010, +0.036].",
        ),
        (
            {"adapts": False},
            "beam m=4 for all questions; adapting could be ahead (+0.020 [+0.004, +0.036]), but "
            "this table is behind a strategy of its own.",
        ),
        (
            {"adapts": False, "ahead": 0.0, "ahead_lo": None, "ahead_hi": None},
            "beam m=4 for all questions; adapting is not ahead, +0.000.",
        ),
    ],
)
def test_the_words_follow_from_the_figures(changes: dict[str, object], words: str) -> None:
    told = recommendation_text({**ROW, **changes}, {"beam": "beam m=4"})
    assert told == f"Recommended at N = 16: {words}"


def test_the_registered_policy_gives_the_strategy_to_use() -> None:
    summary = summary_of()
    model = RegisteredPolicy()
    # As MLflow stores it.
    config = json.loads(json.dumps(publication_of(summary).policy))
    model.load_context(SimpleNamespace(model_config=config))
    places = [(bin_, budget) for bin_ in range(1, 6) for budget in BUDGETS]
    asked = pd.DataFrame(places, columns=["bin", "budget"])
    used = summary.policy.filter(difficulty=summary.used_difficulty)
    table = {(row["bin"], row["budget"]): row["strategy"] for row in used.to_dicts()}
    # The made curve adapts from 8 on and names majority before.
    wanted = [table[bin_, n] if n >= 8 else "majority" for bin_, n in places]
    assert list(model.predict(None, asked)) == wanted
    assert any(table[bin_, n] != "majority" for bin_, n in places if n < 8)
