"""What MLflow is given of one run, as one plain value that is built in one call."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple, cast

import polars as pl

from tasks.publication import report
from tasks.publication.cells import policy_cells
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.summary import RunSummary
from tasks.publication.words import key_of, model_short_name
from tasks.study.secrets import shown_study
from tasks.tracking.comparable import comparable_tables
from tasks.tracking.first_screen import FirstScreen, first_screen
from tasks.tracking.metrics import Metric, metrics_of

_LONGEST_PARAMETER = 5000
"""Characters of a parameter that are kept: MLflow refuses one of more than 6000."""
_LONGEST_NAME = 200
"""Characters of a name that are kept, of MLflow's 250: PostgreSQL refuses a run with a longer."""
_LONGEST_DIGEST = 36
"""Characters of a data set's fingerprint that MLflow takes."""
_FIXED = (
    "study",
    "family",
    "model",
    "model_fingerprint",
    "verifier",
    "verifier_fingerprint",
    "aggregate",
    "reviser_fingerprint",
    "judge_fingerprint",
    "larger_fingerprint",
    "benchmark",
    "benchmark_fingerprint",
    "grader",
    "seed",
    "replicate",
    "code_commit",
)
"""Columns of the run's row that are parameters under their own name."""


class DatasetEntry(NamedTuple):
    """The benchmark as an input of the run."""

    name: str
    """As screens write it."""
    digest: str
    """The fingerprint's first characters, as many as MLflow takes."""
    source: str
    """As the study names it: a bundled benchmark or a file."""


class Publication(NamedTuple):
    """All that MLflow is given of one run, but for the links: they need ids that MLflow gives."""

    run_name: str
    """`congruences-generator v3 2026-11-21`."""
    experiment_name: str
    """The benchmark: what is compared on one page has answered the same questions."""
    subject: str
    """Hash of the parameters: a night on which it is the same updates the same MLflow run."""
    start_time: int
    """When the run was opened, in ms since 1970."""
    prefect_run_id: str | None
    parameters: dict[str, str]
    metrics: list[Metric]
    tags: dict[str, str]
    """Every tag but the note, which holds the links."""
    first_screen: FirstScreen
    tables: dict[str, dict[str, list[str]]]
    """File name → columns, text each."""
    files: dict[str, str]
    """File name → UTF-8 text."""
    frames: dict[str, pl.DataFrame]
    """The summary's frames by name, for Parquet."""
    dataset: DatasetEntry
    model_name: str
    model_fingerprint: str
    model_tags: dict[str, str]
    """Tags of the registered version."""
    policy: dict[str, Any]
    """What the registered policy is made of: benchmark, model, difficulty and the cells."""


def publication_of(summary: RunSummary) -> Publication:
    """All that is published of a run."""
    run = summary.run
    model = model_short_name(run["model"])
    benchmark = run["benchmark"]
    values = _parameters(summary)
    tables = comparable_tables(summary)
    return Publication(
        run_name=f"{shorten(model)} v{run['version']} {run['opened_at']:%Y-%m-%d}",
        experiment_name=benchmark,
        subject=_subject(values),
        start_time=int(run["opened_at"].timestamp() * 1000),
        prefect_run_id=summary.prefect_run_id,
        parameters=values,
        metrics=list(metrics_of(summary)),
        tags=_run_tags(summary, tables=list(tables)),
        first_screen=first_screen(summary),
        tables=tables,
        files={"report.html": report.html(summary), "study.json": _study_file(run)},
        frames=summary.frames,
        dataset=DatasetEntry(
            name=shorten(benchmark),
            digest=run["benchmark_fingerprint"][:_LONGEST_DIGEST],
            source=run["benchmark"],
        ),
        model_name=registered_name(run["benchmark"], run.get("family") or run["model"]),
        model_fingerprint=run["model_fingerprint"],
        model_tags={
            "model_version": str(run["version"]),
            "model_fingerprint": run["model_fingerprint"],
            "run_id": summary.run_id,
            "grader": run["grader"],
            "code_commit": run["code_commit"],
            **_loss_tags(summary),
        },
        policy=_policy(summary),
    )


