"""What MLflow is given of one run, as plain values: first screen, parameters, metrics, comparable tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from tasks.publication.headlines import headlines
from tasks.publication.summary import COVERAGE, RunSummary, ShownCell, policy_cells
from tasks.publication.words import benchmark_name, half_width_text, model_short_name
from tasks.settings import settings
from tasks.strategies.names import short_names

_TRAINING = "workflowType=machine_learning"  # otherwise MLflow opens in its GenAI mode
SIDE_BY_SIDE = f"{_TRAINING}&compareRunsMode=ARTIFACT"
"""Query of MLflow's runs page that opens its table view, where policies stand side by side."""


_NBSP = "\u00a0"
_NBHYPHEN = "\u2011"


class Metric(NamedTuple):
    key: str
    value: float
    step: int
    """The budget, for an exchange the bin (0: all questions); 0 where there is none."""


def run_name(summary: RunSummary) -> str:
    """`congruences-generator v3 2026-11-21`."""
    run = summary.run
    return f"{model_short_name(run['model'])} v{run['version']} {run['opened_at']:%Y-%m-%d}"


def model_name(summary: RunSummary) -> str:
    """Name of the registered policy of the run's family and benchmark."""
    return registered_name(
        summary.run["benchmark"], summary.run.get("family") or summary.run["model"]
    )


def registered_name(benchmark: str, family: str) -> str:
    """`ttc-policy-<benchmark>-<family>`; characters that a registry refuses become `-`."""
    return re.sub(
        r"[^\w.-]+", "-", f"ttc-policy-{benchmark_name(benchmark)}-{model_short_name(family)}"
    )


def slug(strategy: str) -> str:
    """`beam_search(m=4)/weighted` → `beam_search_m4_weighted`: a strategy key as a metric's name."""
    return (
        "coverage"
        if strategy == COVERAGE
        else re.sub(r"\W+", "_", strategy.replace("=", "")).strip("_")
    )


def parameters(summary: RunSummary) -> dict[str, str]:
    """What was fixed before the run: the study's settings, names and fingerprints, seed, commit, versions."""
    run = summary.run
    study = _flat(json.loads(run["study_json"]))
    names = (
        "study",
        "family",
        "model",
        "model_fingerprint",
        "verifier",
        "verifier_fingerprint",
        "aggregate",
        "reviser_fingerprint",
        "judge_fingerprint",
        "benchmark",
    )
    names += ("benchmark_fingerprint", "seed", "replicate", "code_commit")
    fixed = {name: run.get(name) for name in names} | {
        "model_version": run["version"],
        "baseline": summary.baseline,
    }
    packages = {
        f"package.{name}": version for name, version in json.loads(run["packages_json"]).items()
    }
    merged = {f"study.{key}": value for key, value in study.items()} | fixed | packages
    return {key: str(value)[:5000] for key, value in merged.items() if value is not None}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= (
            _flat(value, f"{prefix}{key}.")
            if isinstance(value, dict)
            else {f"{prefix}{key}": value}
        )  # type: ignore[reportUnknownArgumentType]
    return flat


def metrics(summary: RunSummary) -> Iterator[Metric]:
    """Accuracy of every strategy and the policy, efficiency factors (step = budget), exchanges (step = bin), costs."""
    for row in summary.overall.iter_rows(named=True):
        yield Metric(f"acc/{slug(row['strategy'])}", row["accuracy"], row["budget"])
    for place, kind in enumerate(summary.difficulties):
        suffix = "" if place == 0 else f"_{kind}"
        for row in summary.curve.filter(pl.col("difficulty") == kind).iter_rows(named=True):
            yield Metric(f"acc/compute_optimal{suffix}", row["accuracy"], row["budget"])
        for row in summary.efficiency.filter(pl.col("difficulty") == kind).iter_rows(named=True):
            yield Metric(f"efficiency_factor{suffix}", row["factor"], row["budget"])
            if row["net_factor"] is not None:
                yield Metric(f"efficiency_factor_net{suffix}", row["net_factor"], row["budget"])
    for row in summary.shown_exchange.filter(source="study").iter_rows(named=True):
        yield Metric(f"exchange/r{row['ratio']:g}", row["difference"], row["bin"])
    for row in summary.costs.iter_rows(named=True):
        for column, value in row.items():
            if isinstance(value, int | float):
                yield Metric(f"cost/{row['role']}_{column}", float(value), 0)


