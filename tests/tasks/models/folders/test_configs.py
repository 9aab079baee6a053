"""The context of a config as vLLM derives it, and configs that are refused by a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from checkpoints import CONFIG

from tasks.models.folders.configs import check_asked, context_of, text_config
from tasks.settings import INFRA
from warehouse.errors import UserError

BUNDLED_CONFIG = json.loads((INFRA / "models/congruences-generator/config.json").read_text())
LONG = {"short_factor": [1.0] * 16, "long_factor": [2.0] * 16}
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512}


def folder_of(place, config: Any):
    (place / "config.json").write_text(json.dumps(config))
    return place


def without(**changes: Any) -> dict[str, Any]:
    """The config of the bundled generator (context 1024), changed; None takes a key out."""
    return {key: value for key, value in {**BUNDLED_CONFIG, **changes}.items() if value is not None}


def scaled(**table: Any) -> dict[str, Any]:
    return without(rope_parameters=None, rope_scaling=table)


CONTEXTS = [
    (without(), 1024),
    (without(max_position_embeddings=None), 2048),
    (without(n_positions=512), 512),
    (without(max_position_embeddings=None, seq_length=300), 300),
    (without(max_position_embeddings=None, max_sequence_length=300), 300),
    (without(model_max_length=5000), 5000),
    (without(max_seq_len=77), 77),
    (without(sliding_window=100), 1024),
    (scaled(type="linear", factor=4.0), 4096),
    (scaled(rope_type="linear", factor=2.5), 2560),
    (scaled(type="linear", factor=None), 1024),
    (scaled(type="dynamic", factor=4.0), 4096),
    (scaled(type="yarn", factor=4.0, original_max_position_embeddings=1024), 1024),
    (scaled(rope_type="yarn", factor=4.0, original_max_position_embeddings=256), 1024),
    (scaled(rope_type="llama3", factor=8.0, **LLAMA3), 1024),
    (scaled(type="longrope", **LONG) | {"original_max_position_embeddings": 256}, 256),
    (scaled(type="su", **LONG) | {"original_max_position_embeddings": 256}, 256),
    (scaled(type="mrope", mrope_section=[4, 6, 6]), 1024),
    (without(rope_parameters={"rope_theta": 1e4, "rope_type": "linear", "factor": 3.0}), 3072),
    (
        without(
            max_position_embeddings=None,
            model_type="qwen2",
            architectures=["Qwen2ForCausalLM"],
        ),
        32768,
    ),
]


@pytest.mark.parametrize(("config", "context"), CONTEXTS)
def test_the_context_follows_lengths_and_their_scaling(tmp_path, config, context):
    assert context_of(folder_of(tmp_path, config)) == context


@pytest.mark.slow
@pytest.mark.parametrize(("config", "context"), CONTEXTS)
def test_vllm_derives_the_same_context(tmp_path, config, context):
    from vllm.config import ModelConfig

    place = str(folder_of(tmp_path, config))
    read = ModelConfig(model=place, tokenizer=place, skip_tokenizer_init=True, dtype="float32")
    assert read.max_model_len == context


@pytest.mark.parametrize("key", ["text_config", "llm_config", "language_config"])
def test_a_nested_config_of_the_language_model_is_the_one_that_is_read(tmp_path, key):
    config = {"max_position_embeddings": 77, key: {"max_position_embeddings": 10485760}}
    assert text_config(config) == config[key]
    assert context_of(folder_of(tmp_path, config)) == 10485760


def test_gemma_3_states_its_length_scaled(tmp_path):
    config = {
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text",
            "max_position_embeddings": 131072,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
    }
    assert context_of(folder_of(tmp_path, config)) == 131072


def test_layers_of_two_kinds_have_a_table_each(tmp_path):
    ropes = {"full_attention": {"rope_type": "linear", "factor": 2.0}, "sliding_attention": {}}
    assert context_of(folder_of(tmp_path, without(rope_parameters=ropes))) == 2048


@pytest.mark.parametrize("limit", [131072, None, 10**30])
def test_a_length_of_null_is_refused_with_the_tokenizers_limit(tmp_path, limit):
    folder = folder_of(tmp_path, CONFIG | {"max_position_embeddings": None})
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit}))
    words = "write the tokenizer's 131072" if limit == 131072 else "write the model's context"
    with pytest.raises(UserError, match=f"max_position_embeddings .* got null; {words}"):
        context_of(folder)


@pytest.mark.parametrize("value", ["4096", 4096.0, 0, -1, True, [4096], {"a": 1}])
@pytest.mark.parametrize("key", ["max_position_embeddings", "n_positions"])
def test_a_length_that_is_no_count_of_tokens_is_refused(tmp_path, key, value):
    with pytest.raises(UserError, match=f"expected {key} in .* whole number of tokens, got"):
        context_of(folder_of(tmp_path, {key: value}))


@pytest.mark.parametrize("factor", ["4", 0, -2.0, True, [1]])
def test_a_factor_that_is_no_number_is_refused(tmp_path, factor):
    with pytest.raises(UserError, match="expected the factor of rope_scaling"):
        context_of(folder_of(tmp_path, scaled(type="linear", factor=factor)))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'"text"', b"null", b"3", b'{"a": 1,}', b"[" * 9000,
        b"\xef\xbb\xbf{}", b'{"a": "\xff"}', '{"a": 1}'.encode("utf-16"),
    ],
)  # fmt: skip
def test_a_config_that_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=r"config\.json"):
        context_of(tmp_path)


def test_a_folder_without_a_config_is_no_model(tmp_path):
    with pytest.raises(UserError, match=r"readable config\.json in .*is it a model folder"):
        context_of(tmp_path)


YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}
ASKED = [
    (without(), 1024, "lower it"),
    (scaled(type="dynamic", factor=4.0), 4096, "lower it"),
    (scaled(type="longrope", **LONG) | {"original_max_position_embeddings": 256}, 1024, "lower it"),
    (scaled(**YARN), 1024, "its YaRN reaches 4096, which vLLM allows once max_position_embeddings"),
    (scaled(**YARN) | {"max_position_embeddings": 4096}, 4096, "lower it"),
]


@pytest.mark.parametrize(("config", "most", "advice"), ASKED)
def test_a_context_above_the_models_is_refused_with_what_to_do(tmp_path, config, most, advice):
    folder = folder_of(tmp_path, config)
    check_asked(folder, most)
    words = f"max_model_len of at most {most}, .* got {most + 1}; {advice}"
    with pytest.raises(UserError, match=words):
        check_asked(folder, most + 1)


@pytest.mark.slow
@pytest.mark.parametrize(("config", "most", "advice"), ASKED)
def test_vllm_allows_as_much_and_no_more(tmp_path, config, most, advice):  # noqa: ARG001
    from vllm.config import ModelConfig

    place = str(folder_of(tmp_path, config))
    given = {"tokenizer": place, "skip_tokenizer_init": True, "dtype": "float32"}
    assert ModelConfig(model=place, max_model_len=most, **given).max_model_len == most
    with pytest.raises(ValueError, match="greater than the derived max_model_len"):
        ModelConfig(model=place, max_model_len=most + 1, **given)


@pytest.mark.parametrize("value", ["256", -1, 2.0])
def test_a_length_before_scaling_that_is_none_is_refused(tmp_path, value):
    config = scaled(type="longrope", **LONG) | {"original_max_position_embeddings": value}
    with pytest.raises(UserError, match="expected original_max_position_embeddings in"):
        context_of(folder_of(tmp_path, config))
