"""Formats in whole runs: what of them makes a model another version, and what a plan says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scripted_runs import small_study
from tiny_models import rlhflow

from tasks.evaluation.forecast import forecast
from tasks.models.format_tables import format_table
from tasks.runs.loading import prepare_run
from tasks.runs.run import Run
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store

TEMPLATE = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}"
    "{% else %}{{ '<think>\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "gemma"
    rlhflow(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Which letter, {n}?", "options": ["one", "two"], "answer": "B"}
        for n in range(12)
    ]
    path = tmp_path / "letters.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def study_of(model: Path, questions: Path, **generator: Any) -> Study:
    asked = {"models": (str(model),), "max_tokens": 16, "max_step_tokens": 8, **generator}
    return small_study(
        benchmark=str(questions),
        questions=None,
        generator=asked,
        verifier=None,
        baseline="majority",
        strategies=("majority",),
    )


def run_of(model: Path, questions: Path, **generator: Any) -> Run:
    return prepare_run(study_of(model, questions, **generator), str(model), run_id="")


def test_a_model_is_asked_for_the_benchmarks_kind_of_answer(model: Path, questions: Path):
    run = run_of(model, questions, format="chat")
    assert run.benchmark.kind.grader == "choice"
    assert "the letter of the right option" in run.format.render("Which?")


def test_a_table_is_the_version_that_the_format_of_its_content_is(model: Path, questions: Path):
    named = run_of(model, questions, format="chat").generator.fingerprint
    like = run_of(model, questions, format={"name": "mine", "like": "chat"}).generator.fingerprint
    whole = {"name": "mine", **format_table("chat")}
    other = {"name": "mine", "like": "chat", "system": "Be brief."}
    assert named == like == run_of(model, questions, format=whole).generator.fingerprint
    assert named != run_of(model, questions, format=other).generator.fingerprint


def test_what_the_template_is_told_makes_another_version(model: Path, questions: Path):
    thinking = run_of(model, questions, format="chat")
    told = {"enable_thinking": False}
    silent = run_of(model, questions, format="chat", chat_template_kwargs=told)
    assert thinking.format.thinks and not silent.format.thinks
    assert silent.format.render("Which?").endswith("</think>\n\n")
    assert thinking.generator.fingerprint != silent.generator.fingerprint
    both = run_of(model, questions, format="think-math", chat_template_kwargs=told)
    assert not both.format.thinks


@pytest.mark.parametrize(("generator", "words"), [
    ({"format": "chat", "chat_template_kwargs": {"thinking": 1}}, "asks for: enable_thinking;"),
    ({"format": "base-math", "chat_template_kwargs": {"x": 1}}, r"\['x'\] go to a chat template"),
])  # fmt: skip
def test_what_nobody_asks_for_is_refused_before_the_first_token(
    model: Path, questions: Path, generator: dict[str, Any], words: str
):
    with pytest.raises(UserError, match=words):
        run_of(model, questions, **generator)


def test_a_plan_says_where_the_system_text_went(model: Path, questions: Path, tmp_path: Path):
    with Store.open(tmp_path / "w") as store:
        moved = study_of(model, questions, format="qwen-math")
        assert "before the user's words" in forecast(store, moved, str(model)).note
        assert forecast(store, study_of(model, questions, format="chat"), str(model)).note == ""
