"""The lines and the curve that every screen of a run opens with."""

from __future__ import annotations

import io
import re
from html import unescape

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from summaries import summary_of

from tasks.publication.first_lines import first_lines, usual_budget
from tasks.publication.headlines import headlines, other_kinds
from tasks.publication.policy_table import policy_text
from tasks.publication.report import html
from tasks.publication.summary import RunSummary
from tasks.publication.terminal_curve import HEIGHT, MARKS, WIDTH, curve_lines
from tasks.tracking.entries import publication_of


def terminal(summary: RunSummary, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(policy_text(summary))
    return out.getvalue()


def joined(text: str) -> str:
    return " ".join(text.split())


def changed(**columns: object) -> RunSummary:
    """A summary whose curve has these values at every budget."""
    summary = summary_of()
    return summary._replace(
        curve=summary.curve.with_columns(**{name: pl.lit(v) for name, v in columns.items()})
    )


def test_every_screen_opens_with_the_same_four_lines() -> None:
    summary = summary_of()
    lines = first_lines(summary)
    assert [line.partition(":")[0] for line in lines] == [
        "Plain model",
        "Compute",
        "Difficulty",
        "Recommended at N = 16",
    ]
    wanted = " ".join(lines)
    for width in (80, 100):
        shown = terminal(summary, width)
        assert (
            joined(shown).partition("Plain model")[2]
            == joined(f"{wanted} {shown.partition(lines[3][-12:])[2]}").partition("Plain model")[2]
        ), width
        assert max(map(len, shown.splitlines())) <= width
    note = publication_of(summary).first_screen.above
    assert note.startswith("\n".join(f"- {line}" for line in lines))
    page = unescape(html(summary))
    assert "".join(f"<li>{line}</li>" for line in lines) in page
    # Before the first figure, and the figure before all that goes into detail.
    assert page.index(lines[3]) < page.index("<svg") < page.index("In detail")


def test_no_sentence_has_four_intervals_and_other_kinds_are_on_the_second_page() -> None:
    summary = summary_of()
    for line in [*first_lines(summary), *headlines(summary), *other_kinds(summary)]:
        assert line.count("[") <= 3, line
    (other,) = other_kinds(summary)
    assert other.startswith("By oracle difficulty")
    page = html(summary)
    assert page.index("In detail") < page.index(other)
    assert "oracle" not in " ".join(first_lines(summary) + headlines(summary))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"adapts": True}, "Difficulty: matters at N = 16"),
        ({"adapts": False, "ahead_lo": -0.1}, "Difficulty: cannot be told to matter at N = 16"),
        ({"adapts": False, "ahead_lo": -0.1, "ahead_hi": -0.02}, "Difficulty: does not help"),
        ({"adapts": False, "ahead_lo": 0.01}, "Difficulty: may matter at N = 16"),
    ],
)
def test_whether_difficulty_matters_follows_from_what_is_recommended(
    columns: dict[str, object], words: str
) -> None:
    lines = first_lines(changed(**columns))
    assert lines[2].startswith(words)
    advice = "adapt to difficulty" if columns["adapts"] else "majority for all questions"
    assert lines[3].startswith(f"Recommended at N = 16: {advice} (")


def test_where_it_pays_at_another_budget_that_is_said() -> None:
    summary = summary_of()
    curve = summary.curve.with_columns(adapts=pl.col("budget").is_in([4, 8]))
    assert "; it pays at N = 4, 8." in first_lines(summary._replace(curve=curve))[2]


def test_the_figures_of_the_lines_are_the_summarys() -> None:
    summary = summary_of()
    plain, worth, _, advice = first_lines(summary)
    one = summary.overall.filter(strategy="weighted", budget=1).row(0, named=True)
    assert f"{one['accuracy']:.2f} [{one['lo']:.2f}, {one['hi']:.2f}]" in plain
    # Budgets end at 16, so that 4 is the largest of which the fourfold was measured.
    row = summary.efficiency.filter(difficulty=summary.used_difficulty, budget=4).row(0, named=True)
    assert f"4 generations by difficulty are worth {4 * row['factor']:.3g} of" in worth
    curve = summary.curve.filter(difficulty=summary.used_difficulty)
    top = curve.filter(budget=16).row(0, named=True)
    reference = summary.overall.filter(strategy="weighted", budget=16)["accuracy"].item()
    gain = f"{top['accuracy'] - reference:+.2f}"
    reached = curve.select(
        "budget", value=pl.when("adapts").then("accuracy").otherwise("fixed_accuracy")
    )
    enough = reached.filter(pl.col("value") >= reference)["budget"].min()
    assert f"({top['accuracy']:.2f}, {gain} over best-of-N weighted" in advice
    assert advice.endswith(f"whose {reference:.2f} it reaches with {enough}).")


