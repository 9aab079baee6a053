"""What commands print is what there is: no text is taken for a style or a picture."""

import csv
import io
import os
import subprocess
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text
from serving import TTC

from flows.cli import main
from flows.cli.sql import print_result, without_formulas
from flows.cli.terminal import console, show_rows
from tasks.settings import ROOT
from warehouse.errors import say
from warehouse.store import Store

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


@pytest.mark.parametrize("words", [["{}"], ["sql", "q", "--{}"], ["policy", "promote", "v", "{}"]])
def test_a_refused_word_of_the_command_line_steers_no_terminal(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "[/x]\x1b[2J\u202e:smile:"
    monkeypatch.setattr("sys.argv", ["ttc", *(word.format(hostile) for word in words)])
    assert main.exit_code() != 0
    printed = capsys.readouterr().err
    assert [one for one in printed if not (one.isprintable() or one in "\n\t")] == []
    assert r"[/x]\x1b[2J\u202e:smile:" in "".join(printed.split())


@pytest.mark.parametrize(
    ("value", "shown_as"), [(444614.0, "444614"), (0.5, "0.5"), (1 / 3, "0.3333"), (1e20, "1e+20")]
)
def test_whole_numbers_are_shown_whole(
    capsys: pytest.CaptureFixture[str], value: float, shown_as: str
) -> None:
    print_result(pl.DataFrame({"n": [value]}), "table")
    assert capsys.readouterr().out.split() == ["n", shown_as]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=NAME, steering=STEERING | st.characters(categories=["Cc", "Cf"]), after=NAME)
def test_no_command_lets_a_text_steer_the_terminal_whatever_it_prints(
    capsys: pytest.CaptureFixture[str], before: str, steering: str, after: str
) -> None:
    text = before + steering + after
    table = Table(title=text)
    table.add_column(text)
    table.add_row(Text(text))
    show_rows([{text: text}], as_json=False, title=text)
    for renderable in (text, Text(text, style="bold"), table):
        console().print(renderable)
    console().print(text, style="dim", soft_wrap=True)
    say(text)
    printed = "".join(capsys.readouterr())
    assert [one for one in printed if not (one.isprintable() or one in "\n\t")] == []


def test_styles_of_our_own_stay_and_blanks_of_every_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    console().print("a\u00a0\u202fb\x1b[2J", style="bold", highlight=False)
    assert capsys.readouterr().out == "\x1b[1ma\u00a0\u202fb\\x1b[2J\x1b[0m\n"


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_what_is_meant_for_a_program_steers_no_terminal_either(tmp_path: Path, form: str) -> None:
    with Store.open(tmp_path / "warehouse") as store:
        store.publish_snapshot(whole=True)
    query = "SELECT concat(chr(27), '[2J', chr(155), chr(8238), 'é') AS text"
    ours, theirs = os.openpty()
    environment = os.environ | {"TTC_HOME": str(tmp_path)}
    command = [*TTC, "sql", query, form]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=theirs, check=True)
    printed = os.read(ours, 4096).decode()
    for end in (ours, theirs):
        os.close(end)
    assert [one for one in printed if not (one.isprintable() or one in "\r\n")] == []
    assert r"[2J\x9b\u202eé" in printed
    # A program gets what there is.
    piped = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert "\x9b\u202eé" in piped.stdout.decode()


def test_nothing_is_said_on_stderr_past_what_writes_steering_out() -> None:
    # A line that is rewritten in place steers the terminal by itself; numbers stand in it alone.
    own = [ROOT / "warehouse" / "errors.py", ROOT / "tasks" / "asking" / "progress.py"]
    files = [
        file for room in ("flows", "tasks", "warehouse") for file in (ROOT / room).rglob("*.py")
    ]
    printing = [file for file in files if "file=sys.stderr" in file.read_text()]
    assert sorted(printing) == sorted(own)


BEGINNINGS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]


@given(
    texts=st.lists(
        st.builds("".join, st.tuples(st.sampled_from(["", *BEGINNINGS, '"', ",", " "]), st.text())),
        min_size=1,
    )
)
def test_no_cell_of_an_excel_safe_table_is_a_formula(texts: list[str]) -> None:
    texts = [text.replace("\0", "") for text in texts]
    frame = pl.DataFrame({"=cmd|' /C calc'!A0": texts, "n": [-1.5] * len(texts)})
    safe = without_formulas(frame)
    read = list(csv.reader(io.StringIO(safe.write_csv(), newline="")))
    assert len(read) == len(texts) + 1
    for cell in (row[0] for row in read):
        assert not cell.startswith(tuple(BEGINNINGS))
    # Nothing else changes, and numbers below zero stay numbers.
    for before, after in zip(texts, safe.to_series(0).to_list(), strict=True):
        assert after in (before, f"'{before}")
        assert (after == before) == (not before.startswith(tuple(BEGINNINGS)))
    assert safe["n"].to_list() == [-1.5] * len(texts)


def test_unknown_and_enumerated_texts_are_kept_by_excel_safe() -> None:
    kinds = pl.Enum(["=a", "b"])
    frame = pl.DataFrame({"t": [None, "b"], "e": pl.Series(["=a", None], dtype=kinds)})
    assert without_formulas(frame).rows() == [(None, "'=a"), ("b", None)]
