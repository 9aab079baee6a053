"""Model folders as they lie about: headers of safetensors as each way of saving writes them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BITS = {"F32": 32, "BF16": 16, "F16": 16, "F8_E4M3": 8, "I8": 8, "U8": 8, "I32": 32, "I64": 64}
Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
"""(dtype, shape) by the name of a tensor."""

# Hidden size 64, 2 layers: 3·64² a layer, 32 for a norm; the two matrices of 100 words are none.
LAYERS = 2
DENSE: dict[str, tuple[str, tuple[int, ...]]] = {
    "model.embed_tokens.weight": ("BF16", (100, 64)),
    **{
        f"model.layers.{layer}.mlp.{name}.weight": ("BF16", (64, 64))
        for layer in range(LAYERS)
        for name in ("gate_proj", "up_proj", "down_proj")
    },
    "model.norm.weight": ("BF16", (32,)),
    "lm_head.weight": ("BF16", (100, 64)),
}
DENSE_PARAMETERS = LAYERS * 3 * 64 * 64 + 32
CONFIG = {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 100}


def checkpoint(folder: Path, shapes: Shapes, config: Mapping[str, Any] | None = None) -> Path:
    """A folder with config.json and one file of weights, all of them zero."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | dict(config or {})))
    write_tensors(folder / "model.safetensors", shapes)
    return folder


def sharded(folder: Path, shapes: Shapes, parts: int) -> Path:
    """The same in several files with an index; the names of the files are the usual ones."""
    checkpoint(folder, {})
    (folder / "model.safetensors").unlink()
    weight_map: dict[str, str] = {}
    for number in range(parts):
        shard = f"model-{number + 1:05d}-of-{parts:05d}.safetensors"
        held = dict(list(shapes.items())[number::parts])
        write_tensors(folder / shard, held)
        weight_map |= dict.fromkeys(held, shard)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_tensors(path: Path, shapes: Shapes, values: Mapping[str, bytes] | None = None) -> None:
    """A file of safetensors; tensors without values are zero."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, (dtype, shape) in shapes.items():
        size = math.prod(shape) * BITS[dtype] // 8
        data = (values or {}).get(name, bytes(size))
        header[name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [len(content), len(content) + size],
        }
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
