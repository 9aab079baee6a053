"""What is published of a family whose one version is champion."""

from __future__ import annotations

import polars as pl

from tasks.tracking.family import Track


def standings_of(run: dict[str, object], standing: str) -> list[dict[str, object]]:
    names = ("run_id", "version", "model", "model_fingerprint")
    told = {"standing": standing, "why": "it's the first", "regressed": None}
    return [{name: run[name] for name in names} | told]


def track_of(run: dict[str, object], *, benchmark: str, family: str, study: str) -> Track:
    history = pl.DataFrame(
        {
            "budget": [4],
            "version": [1],
            "model": [run["model"]],
            "accuracy": [0.5],
            "factor": [2.0],
            "flops": [1e6],
        }
    )
    return Track(family, benchmark, study, standings_of(run, "champion"), history, (4,))
