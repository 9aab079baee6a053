"""Report, headlines and terminal table, from a summary made by code and from a real warehouse."""

import importlib
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from summaries import BUDGETS, summary_of

from tasks.publication import figures, policy_grid
from tasks.publication.headlines import headlines
from tasks.publication.policy_table import policy_text
from tasks.publication.report import html
from tasks.publication.summary import RunSummary, load_summary
from tasks.publication.words import factor_text, half_width_text, signed_text
from tasks.statistics.intervals import Estimate
from tasks.strategies.names import short_names
from warehouse.errors import UserError
from warehouse.store import Store


def printed(summary: RunSummary, *, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(policy_text(summary))
    return out.getvalue()


def everywhere_majority(summary: RunSummary) -> RunSummary:
    cheapest = summary.policy.with_columns(
        strategy=pl.lit("majority"),
        decided=pl.lit(False),
        over_majority_p=pl.lit(None, dtype=pl.Float64),
    )
    return summary._replace(policy=cheapest)


class Reader(HTMLParser):
    """Collects text, tags and attributes; what does not nest is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_report_stands_alone_and_nests() -> None:
    page = html(summary_of())
    reader = read(page)
    assert reader.open == []
    assert reader.links == []
    assert '<meta charset="utf-8">' in page
    assert "<script" not in page and "@import" not in page


def test_the_report_shows_the_exchange_of_a_run_that_has_one() -> None:
    summary = summary_of()
    page = html(summary)
    assert "Exchange with a larger model, congruences-large" in page
    assert "bin 5: small 0.60, large 0.70, pass@1 0.50, relative difference -14%" in page
    assert "Exchange" not in html(summary._replace(exchange=summary.exchange.clear()))


def test_the_report_opens_with_the_headline_before_any_figure() -> None:
    page = html(summary_of())
    assert page.index("Plain model: ") < page.index("Compute: 4 generations") < page.index("<svg")
    # In large print it stands where the details begin.
    assert page.index("In detail") < page.index("compute-optimal")
    assert page.index("In detail") < page.index("efficiency factor")


def test_the_report_names_every_fingerprint_and_version() -> None:
    text = " ".join(read(html(summary_of())).text)
    for name in ("a7f3e91", "c5d2f1", "b3c1d0", "4e1f2d3c5b6a", "vllm 0.32.0", "NaN score"):
        assert name in text


def test_what_a_user_named_cannot_break_the_page() -> None:
    summary = summary_of()
    hostile = summary._replace(run=summary.run | {"study": "<script>alert(1)</script>"})
    assert "<script" not in html(hostile)


def test_a_higher_accuracy_stands_higher_in_the_figure() -> None:
    drawn = figures.accuracy_by_budget(summary_of())
    lines = re.findall(r'<polyline points="([^"]+)" fill="none" stroke="([^"]+)"', drawn)
    last = {colour: float(points.split()[-1].split(",")[1]) for points, colour in lines}
    assert (
        last["#0072B2"] < last["#B8860B"] < last["#CC79A7"]
    )  # beam m=4 above weighted above majority


def test_equal_ratios_of_budgets_are_equally_far_apart() -> None:
    drawn = figures.accuracy_by_budget(summary_of())
    points = re.findall(r'<polyline points="([^"]+)" fill="none" stroke="#CC79A7"', drawn)[
        0
    ].split()
    xs = [float(point.split(",")[0]) for point in points]
    gaps = [b - a for a, b in pairwise(xs)]
    assert max(gaps) - min(gaps) < 0.2


def test_undecided_cells_are_hatched_and_decided_ones_are_not() -> None:
    summary = summary_of()
    undecided = summary.policy.filter(difficulty="predicted", decided=False).height
    assert (
        policy_grid.policy_grid(summary, "predicted").count('fill="url(#undecided)"')
        == undecided + 1
    )  # the key


def test_gain_is_blue_loss_is_vermillion_and_nothing_is_white() -> None:
    assert policy_grid.gain_colour(0.0) == policy_grid.gain_colour(None) == "#ffffff"
    red, blue = (lambda c: int(c[1:3], 16)), (lambda c: int(c[5:7], 16))
    assert blue(policy_grid.gain_colour(0.1)) > red(policy_grid.gain_colour(0.1))
    assert red(policy_grid.gain_colour(-0.1)) > blue(policy_grid.gain_colour(-0.1))


def test_the_report_says_so_where_no_strategy_beats_majority() -> None:
    summary = everywhere_majority(summary_of())
    assert "No strategy beats majority here" in html(summary)
    assert "No strategy beats majority here" in printed(summary)
    assert "No strategy beats majority here" not in html(summary_of())


def test_the_minimum_detectable_difference_is_printed_when_known() -> None:
    known = summary_of(mdd=Estimate(0.042, 0.031, 0.055))
    assert any("below 0.042 [0.031, 0.055] cannot" in sentence for sentence in headlines(known))
    assert not any("cannot be detected" in sentence for sentence in headlines(summary_of()))
    assert "0.042" in printed(known)


def test_a_pick_ahead_of_majority_counts_only_when_the_whole_table_is_considered() -> None:
    summary = summary_of()
    doubtful = summary.policy.with_columns(over_majority_p=pl.lit(0.06))
    assert "No strategy beats majority here" in printed(summary._replace(policy=doubtful))
    unknown = summary.policy.with_columns(
        over_majority_p=pl.lit(None, dtype=pl.Float64)
    )  # a run from before p
    assert "No strategy beats majority here" not in printed(summary._replace(policy=unknown))


def test_the_efficiency_factor_is_also_given_net_of_the_probe_and_of_nothing_else() -> None:
    # 2.6 · 4 / (4 + 32) = .29, its ends 1.7 and 3.9 likewise
    predicted = summary_of()
    frames = {
        name: getattr(predicted, name).with_columns(
            difficulty=pl.col("difficulty").replace("predicted", "probe")
        )
        for name in ("policy", "curve", "efficiency")
    }
    probed, other = (
        next(s for s in headlines(one) if s.startswith("Efficiency"))
        for one in (predicted._replace(**frames), predicted)
    )
    assert "2.6 [1.7, 3.9] at N = 4 (0.29 [0.19, 0.43] net of the probe's draws)" in probed
    # Nobody who is served pays draws that only the evaluation needs.
    assert other.endswith("2.6 [1.7, 3.9] at N = 4.")
    assert "net of" not in other


def test_a_cell_that_keeps_last_nights_strategy_says_so() -> None:
    summary = summary_of()
    held = summary.policy.with_columns(unheld=pl.lit("best_of_n"))
    assert "= kept from the last run" in printed(summary._replace(policy=held))
    assert "kept from the last run" not in printed(summary)


def test_the_headline_numbers_are_those_of_the_frames() -> None:
    summary = summary_of()
    row = summary.curve.filter(difficulty="predicted", budget=16).row(0, named=True)
    assert f"{row['accuracy']:.2f} [{row['lo']:.2f}, {row['hi']:.2f}]" in headlines(summary)[0]


def test_the_terminal_grid_fits_a_hundred_columns_with_five_budgets() -> None:
    lines = printed(summary_of()).splitlines()
    assert max(len(line) for line in lines) <= 100
    assert all(f"N = {budget} " in "".join(lines) for budget in BUDGETS)
    assert "beam m=4 = beam_search(m=4)/weighted" in lines


def test_a_run_without_a_policy_still_reports() -> None:
    summary = summary_of()
    bare = {
        name: getattr(summary, name).clear()
        for name in ("policy", "curve", "efficiency", "changes")
    }
    assert "<svg" in html(summary._replace(**bare))
    assert "no policy yet" in printed(summary._replace(**bare))


def test_short_names_stay_unique() -> None:
    keys = [
        "beam_search(m=4)/weighted",
        "beam_search(m=sqrt)/weighted",
        "beam_search(m=4)/majority",
        "best_of_n",
    ]
    assert list(short_names(keys).values()) == [
        "beam m=4",
        "beam m=√N",
        "beam m=4 · majority",
        "best-of-N",
    ]
    assert short_names(["a_search", "a"]) == {"a_search": "a_search", "a": "a"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"factor": 3.94, "lo": 2.8, "hi": 5.02, "beyond": False}, "3.9 [2.8, 5]"),
        ({"factor": 2.0, "lo": None, "hi": None, "beyond": True}, "> 2"),
        ({"factor": 2.0, "lo": 1.5, "hi": None, "beyond": False}, "2 [1.5, …)"),
    ],
)
def test_an_efficiency_factor_says_where_it_is_open(row: dict[str, object], expected: str) -> None:
    assert factor_text(row) == expected


def test_numbers_are_short_and_without_negative_zero() -> None:
    assert (signed_text(-0.001), signed_text(0.123), signed_text(-0.03)) == (
        "0.00",
        "+0.12",
        "−0.03",
    )
    assert (half_width_text(0.031), half_width_text(0.0)) == ("± .03", "± .00")


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A real warehouse with run-a of model version 1 and run-b of version 2."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "warehouse")
    small_run = importlib.import_module("small_run")
    store = Store.open(tmp_path / "warehouse")
    small_run.fill(store, "run-a", version=1)
    small_run.fill(store, "run-b", version=2)
    return store


def test_a_summary_of_a_real_warehouse_renders_everywhere(real: Store) -> None:
    with real as store:
        summary = load_summary(store, "run-b")
    assert summary.run["version"] == 2
    assert summary.prefect_run_id == "flow-1"
    assert summary.missing.rows() == [("beam_search(m=4)/weighted", 4, 1)]  # q9 lacks its outcome
    assert summary.overall["questions"].max() == 10
    assert "generator v2 on sums" in html(summary)
    assert "generator v2 on sums" in printed(summary)


def test_an_unknown_run_is_refused_in_one_sentence(real: Store) -> None:
    with (
        real as store,
        pytest.raises(UserError, match="expected a run of this warehouse, got 'nowhere'"),
    ):
        load_summary(store, "nowhere")
