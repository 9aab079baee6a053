"""How many parameters a model has: those a token passes through, and those of all its experts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from tasks.models.folders.configs import model_config, text_config
from tasks.models.folders.packing import unpacked
from tasks.models.folders.weights import Tensor, tensors
from warehouse.errors import UserError


class Parameters(NamedTuple):
    """Counts without embedding and output matrices, vision and audio (METHOD §9)."""

    active: int
    """What one token passes through: of a mixture of experts those it is sent to."""
    all: int
    """With every expert, as they lie in memory."""


class Experts(NamedTuple):
    """Tensors of the routed experts of one layer."""

    number: int
    total: int
    """Parameters of all of them."""


# Looking a token up costs no FLOPs worth counting, so cost leaves them out, and the matrix that
# turns the last state into logits with them (METHOD §9).
_TABLES: Final = frozenset(
    {
        "embed_tokens",
        "embed_tokens_per_layer",
        "wte",
        "wpe",
        "tok_embeddings",
        "word_embeddings",
        "position_embeddings",
        "token_embedding",
        "embed_positions",
        "embedding",
        "embeddings",
        "embed_in",
        "embed_out",
        "lm_head",
        "output_layer",
    }
)
# A text model is what we ask: nothing that is written passes through these.
_SENSES = re.compile(
    r"vision|visual|audio|image|video|speech|projector|resampler|aligner"
    r"|^(vpm|apm|mlp1|connector|talker|token2wav|code2wav|mtp)$"
)
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
_NUMBERED = re.compile(r"(?P<layer>.*(?:^|\.)experts)\.(?:expert_)?(?P<number>\d+)\.")
_FUSED = re.compile(r"(?P<layer>.*(?:^|\.)experts)\.")

_COUNTS = (
    "num_local_experts",
    "num_experts",
    "n_routed_experts",
    "moe_num_experts",
    "num_routed_experts",
    "n_experts",
)
_CHOSEN = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_topk",
    "moe_top_k",
    "top_k_experts",
    "moe_k",
    "num_selected_experts",
)


def count_parameters(folder: Path) -> Parameters:
    """The parameters of the model in a folder, from the headers of its weights alone."""
    config = model_config(folder)
    text = text_config(config)
    held = {tensor.name: tensor for tensor in tensors(folder)}
    counted = [tensor for tensor in held.values() if not _is_left_out(tensor, text)]
    sizes = {tensor.name: unpacked(tensor, held, config) for tensor in counted}
    routed = dict(_routed(counted, text))
    fused = _fused_count([held[name] for name in routed], text)
    total = sum(sizes.values())
    idle = 0
    for layer, experts in _by_layer(routed, sizes, fused=fused).items():
        chosen = _chosen(folder, text, layer, experts.number)
        # Experts of a layer are of one size.
        idle += experts.total * (experts.number - chosen) // experts.number
    return Parameters(total - idle, total)


def _is_left_out(tensor: Tensor, text: Mapping[str, Any]) -> bool:
    """Whether a tensor is an embedding, an output matrix, or no part of the language model."""
    parts = tensor.name.split(".")
    for part in parts:
        if part in _TABLES or _SENSES.search(part):
            return True
    layer = _LAYER.search(tensor.name)
    if layer is None:
        return _is_output(parts, tensor, text)
    # Layers that guess tokens ahead stand behind the last one, and nobody is asked them.
    depth = text.get("num_hidden_layers")
    if not isinstance(depth, int) or not text.get("num_nextn_predict_layers"):
        return False
    return int(layer[1]) >= depth


def _is_output(parts: list[str], tensor: Tensor, text: Mapping[str, Any]) -> bool:
    """Whether it is the output matrix under a name that other modules have as well."""
    if len(parts) < 2 or parts[-2] not in ("output", "head"):
        return False
    if len(tensor.shape) != 2:
        return False
    rows = tensor.shape[0]
    return rows == text.get("vocab_size", rows)


def _routed(
    counted: Iterable[Tensor], text: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """(tensor, (layer, expert)) of the routed experts; the expert is empty where all are fused."""
    count = _first_number(text, _COUNTS) or 0
    for tensor in counted:
        name = tensor.name
        numbered = _NUMBERED.match(name)
        fused = _FUSED.match(name)
        if numbered:
            yield name, (numbered["layer"], numbered["number"])
        elif fused:
            yield name, (fused["layer"], "")
        # Granite's have no name of their own: three dimensions, the first of them the experts.
        elif len(tensor.shape) == 3 and tensor.shape[0] == count > 1:
            module = name.rpartition(".")[0]
            yield name, (module, "")


def _fused_count(routed: Iterable[Tensor], text: Mapping[str, Any]) -> int:
    """Experts of a layer in one tensor: as the config says, else the first of three dimensions."""
    stated = _first_number(text, _COUNTS)
    leading = [tensor.shape[0] for tensor in routed if len(tensor.shape) == 3]
    return stated or max(leading, default=1)


def _by_layer(
    routed: Mapping[str, tuple[str, str]], sizes: Mapping[str, int], *, fused: int
) -> dict[str, Experts]:
    """How many experts each layer has, `fused` where they are, and their parameters together."""
    totals: dict[str, int] = defaultdict(int)
    numbers: dict[str, set[str]] = defaultdict(set)
    for name, (layer, number) in routed.items():
        totals[layer] += sizes[name]
        numbers[layer].add(number)
    layers: dict[str, Experts] = {}
    for layer, total in totals.items():
        own = numbers[layer] - {""}
        number = len(own) if own else fused
        layers[layer] = Experts(number, total)
    return layers


def _chosen(folder: Path, text: Mapping[str, Any], layer: str, count: int) -> int:
    """Experts of a layer that one token is sent to; UserError where the config does not say."""
    value = next(_values(text, _CHOSEN), None)
    if isinstance(value, list):
        match = _LAYER.search(f"{layer}.")
        place = int(match[1]) if match else 0
        value = value[place] if place < len(value) else None
    if type(value) is not int or not 0 < value <= count:
        raise UserError(
            f"model: expected num_experts_per_tok of 1 to {count} in {folder}/config.json, since "
            f"{layer} has {count} experts, got {value!r}; fetch config.json again"
        )
    return value


def _first_number(text: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    """The first whole number under one of the keys."""
    for value in _values(text, keys):
        # Not isinstance: True would be one expert.
        if type(value) is int:
            return value
    return None


def _values(text: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Any]:
    """What stands under the keys in the config, or in a table inside it as DBRX has its experts."""
    inner = [part for part in text.values() if isinstance(part, dict)]
    for key in keys:
        for table in (text, *inner):
            if table.get(key) is not None:
                yield table[key]
