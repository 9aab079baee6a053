"""What commands print is what there is: no text is taken for a style or a picture."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.cli.sql import print_result
from flows.cli.terminal import show_rows

NAMES = ["[x] y", "[/x]", "[bold]b[/bold]", "a:smile:b", "[0, 1)", "it's", r"\[x]"]
NAME = st.one_of(st.sampled_from(NAMES), st.text("[]/:ab\\", min_size=1, max_size=12))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAME)
def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], name: str) -> None:
    show_rows([{"benchmark": name}], as_json=False, title=name)
    print_result(pl.DataFrame({"benchmark": [name]}), "table")
    assert capsys.readouterr().out.count(name) >= 3


STEERING = st.sampled_from(["\x1b[2J", "\x9b2J", "\x1b]52;c;eA==\x07", "\x00", "\x08", "\u202e"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=NAME, steering=STEERING | st.characters(categories=["Cc", "Cf"]), after=NAME)
def test_no_text_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], before: str, steering: str, after: str
) -> None:
    print_result(pl.DataFrame({"text": [before + steering + after]}), "table")
    printed = capsys.readouterr().out
    assert [one for one in printed if not (one.isprintable() or one in "\n\t")] == []


@pytest.mark.parametrize(
    ("value", "shown_as"), [(444614.0, "444614"), (0.5, "0.5"), (1 / 3, "0.3333"), (1e20, "1e+20")]
)
def test_whole_numbers_are_shown_whole(
    capsys: pytest.CaptureFixture[str], value: float, shown_as: str
) -> None:
    print_result(pl.DataFrame({"n": [value]}), "table")
    assert capsys.readouterr().out.split() == ["n", shown_as]
