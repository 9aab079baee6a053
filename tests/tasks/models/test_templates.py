"""Chat templates: where a folder keeps them, what they may ask for, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import LLAMA_CHAT, QWEN_CHAT
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import render_jinja_template

from tasks.models.chat import Message, load_chat
from tasks.models.formats import load_format
from tasks.models.rendering import Template
from tasks.models.tokenizers import load_tokenizer
from warehouse.errors import UserError

TODAY = date(2026, 1, 1)
ASKED = [Message("system", "Be brief."), Message("user", "Is {x} = 2?")]
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{{ '<start_of_turn>' + m['role'] + '\n' + m['content'] | trim "
    "+ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
DEAF = "{% for m in messages if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% endfor %}"
IN_PARTS = (
    "{% for m in messages %}{{ m.role }}: {% for part in m['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
)
THINKS = (
    "{%- for m in messages %}\n{{- '<|im_start|>' ~ m.role ~ '\n' ~ m.content ~ '<|im_end|>\n' }}\n"
    "{%- endfor %}\n{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"
)
EFFORT = (
    "{% macro head() %}{% if reasoning_effort is not defined %}"
    "{% set reasoning_effort = 'medium' %}{% endif %}"
    "{{ 'Reasoning: ' + reasoning_effort + '\n' }}{% endmacro %}{{ head() }}"
    "{% for m in messages %}{% generation %}{{ m.role + ': ' + m.content }}{% endgeneration %}"
    "{% if loop.last %}{% break %}{% endif %}{% endfor %}"
)
DATED = "{{ strftime_now('%A, %d %B %Y') }} {{ date_string }} {{ messages[-1].content }}"


def write(folder: Path, **files: Any) -> Path:
    """A folder with a tokenizer's config and whatever other files hold chat templates."""
    for name, content in {"tokenizer_config.json": {"bos_token": "<s>"}, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return folder


def chat_of(folder: Path, template: str, **options: Any) -> Any:
    write(folder, **{"chat_template.jinja": template})
    return load_chat(folder, "generator.format", today=TODAY, options=options)


@pytest.mark.parametrize(
    "files",
    [
        {"chat_template.jinja": QWEN_CHAT},
        {"tokenizer_config.json": {"chat_template": QWEN_CHAT}},
        {"chat_template.json": {"chat_template": QWEN_CHAT}},
        {"tokenizer_config.json": {"chat_template": [
            {"name": "tool_use", "template": "tools"}, {"name": "default", "template": QWEN_CHAT},
        ]}},
        {"chat_template.json": {"chat_template": {"rag": "rag", "default": QWEN_CHAT}}},
        {"chat_template.jinja": QWEN_CHAT, "additional_chat_templates/tool_use.jinja": "tools"},
        {"additional_chat_templates/chat.jinja": QWEN_CHAT},
        {"chat_template.jinja": QWEN_CHAT, "tokenizer_config.json": {"chat_template": "older"}},
    ],
)  # fmt: skip
def test_a_template_is_found_wherever_it_is_kept(tmp_path: Path, files: dict[str, Any]):
    chat = load_chat(write(tmp_path, **files), "generator.format", today=TODAY)
    assert chat(ASKED) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIs {x} = 2?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("template", [QWEN_CHAT, LLAMA_CHAT, THINKS, EFFORT, IN_PARTS, DEAF])
def test_a_dialogue_is_written_as_transformers_writes_it(tmp_path: Path, template: str):
    chat = chat_of(tmp_path, template)
    turns = [message._asdict() for message in ASKED[1:]]
    if template == IN_PARTS:
        turns = [{"role": "user", "content": [{"type": "text", "text": ASKED[1].content}]}]
    (wanted,), _ = render_jinja_template(
        [turns], chat_template=template, add_generation_prompt=True,
        date_string="01 Jan 2026", bos_token="<s>",
    )  # fmt: skip
    assert chat(ASKED[1:]) == wanted


@pytest.mark.parametrize("template", [GEMMA, DEAF])
def test_without_a_systems_turn_its_text_opens_the_users(tmp_path: Path, template: str):
    chat = chat_of(tmp_path, template)
    assert not chat.has_system
    assert chat(ASKED).count("Be brief.\n\nIs {x} = 2?") == 1


@pytest.mark.parametrize(("template", "option", "value", "wanted"), [
    (THINKS, "enable_thinking", False, "<think>\n\n</think>\n\n"),
    (EFFORT, "reasoning_effort", "high", "Reasoning: high\n"),
])  # fmt: skip
def test_a_study_tells_a_template_what_it_asks_for(
    tmp_path: Path, template: str, option: str, value: object, wanted: str
):
    assert wanted not in chat_of(tmp_path, template)(ASKED)
    assert wanted in chat_of(tmp_path, template, **{option: value})(ASKED)


def test_what_a_template_never_asks_for_is_refused_with_what_it_does(tmp_path: Path):
    with pytest.raises(UserError, match=r"'thinking'; what it asks for: enable_thinking; drop it"):
        chat_of(tmp_path, THINKS, thinking=True)
    with pytest.raises(UserError, match=r"'bos_token'; what it asks for: none"):
        chat_of(tmp_path, GEMMA, bos_token="<x>")


def test_a_template_that_asks_for_the_day_gets_the_one_it_is_given(tmp_path: Path):
    assert chat_of(tmp_path, DATED)(ASKED[1:]) == (
        "Thursday, 01 January 2026 01 Jan 2026 Is {x} = 2?"
    )


@pytest.mark.parametrize(("template", "why"), [
    ("{{ messages[0].content }", "mistake"),
    ("{% for m in messages %}", "mistake"),
    ("{{ [1, 2] | random }}{{ messages[0].content }}", "No filter named 'random'"),
    ("{{ lipsum() }}{{ messages[0].content }}", "'lipsum' is undefined"),
    ("{{ raise_exception('Only with tools') }}", "Only with tools"),
    ("{% for tool in tools %}{% endfor %}{{ messages[0].content }}", "'NoneType' object"),
    ("{{ now() }}{{ messages[0].content }}", "'now' is undefined"),
    ("{{ messages[0].__class__.__mro__ }}", "unsafe"),
    ("{{ messages.append(1) }}", "unsafe"),
    ("Hello.", "leaves that out"),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
    ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "goes on"),
    ("{{ 'a' * 10 ** 10 }}", "more than"),
    ("{{ 10 ** 10000000000 }}", "more than"),
    ("{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
     "more than"),
    ("{% for i in range(200) %}{{ 'a' * 1000000 }}{% endfor %}", "more than"),
])  # fmt: skip
def test_a_template_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, template: str, why: str
):
    with pytest.raises(UserError, match=why):
        chat_of(tmp_path, template)


