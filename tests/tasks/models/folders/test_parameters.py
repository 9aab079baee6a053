"""What counts as a parameter, under every name, packing and layout of experts that is usual."""

from __future__ import annotations

import struct

import pytest
from checkpoints import DENSE, DENSE_PARAMETERS, checkpoint, write_tensors
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.folders.parameters import count_parameters
from warehouse.errors import UserError

MATRIX = 64 * 64


def all_of(folder):
    counted = count_parameters(folder)
    assert counted.active == counted.all
    return counted.all


@pytest.mark.parametrize(
    "name",
    [
        *("model.embed_tokens", "language_model.model.embed_tokens", "embed_tokens"),
        *("transformer.wte", "transformer.wpe", "wte", "tok_embeddings", "gpt_neox.embed_in"),
        *("transformer.word_embeddings", "transformer.embedding.word_embeddings"),
        *("backbone.embeddings", "model.embed_tokens_per_layer", "model.decoder.embed_positions"),
        *("lm_head", "language_model.lm_head", "model.lm_head", "embed_out", "output"),
        *("transformer.output_layer", "language_model.output", "head"),
    ],
)
@pytest.mark.parametrize("stored", ["weight", "qweight"])
def test_embeddings_and_heads_do_not_count_under_any_prefix(tmp_path, name, stored):
    dtype = ("I32", (100, 8)) if stored == "qweight" else ("F32", (100, 64))
    assert all_of(checkpoint(tmp_path, DENSE | {f"{name}.{stored}": dtype})) == DENSE_PARAMETERS


@pytest.mark.parametrize(
    "name",
    [
        *("visual.blocks.0.mlp.fc1", "model.visual.merger.0", "vision_tower.layers.3.q_proj"),
        *("model.vision_model.encoder.layers.0.q", "multi_modal_projector.linear_1", "mlp1.1"),
        *("audio_tower.layers.0.fc1", "model.embed_vision.embedding", "vpm.layers.0.fc"),
        *("model.image_newline", "resampler.kv_proj", "model.mm_projector.0", "talker.model.fc"),
        *("model.layers.0.vision_expert_mlp", "mtp.layers.0.fc"),
    ],
)
def test_what_sees_and_hears_does_not_count(tmp_path, name):
    assert all_of(checkpoint(tmp_path, DENSE | {f"{name}.weight": ("F32", (9, 9))})) == (
        DENSE_PARAMETERS
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.layers.0.attention.output.dense.weight", (8, 8)),
        ("transformer.word_embeddings_layernorm.weight", (64,)),
        ("score.weight", (2, 32)),
        ("v_head.summary.weight", (1, 64)),
        ("head.weight", (1, 64)),
        ("model.layers.1.self_attn.sinks", (64,)),
    ],
)
def test_what_only_sounds_like_an_embedding_counts(tmp_path, name, shape):
    assert all_of(checkpoint(tmp_path, DENSE | {name: ("F32", shape)})) == DENSE_PARAMETERS + 64


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("transformer.h.0.attn.bias", (1, 1, 32, 32)),
        ("transformer.h.0.attn.masked_bias", ()),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", (32,)),
        ("model.position_ids", (1, 32)),
    ],
)
def test_masks_and_positions_are_no_parameters(tmp_path, name, shape):
    assert all_of(checkpoint(tmp_path, DENSE | {name: ("F32", shape)})) == DENSE_PARAMETERS


def test_layers_that_guess_ahead_do_not_count(tmp_path):
    ahead = {"model.layers.2.mlp.up_proj.weight": ("F32", (9, 9))}
    config = {"num_hidden_layers": 2, "num_nextn_predict_layers": 1}
    assert all_of(checkpoint(tmp_path / "a", DENSE | ahead, config)) == DENSE_PARAMETERS
    assert all_of(checkpoint(tmp_path / "b", DENSE | ahead)) == DENSE_PARAMETERS + 81


