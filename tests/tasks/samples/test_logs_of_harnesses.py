"""What is known to go wrong in logs of lm-evaluation-harness, lighteval and search-and-learn."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from known_draws import MODEL, QUESTIONS, TASK, known_draws, one_log, reasons, write_lines
from sample_logs import lighteval, lm_eval, lm_eval_rows, search_rows

from tasks.samples import assembly
from tasks.samples import lighteval as light
from tasks.samples import lm_eval as harness
from tasks.samples import search_and_learn as search
from tasks.samples.log import Stated


def test_filters_of_one_document_are_one_set_of_draws_with_two_statements(tmp_path: Path) -> None:
    log = one_log(write_lines(tmp_path / "samples_x.jsonl", lm_eval_rows(1)))
    assert len(log.samples) == len(QUESTIONS)
    names = [one.metric for one in log.samples[0].stated]
    assert names == ["exact_match,strict", "exact_match,flexible"]
    assert [one.value for one in log.samples[0].stated] == [0.0, 0.0]


def test_a_filter_that_keeps_the_first_speaks_of_no_other_and_a_vote_of_none(
    tmp_path: Path,
) -> None:
    rows = lm_eval_rows(4, ["first", "maj@4"])
    log = one_log(write_lines(tmp_path / "samples_x.jsonl", rows))
    spoken = [[one.metric for one in sample.stated] for sample in log.samples[:4]]
    assert spoken == [["exact_match,first"], [], [], []]


def test_log_likelihoods_are_no_draws(tmp_path: Path) -> None:
    (row, *_) = lm_eval_rows(1, ["none"])
    options = row | {"resps": [["-1.2", "False"], ["-0.3", "True"]], "doc_hash": "a"}
    options["arguments"] = {"gen_args_0": {"arg_0": "Q", "arg_1": " Paris"}}
    nested = options | {"resps": [[["-1.2", "False"]], [["-0.3", "True"]]], "doc_hash": "b"}
    rolling = options | {"resps": [["-33.1"]], "doc_hash": "c"}
    rolling["arguments"] = {"gen_args_0": {"arg_0": "Q"}}
    log = one_log(write_lines(tmp_path / "samples_x.jsonl", [options, nested, rolling]))
    assert (log.samples, reasons(log)) == ([], {harness.LOG_LIKELIHOODS: 3})


def test_a_run_into_the_same_file_adds_draws_and_the_same_run_again_none(tmp_path: Path) -> None:
    first, again = lm_eval_rows(2), lm_eval_rows(2)
    other = lm_eval_rows(4)
    for row in other:
        row["resps"] = [row["resps"][0][2:]]
    log = one_log(write_lines(tmp_path / "samples_x.jsonl", [*first, *again, *other]))
    assert [sample.text for sample in log.samples] == [one.text for one in known_draws(4)]
    assert reasons(log) == {assembly.TWICE: 2 * len(first)}


def test_a_later_date_is_more_draws_unless_they_are_the_same(tmp_path: Path) -> None:
    lm_eval(tmp_path)
    copy = lm_eval(tmp_path, date="2026-11-02T10-00-00.000001")
    copy.write_text(copy.read_text() + "\n")
    log = one_log(tmp_path)
    assert reasons(log) == {assembly.COPY: len(known_draws())}
    rows = lm_eval_rows(8)
    for row in rows:
        row["resps"] = [row["resps"][0][4:]]
    write_lines(copy, rows)
    assert [one.text for one in one_log(tmp_path).samples] == [one.text for one in known_draws(8)]


def test_thinking_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = lm_eval(tmp_path)
    summary = next(path.parent.glob("results_*.json"))
    arguments = {"model_args": "pretrained=x,think_end_token=</think>"}
    summary.write_text(json.dumps({"model_name": MODEL, "config": arguments}))
    assert reasons(one_log(tmp_path)) == {harness.STRIPPED: len(known_draws())}


def test_settings_of_the_requests_are_those_of_the_log(tmp_path: Path) -> None:
    lm_eval(tmp_path)
    log = one_log(tmp_path)
    assert (log.temperature, log.max_tokens) == (0.8, 256)


# lighteval


def test_lighteval_counts_tokens_where_it_has_them_and_states_nothing_of_several_draws(
    tmp_path: Path,
) -> None:
    lighteval(tmp_path)
    log = one_log(tmp_path)
    assert [one.tokens for one in log.samples] == [one.tokens for one in known_draws()]
    assert (log.temperature, log.top_p, log.max_tokens) == (0.7, 0.9, 128)
    assert {one.stated for one in log.samples} == {()}


def test_lighteval_without_texts_or_tokens(tmp_path: Path) -> None:
    document = {"id": "7", "query": "What?", "choices": ["4", "5"], "gold_index": [0, 1]}
    spoken = {"text": ["four"], "input_tokens": [], "output_tokens": []}
    silent = {"text": [], "input_tokens": [1], "output_tokens": []}
    rows = [
        {"__doc__": document, "__model_response__": spoken, "__metric__": {"em": 1.0}},
        {"__doc__": document, "__model_response__": silent, "__metric__": {"em": 0.0}},
    ]
    path = tmp_path / "details_x.parquet"
    pl.DataFrame(rows).write_parquet(path)
    log = one_log(path)
    (sample,) = log.samples
    assert (sample.tokens, sample.prompt_tokens) == (None, None)
    assert sample.stated == (Stated("em", 1.0),)
    assert log.questions["7"].targets == ("4", "5")
    assert reasons(log) == {light.NO_TEXT: 1}


# search-and-learn


@pytest.mark.parametrize(
    "place", ["beam_search/a.jsonl", "x--dvts--y/a.jsonl", "dvts_completions.jsonl"]
)
def test_what_a_search_left_is_no_pool_by_its_name(tmp_path: Path, place: str) -> None:
    log = one_log(write_lines(tmp_path / place, search_rows()))
    assert (log.samples, reasons(log)) == ([], {search.SEARCHED: len(known_draws())})


@pytest.mark.parametrize("count", [0, -1])
def test_what_a_search_left_is_no_pool_by_its_counts(tmp_path: Path, count: int) -> None:
    rows = [row | {"completion_tokens": [count] * 4} for row in search_rows()]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert (log.samples, reasons(log)) == ([], {search.SEARCHED: len(known_draws())})


def test_beams_filled_up_with_copies_are_no_pool(tmp_path: Path) -> None:
    rows = [row | {"completion_tokens": None} for row in search_rows()]
    for row in rows:
        row["completions"] = row["completions"][:2] * 2
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert (log.samples, reasons(log)) == ([], {search.SEARCHED: len(known_draws())})


def test_seeds_are_runs_of_one_pool_and_broken_scores_cost_the_scores(tmp_path: Path) -> None:
    for seed, rows in enumerate((search_rows(2), search_rows(4))):
        for row in rows:
            for name in ("completions", "scores", "completion_tokens", "agg_scores"):
                row[name] = row[name][2 * seed :]
        rows[0]["scores"][0] = [0.5, float("nan")]
        name = f"{TASK}--T-0.8--top_p-1.0--n-2--max_tokens-2048--seed-{seed}"
        write_lines(tmp_path / "data" / MODEL / name / "a.jsonl", rows)
    log = one_log(tmp_path)
    assert [one.text for one in log.samples] == [one.text for one in known_draws(4)]
    assert (log.verifier, log.temperature, log.max_tokens) == ("scores", 0.8, 2048)
    assert [bool(one.scores) for one in log.samples[:4]] == [False, True, False, True]
    assert reasons(log) == {assembly.NO_NUMBER: 2}
