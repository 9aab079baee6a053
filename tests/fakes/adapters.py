"""LoRA adapters of the bundled generator as PEFT writes them, and the same merged into it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tasks.models.version import BUNDLED

BASE = BUNDLED / "congruences-generator"
LAYERS, WIDTH, RANK = 3, 128, 4
TARGETS = ("q_proj", "v_proj", "o_proj")
PARAMETERS = LAYERS * len(TARGETS) * 2 * RANK * WIDTH


def adapter(folder: Path, strength: float, **config: Any) -> Path:
    """An adapter that moves attention by random matrices; with strength 0 it moves nothing."""
    folder.mkdir(parents=True)
    stated = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(BASE),
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": list(TARGETS),
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(stated | config))
    random = torch.Generator().manual_seed(0)
    matrices: dict[str, torch.Tensor] = {}
    for name in modules():
        stem = f"base_model.model.{name}"
        matrices[f"{stem}.lora_A.weight"] = torch.randn(RANK, WIDTH, generator=random)
        moved = torch.randn(WIDTH, RANK, generator=random)
        matrices[f"{stem}.lora_B.weight"] = moved * strength
    save_file(matrices, folder / "adapter_model.safetensors")
    return folder


def merged(folder: Path, added: Path) -> Path:
    """The base with an adapter in its weights: W + 2·B·A, since alpha is twice the rank."""
    shutil.copytree(BASE, folder)
    weights = load_file(BASE / "model.safetensors")
    matrices = load_file(added / "adapter_model.safetensors")
    for name in modules():
        stem = f"base_model.model.{name}"
        product = matrices[f"{stem}.lora_B.weight"] @ matrices[f"{stem}.lora_A.weight"]
        weights[f"{name}.weight"] += 2 * product
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def modules() -> list[str]:
    """Names of the matrices that are moved."""
    return [
        f"model.layers.{layer}.self_attn.{target}" for layer in range(LAYERS) for target in TARGETS
    ]
