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
