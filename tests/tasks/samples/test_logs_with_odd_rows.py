"""Rows of which any part is something else than its key says: counted, and the rest is taken."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from known_draws import known_draws, one_log, reasons, write_lines
from sample_logs import LAYOUTS, every_eval_ever, plain, plain_row, search_rows

from tasks.samples.assembly import TWICE
from tasks.samples.every_eval_ever import DETAILS
from tasks.samples.reading import FORMATS, read_logs
from tasks.samples.search_and_learn import SEARCHED
from warehouse.errors import UserError

ODD: list[Any] = [None, 5, -1, "x", "", [], {}, [[]], [None], {"a": 1}, True, math.nan]
"""What people's programs leave in the place of anything."""
NAMES = [
    "plain",
    "search-and-learn",
    "evalscope",
    "openai-batch",
    "every-eval-ever",
    "lighteval",
]
OWN = {
    "draw": "0",
    "stop": "end",
    "role": "proposer",
    "scores": "[0.5]",
    "verifier": "v",
    "stated": '[["m", 1.0, "4"]]',
    "tokens": "3",
}
"""What our own writer keeps in the metadata of Every Eval Ever."""


def _changed(value: Any, depth: int) -> Iterator[Any]:
    """The value with each of its parts, down to a depth, replaced by each odd one."""
    # Of a list the first part stands for all.
    places = list(value) if isinstance(value, dict) else range(min(len(value), 1))
    for place in places:
        for odd in ODD:
            changed = copy.copy(value)
            changed[place] = odd
            yield changed
        if depth and isinstance(value[place], (dict, list)):
            for part in _changed(value[place], depth - 1):
                changed = copy.copy(value)
                changed[place] = part
                yield changed


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _files(name: str, folder: Path) -> dict[Path, list[dict[str, Any]]]:
    """The files of a layout and their rows, tables written as lines too."""
    if name == "search-and-learn":
        return {folder / "out" / "train.jsonl": search_rows()}
    LAYOUTS[name](folder)
    if name == "lighteval":
        import polars as pl

        (path,) = folder.rglob("*.parquet")
        rows = pl.read_parquet(path).to_dicts()
        path.unlink()
        return {path.with_suffix(".jsonl"): rows}
    files = {path: _rows(path) for path in sorted(folder.rglob("*.jsonl"))}
    if name == "every-eval-ever":
        for row in next(iter(files.values())):
            row["output"] = {"raw": row["output"]["raw"][:1]}
            row["metadata"] = {f"{DETAILS}{key}": value for key, value in OWN.items()}
    if name == "plain":
        for row in next(iter(files.values())):
            row |= {"metadata": {"a": "b"}, "choices": ["a"], "group": "g", "task": "t"}
            row["stated"] = [{"metric": "m", "value": 1, "answer": "4"}]
            # Another verifier in one row is refused altogether.
            del row["verifier"]
    return files


@pytest.mark.parametrize("name", NAMES)
def test_no_odd_part_of_a_row_ends_the_reading(name: str, tmp_path: Path) -> None:
    files = _files(name, tmp_path / "good")
    for path, rows in files.items():
        for other, others in files.items():
            write_lines(other, others)
        for odd in _changed(rows[0], depth=3):
            write_lines(path, [odd, *rows[1:]])
            logs = FORMATS[name].read(list(files))
            taken = sum(len(log.samples) for log in logs)
            assert taken > 0
            for log in logs:
                # What is taken holds what its names say.
                assert all(isinstance(one.text, str) for one in log.samples)
                assert all(refusal.count >= 0 for refusal in log.refused)
                assert isinstance(log.model, (str, type(None)))


