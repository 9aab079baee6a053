"""What MLflow is given of one run, as plain values: the first screen, parameters, metrics, the comparable table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from tasks.headlines import headlines
from tasks.settings import settings
from tasks.summary import (
    COVERAGE,
    RunSummary,
    benchmark_name,
    cells,
    half_width,
    model_short_name,
    short_names,
    signed,
)


class Metric(NamedTuple):
    key: str
    value: float
    step: int
    """The budget; 0 where there is none."""


def run_name(summary: RunSummary) -> str:
    """`congruences-generator v3 2026-11-21`."""
    run = summary.run
    return f"{model_short_name(run['model'])} v{run['version']} {run['opened_at']:%Y-%m-%d}"


def model_name(summary: RunSummary) -> str:
    """Name of the registered policy model; characters that a registry refuses become `-`."""
    name = f"ttc-policy-{benchmark_name(summary.run['benchmark'])}-{model_short_name(summary.run['model'])}"
    return re.sub(r"[^\w.-]+", "-", name)


def slug(strategy: str) -> str:
    """`beam_search(m=4)/weighted` → `beam_search_m4_weighted`: a strategy key as a metric's name."""
    return "coverage" if strategy == COVERAGE else re.sub(r"\W+", "_", strategy.replace("=", "")).strip("_")


def parameters(summary: RunSummary) -> dict[str, str]:
    """What was fixed before the run: the study's settings, names and fingerprints, seed, commit, versions."""
    run = summary.run
    study = _flat(json.loads(run["study_json"]))
    names = ("study", "model", "model_fingerprint", "verifier", "verifier_fingerprint", "aggregate", "benchmark")
    names += ("benchmark_fingerprint", "seed", "replicate", "code_commit")
    fixed = {name: run[name] for name in names} | {"model_version": run["version"], "baseline": summary.baseline}
    packages = {f"package.{name}": version for name, version in json.loads(run["packages_json"]).items()}
    merged = {f"study.{key}": value for key, value in study.items()} | fixed | packages
    return {key: str(value)[:5000] for key, value in merged.items() if value is not None}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}  # type: ignore[reportUnknownArgumentType]
    return flat


def metrics(summary: RunSummary) -> Iterator[Metric]:
    """Accuracy of every strategy, the compute-optimal curve, efficiency factors (step = budget), and costs."""
    for row in summary.overall.iter_rows(named=True):
        yield Metric(f"acc/{slug(row['strategy'])}", row["accuracy"], row["budget"])
    for place, kind in enumerate(summary.difficulties):
        suffix = "" if place == 0 else f"_{kind}"
        for row in summary.curve.filter(pl.col("difficulty") == kind).iter_rows(named=True):
            yield Metric(f"acc/compute_optimal{suffix}", row["accuracy"], row["budget"])
        for row in summary.efficiency.filter(pl.col("difficulty") == kind).iter_rows(named=True):
            yield Metric(f"efficiency_factor{suffix}", row["factor"], row["budget"])
    for row in summary.costs.iter_rows(named=True):
        for column, value in row.items():
            if isinstance(value, int | float):
                yield Metric(f"cost/{row['role']}_{column}", float(value), 0)


def comparable_table(summary: RunSummary, difficulty: str) -> dict[str, list[str]]:
    """Columns `cell` and `policy`: rows that MLflow's runs page lines up between model versions.

    The first column is a unique key (`bin 1 · N=16`); the first rows are the cross-validated curve.
    """
    names = short_names(summary.strategies)
    curve = summary.curve.filter(pl.col("difficulty") == difficulty).sort("budget", descending=True).to_dicts()
    rows = {
        f"all · N={r['budget']}": f"compute-optimal {r['accuracy']:.2f} {half_width((r['hi'] - r['lo']) / 2)}" for r in curve
    }
    for cell in sorted(cells(summary, difficulty), key=lambda c: (-c.budget, c.bin)):
        mark = "" if cell.decided else " (undecided)"
        name = names.get(cell.strategy, cell.strategy)
        rows[f"bin {cell.bin} · N={cell.budget}"] = f"{name} {cell.accuracy:.2f} {half_width(cell.half)}{mark}"
    return {"cell": list(rows), "policy": list(rows.values())}


def policy_entries(summary: RunSummary) -> dict[str, Any]:
    """What the registered policy model is made of: JSON with benchmark, model, difficulty and the cells."""
    kind = (summary.difficulties or ["predicted"])[0]
    table = [{"bin": c.bin, "budget": c.budget, "strategy": c.strategy} for c in cells(summary, kind)]
    run = summary.run
    return {
        "benchmark": run["benchmark"],
        "model": run["model"],
        "model_fingerprint": run["model_fingerprint"],
        "run_id": summary.run_id,
        "difficulty": kind,
        "cells": table,
    }


def note(summary: RunSummary, *, links: dict[str, str]) -> str:
    """Markdown of the run's first screen: headlines, policy grid, links by name, and the SQL that digs deeper."""
    lines = ["\n".join(f"- {sentence}" for sentence in headlines(summary))]
    lines += [_grid(summary, kind) for kind in summary.difficulties[:1]]
    linked = " · ".join(f"[{name}]({address})" for name, address in links.items())
    lines.append(f"{linked}\n\nWarehouse run `{summary.run_id}`, Prefect run `{summary.prefect_run_id or 'none'}`.".strip())
    lines.append("Dig deeper:\n\n```\n" + "\n".join(_queries(summary)) + "\n```")
    return "\n\n".join(lines)


def _grid(summary: RunSummary, difficulty: str) -> str:
    policy, names = cells(summary, difficulty), short_names(summary.strategies)
    budgets = sorted({cell.budget for cell in policy})
    by_place = {(c.bin, c.budget): c for c in policy}
    lines = [f"| {difficulty} bin | " + " | ".join(f"N = {b}" for b in budgets) + " |", "|---" * (len(budgets) + 1) + "|"]
    for bin_ in sorted({cell.bin for cell in policy}):
        row = [f"**{bin_}**"]
        for budget in budgets:
            cell = by_place.get((bin_, budget))
            row.append("–" if cell is None else _cell(names.get(cell.strategy, cell.strategy), cell))
        lines.append("| " + " | ".join(row) + " |")
    lines.append(f"\n± half the 95 % interval, (gain over {summary.baseline}), ≈ undecided: the cheapest strategy is named.")
    return "\n".join(lines)


def _cell(name: str, cell: Any) -> str:
    gain = "" if cell.gain is None else f" ({signed(cell.gain)})"
    shown = f"**{name}**" if cell.decided else f"{name} ≈"
    return f"{shown} {cell.accuracy:.2f} {half_width(cell.half)}{gain}"


def _queries(summary: RunSummary) -> list[str]:
    run = summary.run_id
    return [
        f"ttc sql \"FROM policies WHERE run_id = '{run}' ORDER BY difficulty, bin, budget\"",
        f"ttc sql \"FROM accuracy WHERE run_id = '{run}' AND bin IS NOT NULL ORDER BY ALL\"",
        f"ttc sql \"FROM question_draws WHERE run_id = '{run}' LIMIT 20\"",
    ]


def link_addresses(summary: RunSummary) -> dict[str, str]:
    """Addresses of the run's page in Prefect, if it has one."""
    if summary.prefect_run_id is None:
        return {}
    here = settings()
    base = (here.prefect_api or f"http://{here.host}:{here.prefect_port}/api").removesuffix("/").removesuffix("/api")
    return {"Prefect run": f"{base}/runs/flow-run/{summary.prefect_run_id}"}
