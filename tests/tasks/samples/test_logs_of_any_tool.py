"""What goes wrong in rows, whatever tool wrote them: never a pool of what was not drawn apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from known_draws import QUESTIONS, Known, one_log, reasons, write_lines
from sample_logs import every_eval_ever, nemo_row, plain, plain_row

from tasks.samples import assembly
from tasks.samples import every_eval_ever as ever
from tasks.samples.log import Stated


def rewrite(path: Path, **changes: Any) -> Path:
    """The same file with these values in every row; None takes the key away."""
    rows = [json.loads(line) | changes for line in path.read_text().splitlines()]
    return write_lines(
        path, [{key: value for key, value in row.items() if value is not None} for row in rows]
    )


def test_conversations_are_no_draws_and_scores_of_several_say_nothing_of_one(
    tmp_path: Path,
) -> None:
    path = every_eval_ever(tmp_path)
    log = one_log(path)
    assert {(one.tokens, one.stated) for one in log.samples} == {(None, ())}
    assert (log.temperature, log.max_tokens) == (0.6, 64)
    rewrite(path, interaction_type="agentic")
    assert reasons(one_log(path)) == {ever.SEVERAL_TURNS: len(QUESTIONS)}


def test_one_draw_a_row_has_its_score_its_tokens_and_its_answer(tmp_path: Path) -> None:
    path = every_eval_ever(tmp_path)
    read = [{"extracted_value": "42", "is_terminal": True}]
    rewrite(path, output={"raw": ["It is 42."]}, answer_attribution=read)
    sample = one_log(path).samples[0]
    assert (sample.tokens, sample.prompt_tokens) == (999, 9)
    assert sample.stated == (Stated("score", 0.5, "42"), Stated("is_correct", 0.0, "42"))


def test_rows_that_hold_something_else_than_their_keys_say_are_counted(tmp_path: Path) -> None:
    row = plain_row(Known("sum-1", 0))
    wrong: dict[str, Any] = {
        "text is no text": {"text": 7},
        "question_id is missing": {"question_id": None},
        "stop is not end or limit": {"stop": "length"},
        "role is not proposer or difficulty": {"role": "judge"},
        "tokens is no count": {"tokens": -2},
        "temperature is no number": {"temperature": "hot"},
        "a score is no finite number": {"scores": [float("nan")]},
        "stated is no list": {"stated": "right"},
    }
    rows = [row, *(row | {"draw": 1} | change for change in wrong.values())]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert len(log.samples) == 1
    assert reasons(log) == dict.fromkeys(wrong, 1)


def test_ids_of_numbers_and_halves_of_characters(tmp_path: Path) -> None:
    rows = [plain_row(Known("sum-1", 0)) | {"question_id": 7, "text": "4 \ud83d"}]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert list(log.questions) == ["7"]
    assert log.samples[0].text == "4 �"


def test_an_id_of_two_questions_keeps_the_first(tmp_path: Path) -> None:
    rows = [plain_row(Known("sum-1", 0)), plain_row(Known("sum-1", 1)) | {"question": "Else?"}]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert len(log.samples) == 1
    assert reasons(log) == {assembly.OTHER_QUESTION: 1}


def test_short_texts_may_be_drawn_twice_and_long_ones_may_not(tmp_path: Path) -> None:
    long = plain_row(Known("sum-1", 0)) | {"text": "carry " * 60}
    rows = [plain_row(Known("sum-1", 0)) | {"text": "42"}, long]
    for row in rows:
        del row["draw"]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows * 3))
    assert [one.text for one in log.samples] == ["42", "carry " * 60, "42", "42"]
    assert reasons(log) == {assembly.TWICE: 2}


def test_two_runs_that_agree_in_short_answers_alone_are_two_runs(tmp_path: Path) -> None:
    """Single letters agree all the time: to leave such runs out would bias what is left."""
    for seed in range(2):
        rows = [nemo_row(Known(name, 0)) | {"generation": "B"} for name in QUESTIONS]
        rows[0]["num_generated_tokens"] = seed + 1
        write_lines(tmp_path / "letters" / f"output-rs{seed}.jsonl", rows)
    log = one_log(tmp_path)
    assert (len(log.samples), log.refused) == (6, [])


def test_contradicting_copies_of_a_draw_keep_the_first(tmp_path: Path) -> None:
    row = plain_row(Known("sum-1", 0))
    log = one_log(write_lines(tmp_path / "a.jsonl", [row, row | {"text": "else"}]))
    assert [one.text for one in log.samples] == [row["text"]]
    assert reasons(log) == {assembly.CONTRADICTION: 1}


def test_draws_that_a_second_file_adds_are_numbered_on(tmp_path: Path) -> None:
    plain(tmp_path)
    more = [plain_row(Known(name, 8)) | {"draw": 0} for name in QUESTIONS]
    write_lines(tmp_path / "more.jsonl", more)
    log = one_log(tmp_path)
    draws = [sample.draw for sample in log.samples if sample.question_id == "sum-1"]
    assert draws == [0, 1, 2, 3, 4]
    assert [replace(one, place="").text for one in log.samples][4] == Known("sum-1", 8).text