def test_a_factor_beyond_what_was_measured_is_said_to_be_more() -> None:
    summary = summary_of()
    beyond = summary.efficiency.with_columns(beyond=pl.lit(True), factor=4.0, lo=3.5, hi=None)
    line = first_lines(summary._replace(efficiency=beyond))[1]
    assert line.endswith("are worth more than 16 of best-of-N weighted [14, ∞).")


def test_a_run_without_a_policy_says_what_the_model_does_alone() -> None:
    summary = summary_of()
    bare = summary._replace(
        policy=summary.policy.clear(),
        curve=summary.curve.clear(),
        efficiency=summary.efficiency.clear(),
    )
    (line,) = first_lines(bare)
    assert line.startswith("Plain model: one completion is right on ")
    assert len(curve_lines(bare)) == HEIGHT + 4


def test_a_budget_that_is_too_small_for_every_strategy_breaks_nothing() -> None:
    summary = summary_of()
    is_coverage = pl.col("strategy") == "pass"
    few = summary.accuracy.filter(is_coverage | (pl.col("budget") >= 4))
    lines = first_lines(summary._replace(accuracy=few))
    assert lines[0].startswith("Plain model: best-of-N weighted of 4 is right on ")
    keys = curve_lines(summary._replace(accuracy=few))[-3:]
    assert [key.count("at N = 4,") for key in keys] == [1, 1, 0]
    assert "<svg" in html(summary._replace(accuracy=few))


def test_the_usual_budget_is_the_largest_up_to_16() -> None:
    assert usual_budget([1, 4, 64, 16]) == 16
    assert usual_budget([1, 2, 4]) == 4
    assert usual_budget([32, 64]) == 32


accuracies = st.lists(st.floats(0, 1), min_size=5, max_size=5)


@settings(max_examples=60, deadline=None)
@given(policy=accuracies, baseline=accuracies, width=st.integers(60, 100))
def test_the_curve_stands_where_its_figures_do(
    policy: list[float], baseline: list[float], width: int
) -> None:
    summary = summary_of()
    budgets = (1, 2, 4, 8, 16)
    kind = summary.used_difficulty
    reach = pl.DataFrame({"budget": budgets, "new": policy, "base": baseline})
    curve = summary.curve.filter(difficulty=kind).join(reach, on="budget")
    curve = curve.with_columns(accuracy="new", fixed_accuracy="new").drop("new", "base")
    overall = summary.accuracy.filter(strategy="weighted").filter(pl.col("bin").is_null())
    rows = overall.join(reach, on="budget").with_columns(accuracy="base").drop("new", "base")
    others = summary.accuracy.filter(pl.col("strategy") != "weighted")
    lines = curve_lines(
        summary._replace(curve=curve, accuracy=pl.concat([rows, others])), width=width
    )
    assert max(map(len, lines[:-3])) <= width
    plot = lines[1 : HEIGHT + 1]
    every = [*policy, *baseline]
    span = max(max(every) - min(every), 0.01)
    for place, value in enumerate(policy):
        column = 7 + round(place * (width - 9) / 4)
        row = round((max(every) - value) / span * (HEIGHT - 1))
        assert plot[row][column] == MARKS[2]
    # The policy's marks lie on the baseline's where both are one place.
    assert sum(line.count(MARKS[2]) for line in plot) == len(budgets)


def test_the_curve_fits_80_columns_and_names_its_lines() -> None:
    lines = curve_lines(summary_of())
    assert max(map(len, lines)) <= WIDTH
    assert [re.split(r"[ :]+", line.strip())[0] for line in lines[-3:]] == list(MARKS)
