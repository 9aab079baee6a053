"""The same known draws in every layout come out the same, whatever happened to a copy of them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_draws import DRAWS, MODEL, QUESTIONS, TASK, Known, one_log, reasons
from sample_logs import LAYOUTS, plain

from tasks.samples.assembly import COPY, TWICE
from tasks.samples.log import Sample, SampleLog
from tasks.samples.reading import FORMATS, NO_LOG, SAME_FILE, read_logs
from tasks.samples.rows import CUT_LINE, NO_JSON
from warehouse.errors import UserError

LINES = sorted(set(LAYOUTS) - {"lighteval", "search-and-learn"})
"""Those that are written as JSON Lines."""


def texts(log: SampleLog) -> dict[str, list[str]]:
    """The texts of each question, by what it asks: layouts name questions in their own manner."""
    several: dict[str, list[str]] = defaultdict(list)
    for sample in log.samples:
        asked = log.questions[sample.question_id].text
        assert sample.draw == len(several[asked])
        several[asked].append(sample.text)
    return dict(several)


KNOWN = {
    Known(name, 0).asked: [Known(name, draw).text for draw in range(DRAWS)] for name in QUESTIONS
}


def without_places(samples: Sequence[Sample]) -> list[Sample]:
    return [replace(sample, place="") for sample in samples]


def lines_of(folder: Path) -> list[Path]:
    """The files of a log, requests and summaries apart."""
    return [path for path in sorted(folder.rglob("*.jsonl")) if path.name != f"{TASK}.jsonl"]


def shake(path: Path, seed: int) -> None:
    """The lines of a file in another order."""
    lines = path.read_text().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    path.write_text("".join(lines))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_known_by_its_content_and_gives_the_known_draws(
    name: str, tmp_path: Path
) -> None:
    LAYOUTS[name](tmp_path)
    log = one_log(tmp_path)
    assert (log.format, texts(log), log.refused) == (name, KNOWN, [])
    targets = {question.text: question.target for question in log.questions.values()}
    assert targets == {Known(one, 0).asked: Known(one, 0).target for one in QUESTIONS}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_named_format_reads_the_same(name: str, tmp_path: Path) -> None:
    path = LAYOUTS[name](tmp_path)
    (log,) = read_logs([path], name)
    assert texts(log) == KNOWN


@pytest.mark.parametrize("name", sorted(set(LAYOUTS) - {"nemo-skills"}))
def test_the_model_is_told_where_the_layout_tells_it(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    log = one_log(tmp_path)
    assert log.model == MODEL
    assert log.task is not None and log.task.startswith(TASK)


@pytest.mark.parametrize("name", LAYOUTS)
def test_paths_given_twice_and_copies_of_files_count_once(name: str, tmp_path: Path) -> None:
    path = LAYOUTS[name](tmp_path / "a")
    LAYOUTS[name](tmp_path / "b")
    log = one_log(tmp_path / "a", path, tmp_path)
    assert texts(log) == KNOWN
    assert set(reasons(log)) == {SAME_FILE}


@pytest.mark.parametrize("name", LINES)
def test_a_copy_in_another_order_counts_once(name: str, tmp_path: Path) -> None:
    """Where the rows say which question and draw they are."""
    LAYOUTS[name](tmp_path / "a")
    LAYOUTS[name](tmp_path / "b")
    for place, path in enumerate(lines_of(tmp_path / "b")):
        shake(path, place)
        path.write_text(path.read_text() + "\n")
    # The folders are two for the layout too: of one model and task, where a file says the model.
    folders = 2 if name == "nemo-skills" else 1
    logs = read_logs([tmp_path])
    assert [texts(log) for log in logs] == [KNOWN] * folders
    assert {TWICE, COPY, SAME_FILE} >= set(reasons(logs[0]))


@pytest.mark.parametrize("name", LINES)
def test_lines_in_another_order_give_the_same_draws(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    for path in lines_of(tmp_path):
        shake(path, 3)
    shaken = texts(one_log(tmp_path))
    assert shaken == KNOWN


@pytest.mark.parametrize("name", LINES)
def test_half_a_last_line_and_a_broken_one_are_counted(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    path = lines_of(tmp_path)[0]
    whole = path.read_text()
    first, *_, last = whole.splitlines(keepends=True)
    path.write_text(f"{first[:40]}\n{whole}{last[: len(last) // 2]}")
    log = one_log(tmp_path)
    assert texts(log) == KNOWN
    assert reasons(log) == {NO_JSON: 1, CUT_LINE: 1}
    assert next(iter(log.refused)).example == f"{path}:1"


@pytest.mark.parametrize("name", LINES)
def test_a_file_that_ends_early_gives_what_it_has(name: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    path = lines_of(tmp_path)[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 5])
    log = one_log(tmp_path)
    assert reasons(log)[CUT_LINE] == 1
    known = {text for several in KNOWN.values() for text in several}
    taken = {sample.text for sample in log.samples}
    # What is cut off of the reviews stands with the predictions.
    assert taken == known if name == "evalscope" else taken < known
    assert taken


@given(
    parts=st.lists(st.lists(st.integers(0, 11), min_size=3, unique=True), min_size=1, max_size=3)
)
@settings(max_examples=25)
def test_any_parts_of_a_log_beside_the_whole_add_nothing(
    parts: list[list[int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whichever of them is read first."""
    folder = tmp_path_factory.mktemp("parts")
    lines = plain(folder).read_text().splitlines(keepends=True)
    for place, part in enumerate(parts):
        name = f"{'ab'[place % 2]}-{place}.jsonl"
        (folder / name).write_text("".join(lines[line] for line in part))
    log = one_log(folder)
    assert texts(log) == KNOWN
    added = sum(map(len, parts))
    counted = reasons(log)
    # Two parts that are alike to the byte are one file.
    assert counted.get(COPY, 0) <= added
    assert set(counted) <= {COPY, SAME_FILE}


