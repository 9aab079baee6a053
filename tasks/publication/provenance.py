"""Where a run's figures come from: names, fingerprints, seed, commit, versions.

All of it is in the row of table `runs`, which was written before the first token.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from tasks.publication.summary import RunSummary
from tasks.publication.words import interval_text


def provenance(summary: RunSummary) -> str:
    """The report's last table: HTML, a row a fact.

    With these a run can be repeated, and two reports be told apart that look alike.
    """
    facts = _identity(summary.run)
    facts["Prefect run"] = summary.prefect_run_id or "none: started without Prefect"
    facts["minimum detectable difference"] = (
        "not computed" if summary.mdd is None else interval_text(*summary.mdd)
    )
    if summary.mdd_of_bins:
        of_bins = [f"{one}: {interval_text(*least)}" for one, least in summary.mdd_of_bins]
        facts["the same by bin"] = "; ".join(of_bins)
    lines: list[str] = []
    for name, value in facts.items():
        # As code: fingerprints are compared letter by letter, in a font of one width.
        code = f"<code>{escape(str(value))}</code>"
        lines.append(f"<tr><th>{name}</th><td>{code}</td></tr>")
    table = f"<table class=provenance>{''.join(lines)}</table>"
    # Narrower than the page: a long list of packages is read like a text.
    return f"<div style='max-width:860px'><h2>Provenance</h2>{table}</div>"


def _identity(run: dict[str, Any]) -> dict[str, Any]:
    """What the run was made of, by what it is."""
    # A fingerprint beside each name: names stay when weights or questions change.
    verifier = "none"
    if run["verifier"]:
        named = _with_fingerprint(run, "verifier")
        verifier = f"{named} · {run['aggregate']} step score"
    packages: dict[str, str] = json.loads(run["packages_json"] or "{}")
    versions = [f"{name} {version}" for name, version in packages.items()]
    return {
        "model": _with_fingerprint(run, "model"),
        "verifier": verifier,
        "revisions by, judged by": _revisers(run),
        "questions passed on to": _larger(run),
        "benchmark": _with_fingerprint(run, "benchmark"),
        "answers judged by": f"grader {run['grader']}",
        "seed, replicate": f"{run['seed']}, {run['replicate']}",
        "code commit": run["code_commit"],
        "packages": ", ".join(versions),
    }


def _with_fingerprint(run: dict[str, Any], column: str) -> str:
    """`bundled/congruences-generator · a7f3e91`.

    Of a model's weights, tokenizer and prompt template, or of a benchmark's content.
    """
    return f"{run[column]} · {run[f'{column}_fingerprint']}"


def _larger(run: dict[str, Any]) -> str:
    """The model that cascades ask, with its fingerprint; `none` in words without one."""
    if run["larger_fingerprint"] is None:
        return "none: the study has no cascade"
    exchange = json.loads(run["study_json"])["exchange"]
    return f"{exchange['model']} · {run['larger_fingerprint']}"


def _revisers(run: dict[str, Any]) -> str:
    """The model that revises and the verifier that judges revisions, with their fingerprints.

    `none` in words where the study does not revise.
    """
    if run["reviser_fingerprint"] is None:
        return "none: the study does not revise"
    settings = json.loads(run["study_json"]).get("revisions") or {}
    # What the study leaves out is done by the run's own model and verifier.
    model = settings.get("model") or run["model"]
    verifier = (settings.get("verifier") or {}).get("model", run["verifier"])
    judge = run["judge_fingerprint"] or run["verifier_fingerprint"] or "none"
    reviser = run["reviser_fingerprint"]
    return f"{model} · {reviser}; {verifier} · {judge}"
