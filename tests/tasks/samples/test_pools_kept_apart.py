"""Draws of two models, asked in two ways or drawn greedily are never one pool of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from known_draws import QUESTIONS, Known, known_draws, one_log, reasons, write_lines
from sample_logs import lm_eval, lm_eval_rows, nemo_row, nemo_skills, plain_row

from tasks.samples import assembly
from tasks.samples import lm_eval as harness
from tasks.samples.log import SampleLog
from tasks.samples.reading import read_logs
from tasks.samples.ways import Prompts, folders_apart

DATES = [f"2026-11-0{day}T10-00-00.000001" for day in range(1, 4)]
ODD: list[Any] = [None, 5, "x", [], {}, [[]], {"a": 1}, True, float("nan"), 10**400]


def other_texts(rows: list[dict[str, Any]], run: int) -> list[dict[str, Any]]:
    """The same documents drawn again: nothing in the texts tells that they belong together."""
    for row in rows:
        row["resps"] = [[f"{run}: {text}" for text in row["resps"][0]]]
    return rows


def harness_file(folder: Path, run: int, rows: list[dict[str, Any]]) -> Path:
    """A file of lm-evaluation-harness without its summary."""
    return write_lines(folder / f"samples_sums_{DATES[run]}.jsonl", other_texts(rows, run))


def names(logs: list[SampleLog]) -> list[tuple[str | None, str | None]]:
    return [(log.model, log.task) for log in logs]


@pytest.mark.parametrize("below", ["eval-results", "runs/math"])
def test_folders_above_a_benchmark_are_models(below: str, tmp_path: Path) -> None:
    for run, model in enumerate(("llama", "qwen", "qwen/tuned")):
        for seed in range(2):
            rows = [nemo_row(Known(name, 2 * run + seed)) for name in QUESTIONS]
            write_lines(tmp_path / model / below / "sums" / f"output-rs{seed}.jsonl", rows)
    logs = read_logs([tmp_path])
    assert {log.model for log in logs} >= {"llama"}
    assert len(set(names(logs))) == 3
    assert [len(log.samples) for log in logs] == [6, 6, 6]


def test_one_folder_names_no_model(tmp_path: Path) -> None:
    nemo_skills(tmp_path)
    assert one_log(tmp_path).model is None


def test_what_differs_between_paths_stands_between_what_they_share() -> None:
    paths = [Path("/a/x/r"), Path("/a/y/z/r"), Path("/a/r"), Path("/a/x/r")]
    assert list(folders_apart(paths).values()) == ["x", "y/z", ""]
    assert list(folders_apart(paths[:1]).values()) == [""]


def test_folders_of_files_without_a_summary_are_models(tmp_path: Path) -> None:
    for run, model in enumerate(("gpt2", "opt", "acme__small")):
        harness_file(tmp_path / model, run, lm_eval_rows(2, ["none"]))
    logs = read_logs([tmp_path])
    assert [log.model for log in logs] == ["acme/small", "gpt2", "opt"]
    assert [len(log.samples) for log in logs] == [2 * len(QUESTIONS)] * 3


def test_the_weights_that_a_summary_names_tell_models_of_one_name_apart(tmp_path: Path) -> None:
    for run, weights in enumerate(("peft=a,seed=1", "peft=b,seed=1", "peft=b,seed=2")):
        path = lm_eval(tmp_path, date=DATES[run])
        write_lines(path, other_texts(lm_eval_rows(2, ["none"]), run))
        summary = path.with_name(f"results_{DATES[run]}.json")
        told = json.loads(summary.read_text())
        summary.write_text(json.dumps(told | {"config": {"model_args": f"pretrained=x,{weights}"}}))
    sizes = [len(log.samples) for log in read_logs([tmp_path])]
    assert sizes == [2 * len(QUESTIONS), 4 * len(QUESTIONS)]


@pytest.mark.parametrize("part", ["arg_0", "until", "prompt_hash"])
def test_the_same_documents_asked_in_another_way_are_another_log(part: str, tmp_path: Path) -> None:
    for run in range(3):
        rows = lm_eval_rows(2, ["none"])
        for row in rows if run == 1 else []:
            given = row["arguments"]["gen_args_0"]
            if part == "arg_0":
                given["arg_0"] = f"Q: 1 + 1?\nA: 2\n{given['arg_0']}"
            elif part == "until":
                given["arg_1"] = given["arg_1"] | {"until": ["\n\n"]}
            else:
                del given["arg_0"]
                row["prompt_hash"] = "other"
        harness_file(tmp_path / "gpt2", run, rows)
    logs = read_logs([tmp_path])
    # The third file asks as the first one does: they are one pool.
    assert sorted(len(log.samples) for log in logs) == [2 * len(QUESTIONS), 4 * len(QUESTIONS)]
    assert len(set(names(logs))) == 2


def test_examples_before_a_question_name_the_task_where_it_stands_twice(tmp_path: Path) -> None:
    for run, shots in enumerate((8, 0)):
        path = lm_eval(tmp_path, date=DATES[run])
        rows = lm_eval_rows(2, ["none"])
        for row in rows:
            row["arguments"]["gen_args_0"]["arg_0"] = "1 + 1 = 2\n" * shots
        write_lines(path, other_texts(rows, run))
        summary = path.with_name(f"results_{DATES[run]}.json")
        told = json.loads(summary.read_text())
        summary.write_text(json.dumps(told | {"n-shot": {"sums": shots}}))
    assert [log.task for log in read_logs([tmp_path])] == ["sums (8-shot)", "sums (0-shot)"]
    alone = next(tmp_path.rglob(f"*{DATES[0]}.jsonl"))
    assert one_log(alone).task == "sums"


def test_parts_of_a_benchmark_are_of_one_way() -> None:
    prompts = Prompts()
    first = prompts.assign("a", {"1": "x", "2": "y"}, "")
    assert prompts.assign("a", {"3": "z"}, "") == first
    assert prompts.assign("a", {"2": "y", "4": "q"}, "") == first
    assert prompts.assign("a", {"4": "other"}, "") != first
    assert prompts.assign("a", {"5": "new"}, "8-shot") == first
    assert prompts.assign("b", {"2": "other"}, "0-shot").word == "0-shot"
    assert prompts.assign("b", {"3": "z"}, "8-shot").word == "8-shot"


@pytest.mark.parametrize(
    "drawn", [{"do_sample": False}, {"temperature": 0}, {"temperature": 0.0, "do_sample": False}]
)
def test_greedy_runs_are_one_draw_however_many_there_are(
    drawn: dict[str, Any], tmp_path: Path
) -> None:
    for run in range(3):
        rows = lm_eval_rows(2, ["none"])
        for row in rows:
            row["arguments"]["gen_args_0"]["arg_1"] = drawn
        harness_file(tmp_path / "gpt2", run, rows)
    log = one_log(tmp_path)
    assert [sample.draw for sample in log.samples] == [0] * len(QUESTIONS)
    assert reasons(log) == {assembly.GREEDY: 5 * len(QUESTIONS)}


@pytest.mark.parametrize("drawn", [{"temperature": 0}, {"top_k": 1}])
def test_greedy_draws_of_any_layout_are_one(drawn: dict[str, Any], tmp_path: Path) -> None:
    rows = [plain_row(one) | drawn for one in known_draws()]
    log = one_log(write_lines(tmp_path / "a.jsonl", rows))
    assert len(log.samples) == len(QUESTIONS)
    assert reasons(log) == {assembly.GREEDY: len(rows) - len(QUESTIONS)}


def test_seeds_that_lost_lines_are_matched_by_what_is_asked(tmp_path: Path) -> None:
    for seed in range(3):
        rows = [nemo_row(Known(name, seed)) for name in QUESTIONS]
        for row in rows:
            del row["id"]
        del rows[seed : seed + (1 if seed else 0)]
        write_lines(tmp_path / "sums" / f"output-rs{seed}.jsonl", rows)
    log = one_log(tmp_path)
    assert len(log.questions) == len(QUESTIONS)
    asked = {key: question.text for key, question in log.questions.items()}
    # Every draw stands under the question that it answers.
    expected = {one.text: one.asked for one in known_draws(3)}
    assert {one.text: asked[one.question_id] for one in log.samples}.items() <= expected.items()
    assert (len(log.samples), log.refused) == (7, [])


# Documents of lm-evaluation-harness


PROGRAM = {
    "prompt": "def add(a, b):\n",
    "test": "def check(add):\n    assert add(1, 2) == 3\n",
    "entry_point": "add",
}
ASSERTIONS = {"text": "Write add.", "test_list": ["assert add(1, 2) == 3"]}


@pytest.mark.parametrize("document", [PROGRAM, ASSERTIONS])
def test_documents_with_tests_are_programs(document: dict[str, Any], tmp_path: Path) -> None:
    rows = [row | {"doc": document} for row in lm_eval_rows(2, ["none"])]
    log = one_log(write_lines(tmp_path / "samples_code.jsonl", rows))
    for question in log.questions.values():
        assert "assert add(1, 2) == 3" in question.tests[-1]
        assert question.target


@pytest.mark.parametrize("tests", [{"test_list": []}, {"entry_point": "f"}, {"test_list": 5}])
def test_programs_without_tests_are_refused(tests: dict[str, Any], tmp_path: Path) -> None:
    rows = [row | {"doc": {"prompt": "Write f."} | tests} for row in lm_eval_rows(2, ["none"])]
    log = one_log(write_lines(tmp_path / "samples_code.jsonl", rows))
    assert reasons(log) == {harness.NO_TESTS: 2 * len(QUESTIONS)}


def test_null_among_the_responses_is_called_so(tmp_path: Path) -> None:
    rows = lm_eval_rows(2, ["none"])
    rows[0]["resps"] = [["a", None]]
    rows[1]["resps"] = [[None]]
    log = one_log(write_lines(tmp_path / "samples_x.jsonl", rows))
    assert len(log.samples) == 2
    assert reasons(log) == {harness.NO_TEXT: 2}


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_values_cost_no_more_than_their_row(odd: Any, tmp_path: Path) -> None:
    """Every key of a row, and of the objects in it, holds something else than its name says."""
    (row, *_) = lm_eval_rows(2, ["none"])
    given = row["arguments"]["gen_args_0"]
    changed = [row | {key: odd} for key in row]
    changed += [row | {"arguments": {"gen_args_0": given | {key: odd}}} for key in given]
    changed += [row | {"doc": row["doc"] | {key: odd}} for key in (*row["doc"], *PROGRAM)]
    changed = [one | {"doc_hash": f"odd-{place}"} for place, one in enumerate(changed)]
    whole = lm_eval_rows(2, ["none"])
    (log, *_) = read_logs([write_lines(tmp_path / "samples_x.jsonl", [*whole, *changed])])
    assert {one.question_id for one in log.samples} >= {one["doc_hash"] for one in whole}
    seeds = [nemo_row(Known("sum-1", 0))]
    seeds += [nemo_row(Known("sum-2", 0)) | {key: odd} for key in seeds[0]]
    logs = read_logs([write_lines(tmp_path / "sums" / "output-rs0.jsonl", seeds)])
    assert Known("sum-1", 0).text in {one.text for log in logs for one in log.samples}