def registered_name(benchmark: str, family: str) -> str:
    """`ttc-policy-<benchmark>-<family>`, in characters that a registry takes; one for each two."""
    return f"ttc-policy-{key_of(benchmark, family)}"


def shorten(name: str) -> str:
    """The name, where it is too long for MLflow its beginning and a hash: one for each name."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[:_LONGEST_NAME]}… {digest}"


def _parameters(summary: RunSummary) -> dict[str, str]:
    """What was fixed before the run: the study's settings, names, fingerprints, seed, versions."""
    run = summary.run
    settings = shown_study(run["study_json"])
    # By names of models, which may have characters that a parameter's name may not.
    prices = settings.pop("prices", None)
    # Texts of whole files, whose versions stand in the names of the strategies.
    settings.pop("strategy_files", None)
    study = _flatten(settings)
    if prices:
        study["prices"] = json.dumps(prices, sort_keys=True)
    values: dict[str, Any] = {f"study.{key}": value for key, value in study.items()}
    values |= {name: run.get(name) for name in _FIXED}
    values |= {"model_version": run["version"], "baseline": summary.baseline}
    packages: dict[str, str] = json.loads(run["packages_json"])
    values |= {f"package.{name}": version for name, version in packages.items()}
    return {
        key: str(value)[:_LONGEST_PARAMETER] for key, value in values.items() if value is not None
    }


def _study_file(run: dict[str, Any]) -> str:
    return json.dumps(shown_study(run["study_json"]), sort_keys=True)


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(cast("dict[str, Any]", value), f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _subject(values: dict[str, str]) -> str:
    """Hash of the parameters, whatever order they come in."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _run_tags(summary: RunSummary, *, tables: list[str]) -> dict[str, str]:
    """Ids by which a run is found, and what MLflow's page reads; `tables` are file names."""
    run = summary.run
    logged = [{"path": name, "type": "table"} for name in tables]
    return {
        "ttc.run_id": summary.run_id,
        "ttc.prefect_run_id": summary.prefect_run_id or "",
        "ttc.model_fingerprint": run["model_fingerprint"],
        "ttc.model_version": str(run["version"]),
        "ttc.grader": run["grader"],
        **{f"ttc.{name}": value for name, value in _loss_tags(summary).items()},
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"ttc run {shorten(run['study'])}",
        "mlflow.source.git.commit": run["code_commit"],
        # By this tag MLflow's page knows which files are tables that it can line up.
        "mlflow.loggedArtifacts": json.dumps(logged),
    }


def _loss_tags(summary: RunSummary) -> dict[str, str]:
    """How many cells of the policy lose much, and how many recommend nothing."""
    policy = policy_cells(summary, summary.used_difficulty) if summary.difficulties else []
    return {
        "cells": str(len(policy)),
        "cells_lossy": str(sum(cell.loses_much for cell in policy)),
        "cells_not_recommended": str(sum(not cell.is_recommended for cell in policy)),
    }


def _policy(summary: RunSummary) -> dict[str, Any]:
    """The table under the used difficulty, and what it is a policy for: plain JSON.

    `for_all` has the strategy that is recommended in place of the bins', by budget.
    """
    run = summary.run
    kind = summary.used_difficulty
    judged = summary.curve.filter(difficulty=kind, adapts=False)
    cells = [
        {
            "bin": cell.bin,
            "budget": cell.budget,
            "strategy": cell.strategy,
            "recommended": cell.is_recommended,
            "truncated": cell.truncated,
            "no_answer": cell.no_answer,
        }
        for cell in policy_cells(summary, kind)
    ]
    return {
        "benchmark": run["benchmark"],
        "model": run["model"],
        "model_fingerprint": run["model_fingerprint"],
        "run_id": summary.run_id,
        "difficulty": kind,
        "cells": cells,
        # JSON has no other keys than texts.
        "for_all": {str(row["budget"]): row["fixed"] for row in judged.to_dicts()},
        "recommendations": recommendation_lines(summary),
    }