@pytest.mark.parametrize(
    ("name", "summary"), [("every-eval-ever", "5f.json"), ("lighteval", "results_*.json")]
)
def test_odd_summaries_tell_no_settings(name: str, summary: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    (path,) = tmp_path.rglob(summary)
    whole = json.loads(path.read_text())
    deep = "[" * 100_000 + "]" * 100_000
    for odd in [deep, *map(json.dumps, [*ODD, *_changed(whole, depth=4)])]:
        path.write_text(odd)
        log = one_log(tmp_path)
        assert len(log.samples) == len(known_draws())


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_is_wrong_throughout_is_counted(name: str, tmp_path: Path) -> None:
    files = _files(name, tmp_path)
    for path, rows in files.items():
        write_lines(path, [*rows, {key: [[5]] for key in rows[0]}])
    logs = FORMATS[name].read(list(files))
    assert sum(sum(reasons(log).values()) for log in logs) > 0
    assert sum(len(log.samples) for log in logs) > 0


def test_a_file_is_known_by_the_rows_behind_a_damaged_one(tmp_path: Path) -> None:
    rows = search_rows()
    rows[0]["completions"] = None
    log = one_log(write_lines(tmp_path / "train.jsonl", rows))
    assert (log.format, len(log.questions)) == ("search-and-learn", 2)


@pytest.mark.parametrize(
    "folder",
    [
        "sums--T-0.8--top_p-1.0--n-8--m-4--iters-40--look-1--seed-0--agg_strategy--last",
        "acme-beam-search-completions/train",
        "BeamSearch/x",
        "beam search",
        "runs_DVTS",
        "Diverse-Verifier-Tree-Search",
        "acme-beam_search-completions/sums--T-0.8--n-4",
    ],
)
def test_names_of_searches_are_told_in_any_spelling(folder: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "data" / folder / "train.jsonl", search_rows())
    log = one_log(path)
    assert reasons(log) == {SEARCHED: len(known_draws())}


def _for_metrics(key: str, values: list[str], draws: int) -> list[dict[str, Any]]:
    """Rows of short answers, once for each metric."""
    rows: list[dict[str, Any]] = []
    for value in values:
        for name in "abc":
            row = {
                "model_id": "m",
                "evaluation_name": "sums",
                "sample_id": name,
                "input": {"raw": f"{name}?", "reference": ["4"]},
                "output": {"raw": ["4", "5"][:draws]},
                "evaluation": {"score": 1.0},
            }
            rows.append(row | {key: value})
    return rows


@pytest.mark.parametrize("draws", [1, 2])
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("evaluation_result_id", ["acc", "f1", "em"]),
        ("evaluation_result_id", ["acc", "acc"]),
        ("evaluation_name", ["sums/strict", "sums/soft"]),
    ],
)
def test_a_draw_that_stands_once_a_metric_counts_once(
    key: str, values: list[str], draws: int, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "u_samples.jsonl", _for_metrics(key, values, draws))
    log = one_log(path)
    assert (len(log.samples), log.task) == (3 * draws, "sums")
    assert reasons(log) == {TWICE: 3 * draws * (len(values) - 1)}


def test_draws_under_ids_of_their_own_are_draws_even_where_some_are_alike(tmp_path: Path) -> None:
    rows = _for_metrics("evaluation_result_id", ["1", "2", "3"], 1)
    rows[-1]["output"] = {"raw": ["7"]}
    log = one_log(write_lines(tmp_path / "u_samples.jsonl", rows))
    assert (len(log.samples), log.refused) == (9, [])


@pytest.mark.parametrize("is_adjacent", [True, False])
def test_a_file_written_onto_itself_counts_once(is_adjacent: bool, tmp_path: Path) -> None:
    rows = [plain_row(one) | {"text": one.answer} for one in known_draws()]
    for row in rows:
        del row["draw"]
    twice = rows[:4] * 2 + rows[4:8] * 2 + rows[8:] * 2 if is_adjacent else rows * 2
    log = one_log(write_lines(tmp_path / "a.jsonl", twice))
    assert [one.text for one in log.samples] == [row["text"] for row in rows]
    assert reasons(log) == {TWICE: len(rows)}
    # One question that is not doubled: the others came out alike by chance.
    log = one_log(write_lines(tmp_path / "a.jsonl", twice[1:]))
    assert (len(log.samples), log.refused) == (len(twice) - 1, [])


def test_minus_one_is_unknown_and_numbers_are_names(tmp_path: Path) -> None:
    path = plain(tmp_path)
    changed = {"tokens": -1, "prompt_tokens": -1, "max_tokens": -1, "model": 5}
    log = one_log(write_lines(path, [row | changed for row in _rows(path)]))
    assert {one.tokens for one in log.samples} == {None}
    assert (log.model, log.max_tokens, log.refused) == ("5", None, [])


def test_scores_of_two_verifiers_are_refused(tmp_path: Path) -> None:
    path = plain(tmp_path)
    rows = _rows(path)
    rows[3]["verifier"] = "other"
    with pytest.raises(UserError, match=r"jsonl:4: expected scores of one verifier.*'other'"):
        read_logs([write_lines(path, rows)])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_texts_in_utf_16_and_arrays_are_refused_by_name(encoding: str, tmp_path: Path) -> None:
    path = every_eval_ever(tmp_path)
    text = path.read_text()
    path.write_bytes(text.encode(encoding))
    for format in (None, "every-eval-ever"):
        with pytest.raises(UserError, match="a text in UTF-16"):
            read_logs([path], format)
    array = path.with_name("array.json")
    array.write_text(json.dumps([json.loads(line) for line in text.splitlines()], indent=1))
    with pytest.raises(UserError, match="a JSON array in place of one row a line"):
        read_logs([array])
