"""`ttc solve`: one question, answered under a policy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.answers.replies import answer_record
from tasks.engines.log import noise_in
from tasks.publication.cells import LOSSY
from tasks.serving.policy import policy_run
from tasks.serving.solver import open_solver
from tasks.statistics.outcomes import MANY
from warehouse.snapshot import Snapshot


def solve(
    folder: Path, question: str, *, budget: int, policy: str | None, console: Console, as_json: bool
) -> None:
    """Print the answer to a question, with its cost and how it came about."""
    run_id = policy_run(Snapshot(folder), policy)
    # Engines write to the terminal by themselves: into a log, not into the answer.
    with noise_in(folder.parent / "logs" / "engine.log"):
        record = asyncio.run(_solve(folder, run_id, question, budget))
    if as_json:
        print(json.dumps(record, indent=1))
        return
    # Answers are full of square brackets: they are text here, not markup.
    console.print(_text(record), markup=False, highlight=False)


async def _solve(folder: Path, run_id: str, question: str, budget: int) -> dict[str, Any]:
    """The record of an answer by models that live for this question alone."""
    async with open_solver(folder, run_id) as solver:
        return answer_record(solver, await solver.solve(question, budget))


def _text(record: dict[str, Any]) -> str:
    """The record in a few lines: answer, how it came about, cost, policy and its advice."""
    answer = "no answer" if record["answer"] is None else record["answer"]
    # Without a verifier, and where it failed, there is none.
    score = "" if record["score"] is None else f" (score {record['score']:.2f})"
    bin_ = "no probe" if record["bin"] is None else f"bin {record['bin']}"
    spent = f"{record['measured']} of budget {record['budget']}"
    policy = f"policy of run {record['run_id']} ({record['difficulty']} difficulty)"
    lines = [
        f"{answer}{score}",
        f"{bin_} · {record['strategy']}{_caution(record)} at {spent}",
        _cost_text(record["cost"]),
        f"{policy}, {record['model']}",
    ]
    if record["advice"]:
        lines.append(record["advice"])
    return "\n".join(lines)


def _caution(record: dict[str, Any]) -> str:
    """The mark of a strategy that loses much, and what it means; empty for any other."""
    if not record["recommended"]:
        return " (stands in: most completions of every strategy were cut)"
    lost = record["lost"] or 0.0
    return f" {LOSSY} ({lost:.0%} of its completions were cut or silent)" if lost > MANY else ""


def _cost_text(cost: dict[str, Any]) -> str:
    """What it took, the probe included."""
    parts = (
        f"{cost['generations']} generations",
        f"{cost['generated_tokens']:,} tokens written, {cost['prompt_tokens']:,} read",
        f"verifier {cost['verifier_tokens']:,}",
        f"{cost['flops']:.2e} FLOPs",
    )
    return " · ".join(parts)
