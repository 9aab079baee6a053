"""What vLLM serves of a model folder: its own weights alone, and an adapter on top of them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tasks.models.folders.adapters import Adapter
from tasks.models.folders.weights import uncounted_files
from tasks.settings import settings


def plain_folder(folder: Path) -> Path:
    """The folder, or one of links to its files without the safetensors that are not its weights.

    Without an index vLLM reads every file of safetensors that it finds, and of two layouts of the
    same weights it takes Mistral's own, whatever the index says.
    """
    aside = {path.name for path in uncounted_files(folder)}
    if not aside:
        return folder
    wanted = [path for path in sorted(folder.iterdir()) if path.name not in aside]
    links = [path.name for path in wanted]
    state = hashlib.sha256(repr((str(folder), links)).encode()).hexdigest()[:12]
    copies = settings().home / "models"
    target = copies / f"{folder.name}-{state}"
    if not target.is_dir():
        copies.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=copies))
        for path in wanted:
            # Not resolved: in the cache of a hub a file is a link that later names another one.
            (work / path.name).symlink_to(path.absolute())
        # In one instant; it fails where another process was first.
        try:
            work.rename(target)
        except OSError:
            shutil.rmtree(work)
    return target


def adapter_arguments(adapter: Adapter | None) -> dict[str, Any]:
    """AsyncEngineArgs that make room for an adapter."""
    if adapter is None:
        return {}
    arguments: dict[str, Any] = {
        "enable_lora": True,
        "max_loras": 1,
        "max_lora_rank": adapter.room,
    }
    # Only these have to be ready for it, and above all not the output matrix.
    if not adapter.has_experts:
        arguments["lora_target_modules"] = sorted(adapter.modules)
    return arguments


def adapter_request(adapter: Adapter | None) -> Any:
    """What every request names to be answered by the adapter; None: by the model alone."""
    if adapter is None:
        return None
    # Imported here: it takes seconds, for which only who draws should wait.
    from vllm.lora.request import LoRARequest

    return LoRARequest(adapter.folder.name, 1, str(adapter.folder))