def gptq(inputs, outputs, *, bits, group, order):
    """As AutoGPTQ packs: inputs into 32-bit words; `g_idx` says the group of each input."""
    tensors = {
        "qweight": ("I32", (inputs * bits // 32, outputs)),
        "qzeros": ("I32", (inputs // group, outputs * bits // 32)),
        "scales": ("F16", (inputs // group, outputs)),
    }
    return tensors | ({"g_idx": ("I32", (inputs,))} if order else {})


def awq(inputs, outputs, *, bits, group):
    """As AutoAWQ packs: outputs into 32-bit words."""
    return {
        "qweight": ("I32", (inputs, outputs * bits // 32)),
        "qzeros": ("I32", (inputs // group, outputs * bits // 32)),
        "scales": ("F16", (inputs // group, outputs)),
    }


def compressed(inputs, outputs, *, bits, group):
    """As compressed-tensors packs; the shape stands beside, as a tensor of two numbers."""
    return {
        "weight_packed": ("I32", (outputs, inputs * bits // 32)),
        "weight_scale": ("BF16", (outputs, inputs // group)),
        "weight_shape": ("I64", (2,)),
    }


sizes = st.integers(1, 6).map(lambda count: 64 * count)


@given(inputs=sizes, outputs=sizes, bits=st.sampled_from([2, 3, 4, 8]), order=st.booleans())
def test_gptq_is_counted_unpacked(tmp_path_factory, inputs, outputs, bits, order):
    packed = gptq(inputs, outputs, bits=bits, group=32, order=order)
    shapes = {f"model.layers.0.mlp.up_proj.{name}": one for name, one in packed.items()}
    # No bits in the config: the tensors themselves tell.
    folder = checkpoint(tmp_path_factory.mktemp("model"), shapes)
    assert all_of(folder) == inputs * outputs


@given(inputs=sizes, outputs=sizes, bits=st.sampled_from([4, 8]))
def test_awq_is_counted_unpacked(tmp_path_factory, inputs, outputs, bits):
    packed = awq(inputs, outputs, bits=bits, group=64)
    shapes = {f"model.layers.0.mlp.up_proj.{name}": one for name, one in packed.items()}
    folder = checkpoint(tmp_path_factory.mktemp("model"), shapes)
    assert all_of(folder) == inputs * outputs


@given(inputs=sizes, outputs=sizes, bits=st.sampled_from([3, 4, 8]))
def test_compressed_tensors_are_counted_by_the_shape_they_state(
    tmp_path_factory, inputs, outputs, bits
):
    prefix = "model.layers.0.mlp.up_proj."
    packed = compressed(inputs, outputs, bits=bits, group=64)
    shapes = {prefix + name: one for name, one in packed.items()}
    folder = checkpoint(tmp_path_factory.mktemp("model"), {})
    stated = {prefix + "weight_shape": struct.pack("<2q", outputs, inputs)}
    write_tensors(folder / "model.safetensors", shapes, stated)
    assert all_of(folder) == inputs * outputs


@pytest.mark.parametrize(
    "packed",
    [
        {"weight": ("F8_E4M3", (64, 64)), "weight_scale_inv": ("F32", (1, 1))},
        {"weight": ("F8_E4M3", (64, 64)), "weight_scale": ("F32", ()), "input_scale": ("F32", ())},
        {"weight": ("I8", (64, 64)), "SCB": ("F32", (64,)), "weight_format": ("U8", ())},
        {"weight": ("I8", (64, 64)), "weight_scale": ("F32", (64, 1))},
        {
            "weight": ("U8", (2048, 1)),
            "weight.absmax": ("U8", (64,)),
            "weight.quant_map": ("F32", (16,)),
            "weight.nested_absmax": ("F32", (1,)),
            "weight.nested_quant_map": ("F32", (256,)),
            "weight.quant_state.bitsandbytes__nf4": ("U8", (90,)),
        },
        {
            "weight": ("U8", (64, 32)),
            "weight_scale": ("F8_E4M3", (64, 4)),
            "weight_scale_2": ("F32", ()),
            "input_scale": ("F32", ()),
        },
        {
            "weight_packed": ("U8", (64, 32)),
            "weight_scale": ("F8_E4M3", (64, 4)),
            "weight_global_scale": ("F32", (1,)),
            "input_global_scale": ("F32", (1,)),
        },
    ],
    ids=["fp8-block", "fp8", "bnb-int8", "w8a8", "bnb-nf4", "nvfp4", "nvfp4-compressed"],
)
def test_packed_weights_count_unpacked_and_their_scales_not_at_all(tmp_path, packed):
    shapes = {f"model.layers.0.mlp.up_proj.{name}": one for name, one in packed.items()}
    assert all_of(checkpoint(tmp_path, shapes)) == MATRIX


def test_packed_words_of_unknown_width_are_refused_and_those_of_a_stated_one_counted(tmp_path):
    shapes = {"model.layers.0.mlp.up_proj.weight": ("I32", (64, 8))}
    with pytest.raises(UserError, match=r"quantization_config\.bits .*got None"):
        all_of(checkpoint(tmp_path / "a", shapes))
    config = {"quantization_config": {"global_quant_config": {"weight": {"num_bits": 4}}}}
    assert all_of(checkpoint(tmp_path / "b", shapes, config)) == MATRIX


def numbered(layer, count, *, module="mlp", parts=("gate_proj", "up_proj", "down_proj")):
    return {
        f"model.layers.{layer}.{module}.experts.{expert}.{part}.weight": ("F32", (8, 8))
        for expert in range(count)
        for part in parts
    }


@given(
    count=st.integers(1, 9),
    chosen=st.integers(1, 9),
    key=st.sampled_from(["num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"]),
    nested=st.booleans(),
)
def test_of_experts_those_a_token_is_sent_to_are_active(
    tmp_path_factory, count, chosen, key, nested
):
    shapes = {
        **DENSE,
        **numbered(0, count),
        **numbered(1, count, module="block_sparse_moe", parts=("w1", "w2", "w3")),
        "model.layers.1.mlp.shared_experts.up_proj.weight": ("F32", (8, 8)),
        "model.layers.1.mlp.gate.weight": ("F32", (count, 8)),
    }
    config = {"text_config": {"num_hidden_layers": 2, key: chosen}} if nested else {key: chosen}
    folder = checkpoint(tmp_path_factory.mktemp("model"), shapes, config)
    if chosen > count:
        with pytest.raises(UserError, match=f"num_experts_per_tok of 1 to {count} "):
            count_parameters(folder)
        return
    fixed = DENSE_PARAMETERS + 64 + 8 * count
    # Two layers with experts of three matrices of 64.
    assert count_parameters(folder) == (fixed + 2 * chosen * 192, fixed + 2 * count * 192)


@pytest.mark.parametrize(
    ("shapes", "config", "active"),
    [
        (
            {"feed_forward.experts.gate_up_proj": ("BF16", (8, 16, 32)),
             "feed_forward.experts.down_proj": ("BF16", (8, 16, 16))},
            {"num_local_experts": 8, "num_experts_per_tok": 2},
            2 * (16 * 32 + 16 * 16),
        ),
        (
            {"mlp.experts.gate_up_proj_blocks": ("U8", (4, 32, 2, 16)),
             "mlp.experts.gate_up_proj_scales": ("U8", (4, 32, 2)),
             "mlp.experts.gate_up_proj_bias": ("BF16", (4, 32))},
            {"num_local_experts": 4, "experts_per_token": 1},
            32 * 64 + 32,
        ),
        (
            {"block_sparse_moe.input_linear.weight": ("BF16", (8, 16, 32)),
             "block_sparse_moe.router.layer.weight": ("BF16", (8, 16))},
            {"num_local_experts": 8, "num_experts_per_tok": 3},
            3 * 16 * 32 + 8 * 16,
        ),
        (
            {"ffn.experts.mlp.w1": ("BF16", (16 * 10, 12)), "ffn.router.layer.weight":
             ("BF16", (16, 12))},
            {"ffn_config": {"moe_num_experts": 16, "moe_top_k": 4}},
            4 * 10 * 12 + 16 * 12,
        ),
        (
            {"mlp.experts.gate_up_proj": ("F8_E4M3", (8, 16, 32)),
             "mlp.experts.gate_up_proj_scale_inv": ("F32", (8, 1, 1))},
            {"num_experts": 8, "num_experts_per_tok": 2},
            2 * 16 * 32,
        ),
        (
            {f"mlp.experts.{expert}.up_proj.{name}": one for expert in range(8)
             for name, one in gptq(64, 64, bits=4, group=64, order=True).items()},
            {"num_experts": 8, "num_experts_per_tok": 2},
            2 * MATRIX,
        ),
    ],
    ids=["llama4", "gpt-oss", "granite", "dbrx", "fp8-fused", "gptq"],
)  # fmt: skip
def test_every_layout_of_experts_has_its_active_ones(tmp_path, shapes, config, active):
    named = {f"model.layers.0.{name}": one for name, one in shapes.items()}
    counted = count_parameters(checkpoint(tmp_path, named, config))
    assert counted.active == active < counted.all


def test_layers_may_choose_different_numbers_of_experts(tmp_path):
    shapes = numbered(0, 4) | numbered(1, 4)
    folder = checkpoint(tmp_path, shapes, {"moe_topk": [1, 3]})
    assert count_parameters(folder) == (4 * 192, 8 * 192)


@pytest.mark.parametrize("config", [{}, {"num_experts_per_tok": None}, {"moe_topk": "2"}])
def test_experts_without_a_number_of_chosen_ones_are_refused(tmp_path, config):
    with pytest.raises(UserError, match="expected num_experts_per_tok of 1 to 4"):
        count_parameters(checkpoint(tmp_path, numbered(0, 4), config))


def test_fused_experts_that_no_config_counts_are_counted_by_their_tensors(tmp_path):
    shapes = {"model.layers.0.mlp.experts.up_proj": ("F32", (6, 8, 8))}
    folder = checkpoint(tmp_path, shapes, {"num_experts_per_tok": 2})
    assert count_parameters(folder) == (2 * 64, 6 * 64)
