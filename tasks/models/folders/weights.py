"""The weights of a model folder: which files are them, and what their headers say.

Layout of a file: https://huggingface.co/docs/safetensors, section "Format"; of an index:
`transformers.utils.SAFE_WEIGHTS_INDEX_NAME`.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tasks.models.folders.configs import LFS_POINTER, read_json, refuse_pointer
from warehouse.errors import UserError

INDEX: Final = "model.safetensors.index.json"
WHOLE: Final = "model.safetensors"
ADAPTER: Final = "adapter_model.safetensors"

# Beside a model's own weights lie others that no engine of ours reads: the same in Mistral's own
# layout, an adapter that was merged, what training needs to go on.
_ASIDE = re.compile(r"consolidated|adapter|optimizer|scheduler|training|rng_state|ema[._-]")
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_HEADER_MOST = 100_000_000
"""Bytes of a header above which safetensors itself reads no file."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a checkpoint, as the header of its file describes it."""

    name: str
    dtype: str
    """As safetensors spells it: F32, BF16, I32, U8, F8_E4M3, …"""
    shape: tuple[int, ...]
    path: Path
    start: int
    """Where its bytes begin in the file."""
    end: int

    @property
    def size(self) -> int:
        """Elements as they are stored."""
        return math.prod(self.shape)

    def whole_numbers(self) -> list[int]:
        """The values of a small tensor of 64- or 32-bit integers."""
        letter = "q" if self.dtype == "I64" else "i"
        with self.path.open("rb") as file:
            file.seek(self.start)
            content = file.read(self.end - self.start)
        layout = f"<{self.size}{letter}"
        return list(struct.unpack(layout, content))


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a model's weights, by name: the shards of its index, else the one file.

    UserError names a shard that is missing, and what is there in place of safetensors.
    """
    index = folder / INDEX
    if index.exists() or index.is_symlink():
        return _shards_of(index)
    whole = folder / WHOLE
    if whole.is_file():
        return [whole]
    found = sorted(folder.glob("*.safetensors"))
    named = [path for path in found if not _ASIDE.match(path.name)]
    if not named:
        raise UserError(_without_weights(folder, found))
    _check_series(named)
    return named


def has_weights(folder: Path) -> bool:
    """Whether a folder has weights of a whole model."""
    for name in (INDEX, WHOLE):
        path = folder / name
        if path.exists():
            return True
    found = folder.glob("*.safetensors")
    return any(not _ASIDE.match(path.name) for path in found)


def uncounted_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder that are none of the model's weights."""
    counted = set(weight_files(folder))
    return sorted(path for path in folder.glob("*.safetensors") if path not in counted)


def tensors(folder: Path) -> list[Tensor]:
    """Every tensor of a model; UserError for a file that is cut, unreadable or another's."""
    found = [tensor for path in weight_files(folder) for tensor in read_header(path)]
    names = {tensor.name for tensor in found}
    for name, shard in _weight_map(folder / INDEX).items():
        if name not in names:
            raise UserError(
                f"model: expected tensor {name} in {folder / shard}, as {INDEX} says, "
                "found none; fetch the folder again"
            )
    return found


def read_header(path: Path) -> Iterator[Tensor]:
    """The tensors of one file; UserError where it is cut short or no safetensors."""
    header, start = header_of(path)
    header.pop("__metadata__", None)
    try:
        read = [_tensor(path, start, name, one) for name, one in header.items()]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, repr(error)) from error
    wanted = max((tensor.end for tensor in read), default=start)
    size = path.stat().st_size
    if wanted != size:
        raise UserError(f"model: {path} should have {wanted} bytes, has {size}; fetch it again")
    yield from read


def _tensor(path: Path, start: int, name: str, one: dict[str, Any]) -> Tensor:
    """A tensor as its entry in a header has it: offsets count from where the bytes begin."""
    begin, end = one["data_offsets"]
    lengths = [int(length) for length in one["shape"]]
    return Tensor(
        name=name,
        dtype=str(one["dtype"]),
        shape=tuple(lengths),
        path=path,
        start=start + int(begin),
        end=start + int(end),
    )


