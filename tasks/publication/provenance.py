"""Where a run's figures come from: names, fingerprints, seed, commit, versions."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from tasks.publication.summary import RunSummary


def provenance(summary: RunSummary) -> str:
    """The report's last table."""
    rows = _identity(summary.run)
    rows["Prefect run"] = summary.prefect_run_id or "none: started without Prefect"
    rows["minimum detectable difference"] = (
        "not computed" if summary.mdd is None else f"{summary.mdd:.3f}"
    )
    lines = [
        f"<tr><th>{name}</th><td><code>{escape(str(value))}</code></td></tr>"
        for name, value in rows.items()
    ]
    table = f"<table class=provenance>{''.join(lines)}</table>"
    # Narrower than the page: a long list of packages is read like a text.
    return f"<div style='max-width:860px'><h2>Provenance</h2>{table}</div>"


def _identity(run: dict[str, Any]) -> dict[str, Any]:
    verifier = f"{run['verifier']} · {run['verifier_fingerprint']} · {run['aggregate']} step score"
    packages: dict[str, str] = json.loads(run["packages_json"] or "{}")
    return {
        "model": f"{run['model']} · {run['model_fingerprint']}",
        "verifier": verifier if run["verifier"] else "none",
        "revisions by, judged by": _revisers(run),
        "benchmark": f"{run['benchmark']} · {run['benchmark_fingerprint']}",
        "seed, replicate": f"{run['seed']}, {run['replicate']}",
        "code commit": run["code_commit"],
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }


def _revisers(run: dict[str, Any]) -> str:
    """The model that revises and the verifier that judges revisions."""
    if run["reviser_fingerprint"] is None:
        return "none: the study does not revise"
    settings = json.loads(run["study_json"]).get("revisions") or {}
    # What the study leaves out is done by the run's own model and verifier.
    model = settings.get("model") or run["model"]
    verifier = (settings.get("verifier") or {}).get("model", run["verifier"])
    judge = run["judge_fingerprint"] or run["verifier_fingerprint"] or "none"
    return f"{model} · {run['reviser_fingerprint']}; {verifier} · {judge}"