def test_a_table_that_ends_early_is_named(tmp_path: Path) -> None:
    path = LAYOUTS["lighteval"](tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match=r"details_.*expected a whole table.*fetch"):
        read_logs([tmp_path])


def test_a_file_of_no_tool_is_refused_with_the_formats_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps({"name": "x", "value": 1}))
    with pytest.raises(UserError) as refused:
        read_logs([path])
    said = str(refused.value)
    assert all(name in said for name in FORMATS)
    assert "keys ['name', 'value']" in said and str(path) in said
    with pytest.raises(UserError, match="got"):
        read_logs([tmp_path])


def test_what_a_folder_holds_besides_is_counted(tmp_path: Path) -> None:
    plain(tmp_path)
    (tmp_path / "notes.jsonl").write_text('{"name": 1}\n')
    (tmp_path / "report.json").write_text('{"name": 1}\n')
    assert reasons(one_log(tmp_path)) == {NO_LOG: 1}


@pytest.mark.parametrize("given", ["nowhere.jsonl", "no/folder"])
def test_a_path_that_is_not_there_is_told(given: str) -> None:
    with pytest.raises(UserError, match=r"does not exist; correct it"):
        read_logs([Path(given)])


def test_a_format_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected --format to be lm-eval, .*got 'csv'"):
        read_logs([plain(tmp_path)], "csv")


def test_gzipped_lines_and_tables_read_as_lines_do(tmp_path: Path) -> None:
    import gzip

    path = plain(tmp_path)
    expected = without_places(one_log(path).samples)
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    table = tmp_path / "table.parquet"
    arrow = tmp_path / "data-00000-of-00001.arrow"
    rows = pl.read_ndjson(path)
    rows.write_parquet(table)
    rows.write_ipc_stream(arrow)
    for other in (packed, table, arrow):
        assert without_places(one_log(other).samples) == expected


def test_draws_at_two_temperatures_are_two_pools(tmp_path: Path) -> None:
    path = plain(tmp_path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[::2]:
        row["temperature"] = 0.2
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert sorted(log.temperature or 0 for log in read_logs([path])) == [0.2, 0.8]