def tables(summary: RunSummary) -> dict[str, dict[str, list[str]]]:
    """File name → columns of the tables whose rows MLflow's runs page lines up between model versions.

    The first column is a unique key, the second the text. `policy.json` has a row a budget, for the eye;
    `policy_cells.json` a row a cell (`bin 1 · N=16`). The other difficulty's tables carry its name.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for place, kind in enumerate(summary.difficulties):
        suffix = "" if place == 0 else f"_{kind}"
        found[f"policy{suffix}.json"] = _by_budget(summary, kind)
        found[f"policy_cells{suffix}.json"] = _by_cell(summary, kind)
    return found


def _by_budget(summary: RunSummary, difficulty: str) -> dict[str, list[str]]:
    curve = summary.curve.filter(pl.col("difficulty") == difficulty)
    optimal = {
        r["budget"]: f"all questions {r['accuracy']:.2f} {half_width_text((r['hi'] - r['lo']) / 2)}"
        for r in curve.to_dicts()
    }
    names, policy = short_names(summary.strategies), policy_cells(summary, difficulty)
    rows: dict[str, str] = {}
    for budget in sorted({cell.budget for cell in policy}, reverse=True):
        lines = [f"bin {c.bin} {_spoken(names, c)}" for c in policy if c.budget == budget]
        rows[f"N={budget}"] = "\n".join(
            _own_line(line) for line in [*lines, *([optimal[budget]] if budget in optimal else [])]
        )
    return {"budget": list(rows), "policy": list(rows.values())}


def _own_line(words: str) -> str:
    """The words unbroken and padded: MLflow's table joins lines, and two padded ones do not fit in one."""
    return words.replace(" ", _NBSP).replace("-", _NBHYPHEN) + _NBSP * 20


def _by_cell(summary: RunSummary, difficulty: str) -> dict[str, list[str]]:
    names = short_names(summary.strategies)
    policy = sorted(policy_cells(summary, difficulty), key=lambda c: (-c.budget, c.bin))
    rows = {f"bin {cell.bin} · N={cell.budget}": _spoken(names, cell) for cell in policy}
    return {"cell": list(rows), "policy": list(rows.values())}


def _spoken(names: dict[str, str], cell: ShownCell) -> str:
    """`beam m=4 0.62 ± .03`, with ≈ where the cell is undecided."""
    mark = "" if cell.decided else " ≈"
    return f"{names.get(cell.strategy, cell.strategy)}{mark} {cell.accuracy:.2f} {half_width_text(cell.half)}"


def policy_entries(summary: RunSummary) -> dict[str, Any]:
    """What the registered policy model is made of: JSON with benchmark, model, difficulty and the cells."""
    kind = summary.used_difficulty
    table = [
        {"bin": c.bin, "budget": c.budget, "strategy": c.strategy}
        for c in policy_cells(summary, kind)
    ]
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
    """Markdown of the run's first screen: policy grid, headlines, links by name, SQL that digs deeper."""
    # The grid comes first: MLflow folds the page after 100 px.
    lines = [_grid(summary, summary.used_difficulty)] if summary.difficulties else []
    lines.append("\n".join(f"- {sentence}" for sentence in headlines(summary)))
    linked = " · ".join(f"[{name}]({address})" for name, address in links.items())
    lines.append(
        f"{linked}\n\nWarehouse run `{summary.run_id}`, Prefect run `{summary.prefect_run_id or 'none'}`."
    )
    lines.append("Dig deeper:\n\n```\n" + "\n".join(_queries(summary)) + "\n```")
    return "\n\n".join(lines)


def _grid(summary: RunSummary, difficulty: str) -> str:
    policy, names = policy_cells(summary, difficulty), short_names(summary.strategies)
    budgets = sorted({cell.budget for cell in policy})
    by_place = {(c.bin, c.budget): c for c in policy}
    lines = [
        "| bin | " + " | ".join(f"N = {b}" for b in budgets) + " |",
        "|---" * (len(budgets) + 1) + "|",
    ]
    for bin_ in sorted({cell.bin for cell in policy}):
        row = [f"**{bin_}**"]
        for budget in budgets:
            cell = by_place.get((bin_, budget))
            row.append(
                "–" if cell is None else _cell(names.get(cell.strategy, cell.strategy), cell)
            )
        lines.append("| " + " | ".join(row) + " |")
    lines.append(
        "\n± half the 95 % interval; ≈ undecided, the cheapest is named; bin 1 is the easiest."
    )
    return "\n".join(lines)


def _cell(name: str, cell: ShownCell) -> str:
    """One unbroken line, so that five bins fit on the folded screen."""
    shown = f"**{name}**" if cell.decided else f"{name} ≈"
    value = f"{cell.accuracy:.2f}{half_width_text(cell.half).replace(' ', '')}"
    return f"{shown} {value} ".replace(" ", _NBSP)


def _queries(summary: RunSummary) -> list[str]:
    run = summary.run_id
    return [
        f"ttc sql \"FROM policies WHERE run_id = '{run}' ORDER BY difficulty, bin, budget\"",
        f"ttc sql \"FROM accuracy WHERE run_id = '{run}' AND bin > 0 ORDER BY ALL\"",
        f"ttc sql \"FROM question_draws WHERE run_id = '{run}' LIMIT 20\"",
    ]


def links(summary: RunSummary, *, experiment: str, run: str, uri: str) -> dict[str, str]:
    """Addresses by name: the run in Prefect, its report and the side-by-side table in MLflow.

    A file store is shown by the server of `ttc up`, so its links point there.
    """
    here = settings()
    mlflow = uri if uri.startswith("http") else here.mlflow_address
    page = f"{mlflow.rstrip('/')}/#/experiments/{experiment}"
    found = {
        "HTML report": f"{page}/runs/{run}/artifacts/report.html?{_TRAINING}",
        "Model versions side by side": f"{page}/runs?{SIDE_BY_SIDE}",
    }
    if summary.prefect_run_id:
        found["Prefect run"] = f"{here.prefect_page}/runs/flow-run/{summary.prefect_run_id}"
    return found
