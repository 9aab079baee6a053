"""Formats: what their tables ask of a prompt, of thinking and of the answer."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from scripts import FORMAT

from tasks.asking.tools import Revising
from tasks.benchmarks.question import Question
from tasks.draws.nodes import root
from tasks.grading.extraction import extract_answer
from tasks.models.format_tables import format_table
from tasks.models.formats import load_format
from tasks.models.thinking import Thinking, choose_marks
from tasks.models.verifiers import load_verifier_format
from tasks.models.version import BUNDLED, load_model

QUESTION = Question("q1", "Is {x} = 2?", "2")
OPEN = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"


@pytest.fixture
def chat_model(folders: Path) -> Path:
    return folders / "qwen-math-prm"


@pytest.fixture
def thinking_model(chat_model: Path, tmp_path: Path) -> Path:
    """A model whose chat template begins the thinking, as DeepSeek-R1's does."""
    folder = tmp_path / "thinking"
    shutil.copytree(chat_model, folder)
    described = json.loads((folder / "tokenizer_config.json").read_text())
    begun = OPEN.replace("assistant\n", "assistant\n<think>\n")
    described["chat_template"] = described["chat_template"].replace(OPEN, begun)
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    return folder


def test_a_template_that_asks_the_clock_writes_the_same_prompt_every_night(
    chat_model: Path, tmp_path: Path
):
    folder = tmp_path / "dated"
    shutil.copytree(chat_model, folder)
    described = json.loads((folder / "tokenizer_config.json").read_text())
    dated = "{{ 'Current date: ' + strftime_now('%Y-%m-%d') + '\n' }}"
    described["chat_template"] = dated + described["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    prompt = load_format("gpt-oss", folder).render(QUESTION.text)
    assert prompt.startswith("Current date: 2026-01-01\n")


@pytest.mark.parametrize("name", ["chat-math", "chat-plain", "think-math", "qwen-math"])
def test_no_chat_format_reads_the_answer_out_of_thinking(chat_model: Path, name: str):
    form = load_format(name, chat_model)
    said = "Answer: \\boxed{15}" if name == "chat-plain" else "It is \\boxed{15}."
    thought = "<think>So \\boxed{12}.\n\nAnswer: 12\n\nNo.</think>\n\n"
    final = form.final(thought + said)
    assert final is not None
    assert extract_answer(final, form.markers) == "15"
    assert form.final("<think>So \\boxed{12}") is None
    assert form.final(said) == said


def test_a_template_may_begin_the_thinking(thinking_model: Path):
    form = load_format("think-math", thinking_model)
    assert form.render(QUESTION.text).endswith("<think>\n")
    assert form.final("So \\boxed{12}.") is None
    assert form.final("So \\boxed{12}.</think>\n\n\\boxed{15}") == "\n\n\\boxed{15}"


def test_only_a_format_that_says_so_thinks(chat_model: Path):
    assert load_format("think-math", chat_model).thinks
    assert load_format("gpt-oss", chat_model).thinks
    assert not load_format("chat-math", chat_model).thinks
    assert not load_format("congruences", BUNDLED / "congruences-generator").thinking.marks


def test_empty_thinking_is_no_step(chat_model: Path):
    form = load_format("think-math", chat_model)
    text = "<think>\n\n</think>\n\nFirst.\n\nThen \\boxed{2}."
    steps = form.steps.split(form.tokenizer.encode(text)).texts
    assert steps == ["<think>\n\n</think>\n\nFirst.\n\n", "Then \\boxed{2}."]
    assert list(form.thinking.after(steps)) == ["\n\nFirst.\n\n", "Then \\boxed{2}."]


def test_a_base_model_gets_worked_problems_and_its_first_token(folders: Path):
    form = load_format("base-math", folders / "rlhflow")
    prompt = form.render(QUESTION.text)
    table = format_table("base-math")
    assert prompt.startswith("<|begin_of_text|>Problem: A pen costs")
    assert prompt.endswith("\n\nProblem: Is {x} = 2?\nSolution:")
    assert prompt.count("Problem: ") == prompt.count("Solution:") == len(table["shots"]) + 1
    # A worked problem is one the model could have been asked: its answer is found as a model's is.
    for shot in table["shots"]:
        assert extract_answer(form.final(shot["answer"]) or "", form.markers)
    assert form.stops == ("\nProblem:",)


def test_a_revision_shows_the_worked_problems_once(folders: Path):
    form = load_format("base-math", folders / "rlhflow")
    prompt = form.revision(QUESTION, ["So \\boxed{1}."])
    assert prompt.count("A pen costs") == 1
    assert prompt.endswith("Attempt 1:So \\boxed{1}.\nAttempt 2:")


def test_a_format_that_says_so_ends_with_the_first_answer(folders: Path):
    form = load_format("base-math", folders / "rlhflow")
    run_on = "It is \\boxed{7}, or \\boxed{8}.\nSo on: \\boxed{4}"
    assert form.final(run_on) == "It is \\boxed{7}, or \\boxed{8}"
    assert form.final("It is 7.") == "It is 7."


def test_a_marker_is_one_text_or_several_in_order(chat_model: Path):
    assert load_format("chat-math", chat_model).markers == ("\\boxed",)
    assert load_format("think-math", chat_model).markers == ("\\boxed", "Answer: ")


def test_attempts_of_a_thinking_model_are_shown_without_their_thinking():
    form = dataclasses.replace(FORMAT, thinking=Thinking(choose_marks(["think"])))
    start = root(QUESTION, form.prompt(QUESTION))
    texts = ["<think>Answer: 1</think>Answer: 2", "<think>Answer: 3", "Answer: 4"]
    attempts = [dataclasses.replace(start, written=text, stop="end") for text in texts]
    asked = Revising(form, shown=False).start(QUESTION, attempts)
    # One that never stopped thinking said nothing.
    assert form.tokenizer.decode(asked.token_ids) == "Is {x} = 2?[Answer: 2][Answer: 4]"


def test_versions_of_bundled_models_stay_what_they_were():
    # Written down once: another value would make every stored draw and score a stranger's.
    usage = json.dumps([format_table("congruences"), "float32"], sort_keys=True)
    generator = load_model("bundled/congruences-generator", usage)
    prm = load_verifier_format("congruences-prm").identity
    verifier = load_model("bundled/congruences-prm", json.dumps([prm, "float32"], sort_keys=True))
    assert (generator.fingerprint, verifier.fingerprint) == (
        "408e22ed5460e093",
        "0dc04b5007e8352b",
    )
