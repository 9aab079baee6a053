"""A model folder with safetensors out of a GGUF file of the Llama architecture.

`PYTHONPATH=. python infra/bench/gguf_folder.py MODEL.gguf FOLDER`

Needs `pip install gguf` in the same environment. What a quantized file says is written as float32:
weights, the byte-level BPE tokenizer, the chat template and the end of text. The layout is that of
llama.cpp's convert_hf_to_gguf.py, read backwards.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from warehouse.errors import UserError

Values = dict[str, Any]
OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL = 3
"""Kind of the tokens that stand for no text, as GGUF numbers them."""


def convert(file: Path, folder: Path) -> None:
    """Write the folder; UserError for another architecture or tokenizer."""
    from gguf import GGUFReader

    reader = GGUFReader(file)
    values = {name: field.contents() for name, field in reader.fields.items()}
    _check(values, "general.architecture", "llama")
    _check(values, "tokenizer.ggml.model", "gpt2")
    _check(values, "tokenizer.ggml.pre", "smollm")
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(reader.tensors, values)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "config.json", config(values, tied="lm_head.weight" not in weights))
    tokenizer(values).save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", described(values))


def _check(values: Values, name: str, wanted: str) -> None:
    if values.get(name) != wanted:
        raise UserError(
            f"gguf: expected {name} to be {wanted}, got {values.get(name)}; take another file"
        )


def _weights(tensors: Any, values: Values) -> dict[str, NDArray[np.float32]]:
    """Weights by the names that transformers has for them, in float32."""
    from gguf import dequantize

    heads = {
        "attn_q": values["llama.attention.head_count"],
        "attn_k": values["llama.attention.head_count_kv"],
    }
    weights: dict[str, NDArray[np.float32]] = {}
    for tensor in tensors:
        matrix = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        if tensor.name in OUTER:
            weights[OUTER[tensor.name]] = matrix
            continue
        _, layer, part, _ = tensor.name.split(".")
        if part in heads:
            matrix = halves_together(matrix, heads[part])
        name = f"model.layers.{layer}.{INNER[part]}.weight"
        weights[name] = np.ascontiguousarray(matrix)
    return weights


def halves_together(matrix: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of every head as transformers rotates them: first halves of the pairs, then second."""
    # llama.cpp rotates neighbours: it keeps the two of a pair side by side.
    pairs = matrix.reshape(heads, -1, 2, matrix.shape[1])
    return pairs.swapaxes(1, 2).reshape(matrix.shape)


def config(values: Values, *, tied: bool) -> Values:
    """What config.json says."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": values["llama.embedding_length"],
        "intermediate_size": values["llama.feed_forward_length"],
        "num_hidden_layers": values["llama.block_count"],
        "num_attention_heads": values["llama.attention.head_count"],
        "num_key_value_heads": values["llama.attention.head_count_kv"],
        "rms_norm_eps": values["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": values["llama.rope.freq_base"],
        "max_position_embeddings": values["llama.context_length"],
        "vocab_size": values["llama.vocab_size"],
        "tie_word_embeddings": tied,
        "bos_token_id": values["tokenizer.ggml.bos_token_id"],
        "eos_token_id": values["tokenizer.ggml.eos_token_id"],
        "torch_dtype": "float32",
    }


def tokenizer(values: Values) -> Tokenizer:
    """Byte-level BPE that takes every digit for itself, as SmolLM's was trained."""
    tokens = values["tokenizer.ggml.tokens"]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocabulary, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    spaces = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, spaces])
    made.decoder = decoders.ByteLevel()
    kinds = values["tokenizer.ggml.token_type"]
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    made.add_special_tokens([AddedToken(token, special=True) for token in control])
    return made


def described(values: Values) -> Values:
    """What tokenizer_config.json says."""
    tokens = values["tokenizer.ggml.tokens"]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[values["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[values["tokenizer.ggml.eos_token_id"]],
        "unk_token": tokens[values["tokenizer.ggml.unknown_token_id"]],
        "model_max_length": values["llama.context_length"],
        "chat_template": values["tokenizer.chat_template"],
    }


def _write(path: Path, values: Values) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Convert the file that is named."""
    parser = argparse.ArgumentParser(description="A model folder out of a GGUF file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    convert(options.file, options.folder)


if __name__ == "__main__":
    main()
