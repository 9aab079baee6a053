"""Parameters behind a stored tensor: packed weights counted unpacked, their scales not at all.

Layouts: GPTQ and AWQ as AutoGPTQ and AutoAWQ write them, `compressed-tensors`, bitsandbytes,
ModelOpt, and the MXFP4 of gpt-oss; each is a way in which Transformers and vLLM read a checkpoint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from tasks.models.folders.weights import Tensor
from warehouse.errors import UserError

# Last parts of names beside a packed weight: scales, zero points, orders of columns, code books.
_BESIDE: Final = frozenset(
    {
        "scales",
        "qzeros",
        "g_idx",
        "perm",
        "weight_scale",
        "weight_scale_inv",
        "weight_scale_2",
        "weight_global_scale",
        "weight_zero_point",
        "weight_g_idx",
        "weight_shape",
        "weight_format",
        "input_scale",
        "input_zero_point",
        "input_global_scale",
        "output_scale",
        "k_scale",
        "v_scale",
        "q_scale",
        "prob_scale",
        "pre_quant_scale",
        "absmax",
        "quant_map",
        "nested_absmax",
        "nested_quant_map",
        "SCB",
    }
)
_OF_ANOTHER = re.compile(r"_(scales?|scale_inv|scale_2|weight_scale|zero_point|global_scale)$")
# Masks and positions that some libraries save with the weights; nothing in them was learnt.
_BUFFER = re.compile(r"(^|\.)(rotary_emb\.|position_ids$|masked_bias$|inv_freq$|freqs_cis$)")
_INTEGERS = {
    "I8": 8,
    "U8": 8,
    "I16": 16,
    "U16": 16,
    "I32": 32,
    "U32": 32,
    "I64": 64,
    "U64": 64,
}
_FP4 = 4


def unpacked(tensor: Tensor, held: Mapping[str, Tensor], config: Mapping[str, Any]) -> int:
    """Parameters that a stored tensor stands for; 0 for what only helps to read another.

    `held` are all tensors of the model by name, `config` its whole config.json.
    """
    if _is_beside(tensor, held):
        return 0
    stem, _, last = tensor.name.rpartition(".")
    if last == "qweight":
        return _of_qweight(tensor, stem, held, config)
    shape = held.get(f"{stem}.weight_shape")
    if last == "weight_packed" and shape is not None:
        return math.prod(shape.whole_numbers())
    if _is_halved(tensor, held):
        return _by_bits(tensor, _FP4)
    is_packed = tensor.dtype in ("I16", "U16", "I32", "U32", "I64", "U64")
    if is_packed and len(tensor.shape) > 1:
        bits = _bits(tensor, config)
        return _by_bits(tensor, bits)
    return tensor.size


def _is_beside(tensor: Tensor, held: Mapping[str, Tensor]) -> bool:
    """Whether a tensor belongs to another one, or is no parameter at all."""
    name = tensor.name
    last = name.rpartition(".")[2]
    if last in _BESIDE or ".quant_state." in name or _BUFFER.search(name):
        return True
    # The causal mask of GPT-2: a bias has one dimension.
    if name.endswith("attn.bias") and len(tensor.shape) == 4:
        return True
    match = _OF_ANOTHER.search(name)
    if match is None:
        return False
    owner = name[: match.start()]
    return owner in held or f"{owner}_blocks" in held


def _of_qweight(
    tensor: Tensor, stem: str, held: Mapping[str, Tensor], config: Mapping[str, Any]
) -> int:
    """A weight of GPTQ, packed along its inputs, or of AWQ, packed along its outputs."""
    scales = held.get(f"{stem}.scales")
    if scales is None or len(tensor.shape) < 2:
        return _by_bits(tensor, _bits(tensor, config))
    *leading, rows, columns = tensor.shape
    layers = math.prod(leading)
    outputs = scales.shape[-1]
    if outputs != columns:
        return layers * rows * outputs
    order = held.get(f"{stem}.g_idx")
    if order is not None and order.size:
        inputs = order.shape[-1]
        return layers * inputs * outputs
    # Zero points are packed as the weights are, one an output and group like the scales.
    zeros = held.get(f"{stem}.qzeros")
    if zeros is not None and zeros.shape[:-1] == scales.shape[:-1]:
        return tensor.size * outputs // zeros.shape[-1]
    return _by_bits(tensor, _bits(tensor, config))


def _is_halved(tensor: Tensor, held: Mapping[str, Tensor]) -> bool:
    """Whether every byte of a tensor holds two numbers of four bits."""
    if tensor.dtype != "U8":
        return False
    name = tensor.name
    if name.endswith(".weight_packed"):
        return True
    # gpt-oss, ModelOpt and bitsandbytes tell it by what stands beside the bytes.
    beside = (
        f"{name.removesuffix('_blocks')}_scales",
        f"{name}_scale",
        f"{name}_weight_scale",
        f"{name}.quant_state.bitsandbytes__nf4",
        f"{name}.quant_state.bitsandbytes__fp4",
    )
    return any(other in held for other in beside)


def _by_bits(tensor: Tensor, bits: int) -> int:
    return tensor.size * _INTEGERS[tensor.dtype] // bits


def _bits(tensor: Tensor, config: Mapping[str, Any]) -> int:
    """Bits a weight, as the configuration says; UserError where it does not."""
    bits = _first(config.get("quantization_config"), ("bits", "w_bit", "num_bits", "nbits"))
    if type(bits) is not int or not 0 < bits <= _INTEGERS[tensor.dtype]:
        raise UserError(
            f"model: expected the bits of quantized weights as quantization_config.bits in "
            f"{tensor.path.parent}/config.json, since {tensor.name} is packed, got {bits!r}; "
            "fetch the folder again"
        )
    return bits


def _first(table: Any, keys: tuple[str, ...]) -> Any:
    """The first of the keys in a table or in the tables inside it."""
    if not isinstance(table, dict):
        return None
    for key in keys:
        if table.get(key) is not None:
            return table[key]
    for part in table.values():
        value = _first(part, keys)
        if value is not None:
            return value
    return None
