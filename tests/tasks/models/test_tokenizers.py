"""Tokenizers of model folders: what ends a completion, and what is refused in their place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_models import byte_tokenizer

from tasks.models.formats import load_format
from tasks.models.tokenizers import encoder, end_of_text, load_tokenizer
from tasks.settings import INFRA
from warehouse.errors import UserError

SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|return|>", "<|end|>", "</s>")


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    byte_tokenizer(SPECIAL).save(str(path))
    return path


@pytest.fixture
def folder(tokenizer_file: Path, tmp_path: Path) -> Path:
    shutil.copy(tokenizer_file, tmp_path)
    return tmp_path


def ends(folder: Path, *, chat: bool = False, **files: Any) -> set[Any]:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    tokenizer = load_tokenizer(folder)
    names = tokenizer.names()
    return {names.get(token, token) for token in end_of_text(tokenizer, folder, chat=chat)}


@pytest.mark.parametrize(("files", "wanted"), [
    ({"config": {"eos_token_id": 7}}, {7}),
    ({"config": {"eos_token_id": [7, None, 8]}}, {7, 8}),
    ({"config": {"text_config": {"eos_token_id": [7, 8]}}}, {7, 8}),
    ({"config": {"eos_token_id": None, "text_config": {"eos_token_id": 7}}}, {7}),
    ({"config": {"eos_token_id": 7}, "generation_config": {"eos_token_id": [8, 9]}}, {7, 8, 9}),
    ({"config": {"eos_token_id": -1}, "generation_config": {"eos_token_id": 9}}, {9}),
    ({"tokenizer_config": {"eos_token": "</s>"}}, {"</s>"}),
    ({"tokenizer_config": {"eos_token": {"content": "</s>", "lstrip": False}}}, {"</s>"}),
    ({"special_tokens_map": {"eos_token": "</s>"}}, {"</s>"}),
    ({"tokenizer_config": {"eos_token": None}, "config": {"eos_token_id": 7}}, {7}),
])  # fmt: skip
def test_every_place_that_names_an_end_counts(
    folder: Path, files: dict[str, Any], wanted: set[Any]
):
    names = load_tokenizer(folder).names()
    assert ends(folder, **files) == {names.get(one, one) for one in wanted}


def test_a_chat_ends_with_its_turn_whatever_the_configs_say(folder: Path):
    files = {"config": {"eos_token_id": 7}}
    seventh = load_tokenizer(folder).names()[7]
    assert ends(folder, **files) == {seventh}
    # `<|end|>` ends a channel of gpt-oss, and no turn.
    assert ends(folder, chat=True, **files) == {seventh, "<|im_end|>", "<|return|>"}


@pytest.mark.parametrize("value", ["7", 7.0, True, {"a": 1}, [[7]]])
def test_an_end_that_is_no_number_is_refused(folder: Path, value: object):
    with pytest.raises(UserError, match="whole number or a list of them, got"):
        ends(folder, config={"eos_token_id": value})


def test_a_folder_that_names_no_end_is_refused(folder: Path):
    with pytest.raises(UserError, match=r"names? none; add eos_token_id"):
        ends(folder, config={"eos_token_id": [None]})


@pytest.mark.parametrize(("name", "why"), [
    ("tokenizer.model", "tokenizer.model alone; convert it once"),
    ("tokenizer.model.v3", "tokenizer.model.v3 alone; convert it once"),
    ("tekken.json", "tekken.json, which mistral-common alone reads"),
    ("qwen.tiktoken", "qwen.tiktoken alone; convert"),
    ("vocab.json", "vocab.json and merges.txt alone; convert"),
    ("README.md", "got none; fetch the tokenizer again"),
])  # fmt: skip
def test_what_stands_in_the_place_of_a_tokenizer_is_told(tmp_path: Path, name: str, why: str):
    (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=why):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b'{"model": {}}', b"\xff\xfe", b"version https://git-lfs.github.com/spec/v1\n",
])  # fmt: skip
def test_a_broken_tokenizer_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(UserError, match=r"fetch the tokenizer again|git lfs pull"):
        load_tokenizer(tmp_path)


def test_a_base_format_begins_with_the_token_of_an_older_folder(folders: Path, tmp_path: Path):
    shutil.copytree(folders / "rlhflow", tmp_path / "m")
    (tmp_path / "m" / "tokenizer_config.json").unlink()
    named = {"bos_token": {"content": "<|begin_of_text|>"}, "eos_token": "<|eot_id|>"}
    (tmp_path / "m" / "special_tokens_map.json").write_text(json.dumps(named))
    form = load_format("base-math", tmp_path / "m")
    assert form.render("Is {x} = 2?").startswith("<|begin_of_text|>Problem: ")


def test_a_tokenizer_is_read_once_wherever_its_file_lies(folder: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "tokenizer.json", other)
    first, second = load_tokenizer(folder), load_tokenizer(other)
    assert first is second
    assert first.writing is second.writing


def test_a_file_of_other_content_is_another_tokenizer(folder: Path):
    before = load_tokenizer(folder)
    assert before.id_of("<extra>") is None
    byte_tokenizer((*SPECIAL, "<extra>")).save(str(folder / "tokenizer.json"))
    assert load_tokenizer(folder).id_of("<extra>") is not None


def test_a_long_text_has_the_tokens_of_its_parts() -> None:
    tokenizer = load_tokenizer(INFRA / "models" / "congruences-generator")
    part = "Modulo 7: A = 3·a, want A = 5;\n"
    assert tokenizer.encode(part * 3000) == tokenizer.encode(part) * 3000


def test_what_was_encoded_is_not_encoded_again() -> None:
    asked: list[str] = []

    class Counting:
        def encode(self, text: str) -> list[int]:
            asked.append(text)
            return [len(text)]

        def decode(self, token_ids: Sequence[int]) -> str:
            raise NotImplementedError

    encode = encoder(Counting())
    assert [encode(text) for text in ("question", "a", "question", "a", "b")][-1] == (1,)
    assert asked == ["question", "a", "b"]
