"""Formats that a study brings itself: as a table, as a file beside it, like a known one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.format_tables import format_table
from tasks.models.verifiers import load_verifier_format
from tasks.study.reading import load_study
from tasks.study.study import Study, study_from
from warehouse.errors import UserError

DIGEST = "e827efbfef424d67"
"""Of a study that says nothing, before the first key of these was there."""
OWN = {"name": "terse", "like": "chat-math", "prompt": "{question} Only \\boxed{{}}."}


def of(format: Any, **keys: Any) -> Study:
    return study_from({"name": "s", "generator": {"format": format, **keys}})


def test_a_table_takes_over_what_it_does_not_say():
    table = format_table(OWN)
    usual = format_table("chat-math")
    assert table == {**usual, "prompt": OWN["prompt"]}
    assert usual["prompt"] != OWN["prompt"]


def test_a_table_that_changes_nothing_is_the_format_it_is_like():
    assert format_table({"name": "mine", "like": "base-math"}) == format_table("base-math")


def test_one_kind_of_answer_may_be_asked_for_otherwise():
    table = format_table({"like": "chat", "asks": {"choice": "Only the letter."}})
    assert table["asks"]["choice"] == "Only the letter."
    assert table["asks"]["math"] == format_table("chat")["asks"]["math"]


def test_a_family_is_called_like_its_format():
    assert of(OWN).family == "terse"
    assert of({"like": "chat"}, family="qwen").family == "qwen"
    with pytest.raises(UserError, match=r"`name` in the table generator\.format, or generator"):
        of({"like": "chat"})


@pytest.mark.parametrize(("change", "words"), [
    ({"prompt": None}, r"generator\.format\.prompt: Input should be a valid string, got None"),
    ({"prompt": "Solve it."}, r"generator\.format\.prompt: .*without \{question\}"),
    ({"prompt": "{question} in \\boxed{}"}, r"other braces doubled"),
    ({"prompt": "{question} in {answer}"}, r"with \{answer\}"),
    ({"prompt": "{question} {ask}"}, r"expected `asks`"),
    ({"like": "chat", "asks": {"mathe": "In words."}}, r"asks: unknown kind of answer 'mathe'"),
    ({"prompt": "{question!r}"}, r"without \{question\}"),
    ({"revision": "{attempts}"}, r"without \{prompt\}"),
    ({"attempt": "{"}, r"format\.attempt: expected text with \{number\}, \{text\}"),
    ({"chat": "yes"}, r"format\.chat: Input should be a valid boolean, got 'yes'"),
    ({"answer_marker": 5}, r"format\.answer_marker"),
    ({"stop": "Q:"}, r"format\.stop: Input should be a valid list"),
    ({"step_separator": ""}, r"format\.step_separator: String should have at least 1"),
    ({"stop": ["Q:", ""]}, r"format\.stop\.1: String should have at least 1"),
    ({"answer_marker": []}, r"format\.answer_marker"),
    ({"promt": "x"}, r"unknown key 'promt'; known are name, like"),
    ({"shots": [{"question": "1 + 1?"}], "shot": "{prompt}{answer}"}, r"shots\.0\.answer"),
    ({"shots": [{"question": "1 + 1?", "answer": "2"}]}, r"expected `shot`"),
    ({"like": "prose"}, r"unknown generator\.format\.like 'prose'; known are base-code"),
    ({"like": 5}, r"unknown generator\.format\.like 5"),
    ({"like": "chat-math", "thinking": ["thoughts"]}, r"thinking to name some of .*'thoughts'"),
])  # fmt: skip
def test_a_wrong_key_is_named(change: dict[str, Any], words: str):
    with pytest.raises(UserError, match=words):
        of({**OWN, **change})


def test_without_a_known_one_every_key_must_be_said():
    with pytest.raises(UserError, match=r"expected the key \w+, got none; add it, or `like`"):
        of({"name": "mine", "chat": True})


def test_a_file_beside_the_study_is_read_into_it(tmp_path: Path):
    (tmp_path / "terse.toml").write_text('like = "chat-math"\nsystem = "Be brief."\n')
    (tmp_path / "judge.toml").write_text('like = "congruences-prm"\nquestion = "Q: {question}"\n')
    text = '[generator]\nformat = "terse.toml"\n[verifier]\nformat = "judge.toml"\n'
    second = '[revisions.verifier]\nformat = "judge.toml"\n'
    (tmp_path / "s.toml").write_text(text + second)
    study = load_study(tmp_path / "s.toml")
    (tmp_path / "terse.toml").unlink()
    assert study.family == "terse"
    again = study_from(json.loads(study.to_json()))
    assert again == study and again.digest() == study.digest()
    assert format_table(again.generator.format)["system"] == "Be brief."
    for verifier in (again.verifier, again.revisions and again.revisions.verifier):
        assert verifier is not None
        assert load_verifier_format(verifier.format).question == "Q: {question}"


@pytest.mark.parametrize("content", [None, "prompt = ", "\udcff"])
def test_a_file_that_is_not_there_or_broken_is_refused(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "mine.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    (tmp_path / "s.toml").write_text('[generator]\nformat = "mine.toml"\n')
    with pytest.raises(UserError, match=r"expected a format in .*mine\.toml"):
        load_study(tmp_path / "s.toml")


def test_what_a_template_is_told_decides_results():
    plain = of("chat")
    silent = of("chat", chat_template_kwargs={"enable_thinking": False})
    assert plain.digest() != silent.digest()
    assert study_from(json.loads(silent.to_json())) == silent


def test_a_study_that_says_nothing_of_it_keeps_its_digest():
    assert study_from({"name": "s"}).digest() == DIGEST


@pytest.mark.parametrize(("change", "words"), [
    ({"step_token": 5}, r"verifier\.format\.step_token: Input should be a valid string"),
    ({"scores_step": True}, r"unknown key 'scores_step'; known are like, name, kind"),
    ({"kind": "head"}, r"verifier\.format\.kind"),
    ({"question": "Solve."}, r"verifier\.format\.question: .*without \{question\}"),
    ({"step": "{steps}"}, r"verifier\.format\.step: .*without \{step\}"),
    ({"like": "prm"}, r"unknown verifier\.format\.like 'prm'"),
])  # fmt: skip
def test_a_wrong_key_of_a_verifiers_table_is_named(change: dict[str, Any], words: str):
    table = {"name": "mine", "like": "qwen-math-prm", **change}
    with pytest.raises(UserError, match=words):
        study_from({"name": "s", "verifier": {"format": table}})


@given(
    own=st.fixed_dictionaries({}, optional={
        "system": st.text(max_size=9),
        "step_separator": st.sampled_from(["\n", "\n\n", ";"]),
        "first_answer": st.booleans(),
        "stop": st.lists(st.text(min_size=1, max_size=4), max_size=2),
    }),
    like=st.sampled_from(["chat", "chat-math", "base-math", "congruences", "gpt-oss"]),
)  # fmt: skip
def test_whatever_it_says_stands_and_the_rest_is_taken_over(own: dict[str, Any], like: str):
    table = format_table({"name": "x", "like": like, **own})
    assert table == {**format_table(like), **own}
