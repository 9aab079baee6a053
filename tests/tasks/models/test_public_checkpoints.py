"""Public checkpoints: their weights as they are served, their prompts and their studies."""

from __future__ import annotations

import json
import shutil
import struct

import pytest
from safetensors.torch import load_file
from tiny_models import STEPS

from tasks.engines.value_heads import served_folder
from tasks.grading.extraction import extract_answer
from tasks.models.formats import load_format
from tasks.models.verifiers import load_verifier_format
from tasks.study.reading import load_study
from warehouse.errors import UserError


def test_a_value_head_is_renamed_and_nothing_else(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    folder, verifier_format = folders / "skywork-prm", load_verifier_format("skywork-prm")
    copy = served_folder(folder, verifier_format)
    before, after = load_file(folder / "model.safetensors"), load_file(copy / "model.safetensors")
    assert {k.replace("v_head.summary", "score") for k in before} == set(after)
    assert all(
        (after[k.replace("v_head.summary", "score")] == value).all() for k, value in before.items()
    )
    assert json.loads((copy / "config.json").read_text())["architectures"] == [
        "Qwen2ForSequenceClassification"
    ]
    assert served_folder(folder, verifier_format) == copy
    assert (
        served_folder(folders / "rlhflow", load_verifier_format("rlhflow")) == folders / "rlhflow"
    )


@pytest.mark.parametrize(
    "content", [struct.pack("<Q", 5 * 2**30) + b"{}", struct.pack("<Q", 4) + b"[[]]", b"\0\0"]
)
def test_a_file_beside_the_weights_with_a_header_that_is_none_is_not_read(
    folders, tmp_path, monkeypatch, content
):
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "state"))
    folder = shutil.copytree(folders / "skywork-prm", tmp_path / "model")
    (folder / "training_state.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"training_state\.safetensors is not a readable"):
        served_folder(folder, load_verifier_format("skywork-prm"))


def test_a_checkpoint_without_the_head_is_refused(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"expected weights v_head\.summary"):
        served_folder(folders / "qwen-math-prm", load_verifier_format("skywork-prm"))


@pytest.mark.parametrize(
    ("format", "model", "opening"),
    [
        ("qwen-math", "qwen-math-prm", "<|im_start|>assistant\n"),
        ("llama-math", "rlhflow", "<|end_header_id|>\n\n"),
    ],
)
def test_a_public_format_opens_the_assistants_turn_and_keeps_its_braces(
    folders, format, model, opening
):
    form = load_format(format, folders / model)
    prompt = form.render("Is {x} = 2?")
    assert prompt.endswith(opening)
    assert "Is {x} = 2?" in prompt and "\\boxed{" in prompt
    assert extract_answer("so it is $\\boxed{14}$.", form.markers) == "14"
    # A step ends where a token holds the separator, also merged with what stands before it.
    assert form.steps.split(form.tokenizer.encode("".join(STEPS))).texts == list(STEPS)


@pytest.mark.parametrize("name", ["math500-qwen", "math500-llama"])
def test_the_public_studies_are_valid_before_the_benchmark_is_there(name):
    study = load_study(name)
    assert study.verifier is not None and load_verifier_format(study.verifier.format).scores_steps
    assert study.generator.max_tokens + study.generator.max_step_tokens < (
        study.engine.max_model_len or 0
    )