def header_of(path: Path) -> tuple[dict[str, Any], int]:
    """The header as JSON, and where the tensors' bytes begin; UserError where there is none.

    One that says to be larger than safetensors itself reads is not read.
    """
    # Eight bytes that give the header's length, the header as JSON, the tensors' bytes.
    try:
        with path.open("rb") as file:
            begin = file.read(8)
            if LFS_POINTER.startswith(begin):
                refuse_pointer(path, begin + file.read(64))
            (length,) = struct.unpack("<Q", begin)
            if length > _HEADER_MOST:
                raise _unreadable(path, f"its header would have {length} bytes")
            content = file.read(length)
        header = json.loads(content)
    except (OSError, struct.error, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(header, dict):
        raise _unreadable(path, f"its header is a {type(header).__name__}")
    return header, 8 + length


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(f"model: {path} is not a readable safetensors file ({reason}); fetch it again")


def _shards_of(index: Path) -> list[Path]:
    """The files that an index names, every one of them there."""
    folder = index.parent
    # Every tensor names its file, so a file is named many times.
    names = set(_weight_map(index).values())
    shards = sorted(folder / name for name in names)
    missing = [path.name for path in shards if not path.is_file()]
    if missing:
        raise UserError(
            f"model: expected the {len(shards)} shards of {index}, "
            f"{_some(missing)} missing; fetch the folder again"
        )
    return shards


def _weight_map(index: Path) -> dict[str, str]:
    """File by tensor, as an index says; nothing where there is no index."""
    if not index.exists() and not index.is_symlink():
        return {}
    held = read_json(index).get("weight_map")
    files: list[Any] = list(held.values()) if isinstance(held, dict) else []
    named = [name for name in files if _is_name(name)]
    if held is None or not files or named != files:
        raise UserError(
            f"model: expected a weight_map of tensors and file names in {index}, got "
            f"{str(held)[:80]}; fetch it again"
        )
    return held


def _is_name(name: Any) -> bool:
    """Whether it names a file of the same folder, as every shard is one."""
    return isinstance(name, str) and bool(name) and Path(name).name == name


def _check_series(paths: list[Path]) -> None:
    """UserError for a series of shards with a gap: without an index their names tell."""
    matches = [_SHARD.fullmatch(path.name) for path in paths]
    present = {path.name for path in paths}
    for match in matches:
        if match is None:
            continue
        count = match["count"]
        last = int(count)
        stem = match["stem"]
        numbers = range(1, last + 1)
        series = [f"{stem}-{number:05d}-of-{count}.safetensors" for number in numbers]
        missing = [name for name in series if name not in present]
        if missing:
            folder = paths[0].parent
            raise UserError(
                f"model: expected {last} shards in {folder}, "
                f"{_some(missing)} missing; fetch the folder again"
            )


def _some(names: list[str]) -> str:
    """Up to three names, and how many more there are."""
    first = ", ".join(names[:3])
    more = len(names) - 3
    verb = "is" if len(names) == 1 else "are"
    return f"{first} and {more} more {verb}" if more > 0 else f"{first} {verb}"


def _without_weights(folder: Path, aside: list[Path]) -> str:
    """Why a folder has no weights that count, and what to do."""
    expected = f"model: expected weights as {WHOLE} or with {INDEX} in {folder}, found"
    if aside:
        others = _some([path.name for path in aside]).rsplit(" ", 1)[0]
        return (
            f"{expected} only {others}, which no engine here reads as a model; fetch the files in "
            "the layout of Transformers, or merge an adapter into its base"
        )
    pickled = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
    if pickled:
        return (
            f"{expected} only pickled ones ({sorted(pickled)[0].name}), which may run code when "
            "they are read; convert them: `AutoModelForCausalLM.from_pretrained(folder)"
            ".save_pretrained(folder)` writes safetensors"
        )
    if any(folder.glob("*.gguf")):
        return f"{expected} GGUF; fetch the safetensors it was made from, or convert it back"
    return f"{expected} none; fetch them again"