@pytest.mark.parametrize(("files", "why"), [
    ({}, "has none"),
    ({"tokenizer_config.json": {"chat_template": ""}}, "has none"),
    ({"tokenizer_config.json": {"chat_template": 5}}, "text, or several"),
    ({"tokenizer_config.json": {"chat_template": [{"name": "default"}]}}, "text, or several"),
    ({"tokenizer_config.json": {"chat_template": {"rag": "a", "tool_use": "b"}}}, "got rag, tool_"),
    ({"tokenizer_config.json": "{"}, "readable tokenizer_config.json"),
    ({"chat_template.jinja": "version https://git-lfs.github.com/spec/v1\n"}, "git lfs pull"),
])  # fmt: skip
def test_a_folder_whose_template_cannot_be_told_is_refused(
    tmp_path: Path, files: dict[str, Any], why: str
):
    with pytest.raises(UserError, match=why):
        load_chat(write(tmp_path, **files), "generator.format", today=TODAY)


@given(words=st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40))
def test_what_a_user_says_stands_in_the_prompt_as_it_is(words: str):
    template = Template(QWEN_CHAT, today=TODAY, tokens={})
    text = template.render([{"role": "user", "content": words}], opens=True, options={})
    assert text == f"<|im_start|>user\n{words}<|im_end|>\n<|im_start|>assistant\n"


def test_a_prompt_has_the_first_token_once(folders: Path, tmp_path: Path):
    folder = tmp_path / "m"
    shutil.copytree(folders / "rlhflow", folder)
    described = json.loads((folder / "tokenizer.json").read_text())
    begin = {"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}
    (token,) = load_tokenizer(folder).encode("<|begin_of_text|>")
    text, begin = {"Sequence": {"id": "A", "type_id": 0}}, "<|begin_of_text|>"
    described["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": begin, "type_id": 0}}, text],
        "pair": [text, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {begin: {"id": begin, "ids": [token], "tokens": [begin]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(described))
    adding = Tokenizer.from_file(str(folder / "tokenizer.json"))
    form = load_format("chat", folder)
    prompt = form.render("Is {x} = 2?")
    assert adding.encode(prompt).ids.count(token) == 2
    assert form.tokenizer.encode(prompt).count(token) == 1


def test_rendering_needs_no_more_than_the_files(tmp_path: Path):
    # No tokenizer, no config of a model: any folder with a template is enough.
    render: Callable[..., str] = chat_of(tmp_path, QWEN_CHAT)
    assert render([*ASKED, Message("assistant", "Yes.")]).endswith("Yes.<|im_end|>\n")
