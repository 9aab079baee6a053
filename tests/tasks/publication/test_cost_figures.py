"""The figures of accuracy against FLOPs and seconds."""

import re

import polars as pl
from summaries import summary_of

from tasks.publication.cost_figures import cost_figures
from tasks.publication.report import html


def test_there_is_a_figure_for_each_cost_that_is_known() -> None:
    summary = summary_of()
    assert list(cost_figures(summary)) == [
        "Accuracy against generated tokens",
        "Accuracy against FLOPs",
        "Accuracy against seconds of engine time",
    ]
    unknown = summary._replace(cost_curves=summary.cost_curves.filter(pl.col("axis") == "flops"))
    assert list(cost_figures(unknown)) == ["Accuracy against FLOPs"]
    assert cost_figures(summary._replace(cost_curves=summary.cost_curves.clear())) == {}


def test_a_line_begins_at_the_first_doubling_that_it_can_pay() -> None:
    drawn = cost_figures(summary_of())["Accuracy against FLOPs"]
    lines = [line.split() for line in re.findall(r'<polyline points="([^"]+)"', drawn)]
    # Of the doublings 0 … 6: the probe from the third on, the baseline from the first on.
    probe, predicted, oracle, baseline = lines
    assert [len(line) for line in (probe, predicted, oracle, baseline)] == [4, 7, 7, 6]
    starts = [float(line[0].split(",")[0]) for line in (predicted, baseline, probe)]
    assert starts == sorted(set(starts))


def test_the_report_shows_both_figures_and_says_who_pays_for_the_probe() -> None:
    page = html(summary_of())
    assert page.index("Accuracy against budget, all questions") < page.index(
        "Accuracy against FLOPs"
    )
    assert "The probe pays for its own draws" in page
    assert "1: a plain completion, 7.4e+07 FLOPs" in page
