"""LoRA adapters: what PEFT writes beside no base model, and what vLLM serves of it.

Sources: `peft.LoraConfig`; `vllm/lora/peft_helper.py` and `vllm/config/lora.py` of vLLM 0.32.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tasks.models.folders.configs import read_json
from tasks.models.folders.weights import ADAPTER, has_weights, read_header
from warehouse.errors import UserError

CONFIG: Final = "adapter_config.json"
RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks up to which vLLM makes room for an adapter."""

_PLAIN_BEGINNINGS: Final = (
    "gaussian",
    "eva",
    "orthogonal",
    "mica",
    "lora_ga",
)
# What PEFT can do besides, each by a key of its config that is empty or false in a plain adapter.
_MORE_THAN_LORA: Final = (
    "use_dora",
    "lora_bias",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "use_bdlora",
    "use_qalora",
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter that vLLM can serve on its base."""

    folder: Path
    base: str | None
    """The name it states for its base, with the revision; None: it states none."""
    rank: int
    """The highest of its matrices."""
    modules: frozenset[str]
    """Last names of the modules that it moves, e.g. q_proj."""
    has_experts: bool
    """Whether some of them are experts, which vLLM knows by other names."""

    @property
    def reads_prompts(self) -> bool:
        """Whether vLLM can tell how likely the words of a prompt are.

        Where the output matrix may be moved it makes room for one row a request, and dies of more.
        """
        return not self.has_experts and "lm_head" not in self.modules

    @property
    def room(self) -> int:
        """The smallest rank for which vLLM makes room and this adapter fits."""
        return next(rank for rank in RANKS if rank >= self.rank)

    @property
    def files(self) -> list[Path]:
        """What decides the tokens that it draws, on top of its base."""
        return [self.folder / CONFIG, self.folder / ADAPTER]

    def parameters(self) -> int:
        """Parameters of its own, through which every token passes besides the base's."""
        return sum(tensor.size for tensor in read_header(self.folder / ADAPTER))


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter alone: merged models keep its config beside weights."""
    return (folder / CONFIG).is_file() and not has_weights(folder)


def load_adapter(folder: Path) -> Adapter:
    """The adapter in a folder; UserError for one that vLLM would serve otherwise or not at all."""
    if not (folder / CONFIG).is_file():
        raise UserError(
            f"model: expected an adapter with {CONFIG} in {folder}, found none; "
            "write base+adapter, the folder of PEFT behind the plus"
        )
    config = read_json(folder / CONFIG)
    _check_kind(folder, config)
    if not (folder / ADAPTER).is_file():
        pickled = " (adapter_model.bin is pickled and not read)"
        seen = pickled if (folder / "adapter_model.bin").is_file() else ""
        raise UserError(
            f"model: expected {ADAPTER} in {folder}, found none{seen}; save the adapter again "
            "with safe_serialization=True"
        )
    paths = [tensor.name.partition(".lora_")[0] for tensor in read_header(folder / ADAPTER)]
    return Adapter(
        folder=folder,
        base=_base(config),
        rank=_rank(folder, config),
        modules=frozenset(path.rpartition(".")[2] for path in paths),
        has_experts=any(".experts" in path for path in paths),
    )


def _check_kind(folder: Path, config: dict[str, Any]) -> None:
    """UserError for what is no plain LoRA: vLLM has no room for the rest."""
    strange = [key for key in _MORE_THAN_LORA if config.get(key)]
    if config.get("peft_type", "LORA") != "LORA":
        strange.append("peft_type")
    if config.get("bias", "none") != "none":
        strange.append("bias")
    if not _begins_plainly(config.get("init_lora_weights")):
        strange.append("init_lora_weights")
    if strange:
        raise UserError(
            f"model: expected a plain LoRA adapter in {folder}, got "
            f"{strange[0]} = {config[strange[0]]!r}, which vLLM does not serve; merge it into its "
            "base (`merge_and_unload`) and name the merged folder"
        )


def _begins_plainly(way: Any) -> bool:
    """Whether training began on the base as it is: other ways put a part of it into the adapter."""
    return not isinstance(way, str) or way.lower() in _PLAIN_BEGINNINGS


def _base(config: dict[str, Any]) -> str | None:
    name = config.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        return None
    revision = config.get("revision")
    # A folder has no revisions, whatever was trained on.
    if not isinstance(revision, str) or not revision or Path(name).is_dir():
        return name
    return f"{name}@{revision}"


def _rank(folder: Path, config: dict[str, Any]) -> int:
    pattern = config.get("rank_pattern")
    own = pattern if isinstance(pattern, dict) else {}
    ranks: list[Any] = [config.get("r"), *own.values()]
    for rank in ranks:
        if type(rank) is not int or not 1 <= rank <= RANKS[-1]:
            raise UserError(
                f"model: expected ranks of 1 to {RANKS[-1]} as r in {folder / CONFIG}, "
                f"got {rank!r}; merge the adapter into its base and name the merged folder"
            )
    return max(ranks)
