"""Dialogues: what a chat format says to a model, whatever template writes it down."""

from __future__ import annotations

import pytest

from tasks.grading.extraction import extract_answer
from tasks.grading.graders import GRADERS
from tasks.models.format_tables import format_table
from tasks.models.formats import load_format, markers_of, thinking_of
from tasks.models.prompts import dialogues_of
from tasks.models.thinking import known_marks
from warehouse.errors import UserError

KINDS = [*GRADERS, "command"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_chat_format_asks_for_every_kind_of_answer_in_a_users_turn(kind: str):
    (turn,) = dialogues_of(format_table("chat"), kind).ask("Is {x} = 2?")
    assert turn.role == "user"
    assert turn.content.startswith("Is {x} = 2?\n\n")
    assert "{ask}" not in turn.content and "{{" not in turn.content


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("math", "\\boxed{}"),
        ("number", "\\boxed{}"),
        ("text", "\\boxed{}"),
        ("choice", "the letter"),
        ("code", "```python"),
    ],
)
def test_what_is_asked_for_follows_the_kind(kind: str, wanted: str):
    (turn,) = dialogues_of(format_table("chat"), kind).ask("Which?")
    assert wanted in turn.content


def test_answers_are_found_as_they_are_asked_for():
    markers = markers_of(format_table("chat"))
    assert extract_answer("So it is $\\boxed{14}$.", markers) == "14"
    assert extract_answer("Not \\boxed{A}.\n\nAnswer: C", markers) == "C"


def test_the_chat_format_reads_every_familys_thinking():
    thinking = thinking_of(format_table("chat"), "")
    assert set(thinking.marks) == set(known_marks().values())


def test_a_revision_is_one_turn_with_the_attempts():
    dialogues = dialogues_of(format_table("chat"), "number")
    (turn,) = dialogues.revise("How many?", ["Six: \\boxed{6}", "\\boxed{7}"])
    assert turn.content.startswith(dialogues.ask("How many?")[0].content)
    assert "Attempt 1:\nSix: \\boxed{6}\n\nAttempt 2:\n\\boxed{7}" in turn.content


def test_a_formats_system_text_is_a_turn_of_its_own():
    system, user = dialogues_of(format_table("qwen-math"), "math").ask("Is {x} = 2?")
    assert (system.role, user.role) == ("system", "user")
    assert "step by step" in system.content
    assert user.content == "Is {x} = 2?"


def test_a_kind_that_a_format_does_not_ask_for_is_refused():
    table = {**format_table("chat"), "asks": {"math": "In \\boxed{}."}}
    with pytest.raises(UserError, match=r"kind 'choice', it asks for math; add asks\.choice"):
        dialogues_of(table, "choice")


def test_a_loaded_format_asks_for_its_kind(folders):
    code = load_format("chat", folders / "qwen-math-prm", kind="code").render("Sort a list.")
    assert "```python" in code and "\\boxed" not in code
