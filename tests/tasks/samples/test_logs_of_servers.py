"""What is known to go wrong in logs of NeMo-Skills, EvalScope and batches of a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from known_draws import MODEL, QUESTIONS, TASK, Known, known_draws, one_log, reasons, write_lines
from sample_logs import batch_response, evalscope, nemo_row, nemo_skills, openai_batch

from tasks.samples import evalscope as scope
from tasks.samples import nemo_skills as nemo
from tasks.samples import openai_batch as batch
from tasks.samples.reading import read_logs
from warehouse.errors import UserError


def test_the_greedy_run_and_an_open_run_beside_the_seeds_are_left_out(tmp_path: Path) -> None:
    folder = nemo_skills(tmp_path)
    write_lines(folder / "output.jsonl", [nemo_row(Known(name, 9)) for name in QUESTIONS])
    begun = [nemo_row(Known("sum-2", 0)) | {"_async_position": 1}]
    write_lines(folder / "output-rs0.jsonl-async", begun)
    log = one_log(tmp_path)
    assert len(log.samples) == len(known_draws())
    assert reasons(log) == {nemo.GREEDY: 1, nemo.PARTIAL: 1}


def test_a_run_that_is_not_over_is_read_by_its_positions(tmp_path: Path) -> None:
    rows = [
        nemo_row(Known(name, 0)) | {"_async_position": place}
        for place, name in ((2, "sum-3"), (0, "sum-1"))
    ]
    for row in rows:
        del row["id"], row["problem"]
    log = one_log(write_lines(tmp_path / "sums" / "output-rs0.jsonl-async", rows))
    assert list(log.questions) == ["line-3", "line-1"]


def test_failed_requests_are_no_answers_and_what_was_cut_while_thinking_is_one(
    tmp_path: Path,
) -> None:
    row = nemo_row(Known("sum-1", 0)) | {"generation": ""}
    rows = [
        row | {"num_generated_tokens": 0},
        row | {"id": "sum-2", "reasoning_content": "so", "finish_reason": "length"},
    ]
    log = one_log(write_lines(tmp_path / "sums" / "output-rs0.jsonl", rows))
    (sample,) = log.samples
    assert (sample.text, sample.stop) == ("<think>\nso", "limit")
    assert reasons(log) == {nemo.FAILED: 1}


def test_subsets_are_tasks_of_their_own(tmp_path: Path) -> None:
    rows = [
        nemo_row(Known(name, 0)) | {"subset_for_metrics": part}
        for name, part in (("sum-1", "easy"), ("sum-2", "hard"))
    ]
    path = write_lines(tmp_path / "sums" / "output-rs0.jsonl", rows)
    assert [log.task for log in read_logs([path])] == ["sums/easy", "sums/hard"]


def test_the_judge_and_the_rule_are_told_apart(tmp_path: Path) -> None:
    row = nemo_row(Known("sum-1", 1)) | {"judgement": "Reasoning: fine.\nJudgement: No"}
    (sample,) = one_log(write_lines(tmp_path / "s" / "output-rs1.jsonl", [row])).samples
    assert [(one.metric, one.value) for one in sample.stated] == [
        ("symbolic_correct", 1.0),
        ("judgement", 0.0),
    ]


# EvalScope


def test_reviews_alone_have_texts_and_predictions_alone_tokens(tmp_path: Path) -> None:
    evalscope(tmp_path)
    texts = [one.text for one in one_log(tmp_path).samples]
    reviewed, predicted = one_log(tmp_path / "reviews"), one_log(tmp_path / "predictions")
    assert [one.text for one in reviewed.samples] == texts
    assert {one.tokens for one in reviewed.samples} == {None}
    # Without a group, draws of one question are asked the same.
    assert [one.text for one in predicted.samples] == texts
    assert {question.target for question in predicted.questions.values()} == {""}


def test_an_index_that_stands_twice_counts_once(tmp_path: Path) -> None:
    evalscope(tmp_path)
    for path in tmp_path.rglob("*.jsonl"):
        path.write_text(path.read_text() * 2)
    log = one_log(tmp_path)
    assert len(log.samples) == len(known_draws())
    assert reasons(log) == {scope.TWICE: 2 * len(known_draws())}


# Batches


def test_counts_of_several_choices_are_no_counts_of_one(tmp_path: Path) -> None:
    openai_batch(tmp_path / "four", n=4)
    openai_batch(tmp_path / "one", n=1)
    four, one = one_log(tmp_path / "four"), one_log(tmp_path / "one")
    assert {sample.tokens for sample in four.samples} == {None}
    assert {sample.prompt_tokens for sample in four.samples} == {9}
    assert [sample.tokens for sample in one.samples] == [known.tokens for known in known_draws()]
    assert [sample.text for sample in one.samples] == [sample.text for sample in four.samples]
    assert (one.model, one.temperature, one.max_tokens) == (MODEL, 1.0, 99)


def test_failed_requests_of_a_batch_are_counted_and_not_answered(tmp_path: Path) -> None:
    openai_batch(tmp_path, n=1)
    path = tmp_path / f"{TASK}_output.jsonl"
    first, second, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join(others))
    refused, dead = json.loads(first), json.loads(second)
    refused["response"] = {"status_code": 429, "body": {"error": {"message": "slow down"}}}
    dead |= {"response": None, "error": {"code": "batch_expired"}}
    write_lines(tmp_path / f"{TASK}_error.jsonl", [refused, dead])
    log = one_log(tmp_path)
    assert len(log.samples) == len(known_draws()) - 2
    assert reasons(log) == {batch.FAILED: 2}


def test_responses_without_their_requests_have_questions_without_texts(tmp_path: Path) -> None:
    openai_batch(tmp_path)
    log = one_log(tmp_path / f"{TASK}_output.jsonl")
    assert [(one.text, one.target) for one in log.questions.values()] == [("", "")] * 3
    assert len(log.samples) == len(known_draws())


def test_requests_alone_are_no_log(tmp_path: Path) -> None:
    openai_batch(tmp_path)
    with pytest.raises(UserError, match=r"files of openai-batch that hold none.*responses too"):
        read_logs([tmp_path / f"{TASK}.jsonl"])


def test_what_is_no_completion_is_refused_and_thinking_is_put_before(tmp_path: Path) -> None:
    rows = [batch_response("a", [Known("sum-1", 0)]) for _ in range(2)]
    rows[0]["response"]["body"] = {"data": [{"embedding": [0.1]}], "model": "e"}
    rows[1]["response"]["body"]["choices"][0]["message"]["reasoning"] = "hm"
    log = one_log(write_lines(tmp_path / "out.jsonl", rows))
    assert log.samples[0].text == f"<think>\nhm\n</think>\n\n{Known('sum-1', 0).text}"
    assert reasons(log) == {batch.NO_COMPLETION: 1}


def test_two_batches_with_the_same_ids_are_not_mixed(tmp_path: Path) -> None:
    openai_batch(tmp_path)
    requests = tmp_path / f"{TASK}.jsonl"
    other = requests.read_text().replace("What is", "How much is")
    (tmp_path / "other.jsonl").write_text(other)
    with pytest.raises(UserError, match=r"'sum-\d-0' for two requests; import each batch from"):
        read_logs([tmp_path])
