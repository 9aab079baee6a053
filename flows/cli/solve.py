"""`ttc solve`: one question, answered under a policy."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from tasks.engines.log import noise_in
from tasks.serving.controller import Solved
from tasks.serving.policy import policy_run
from tasks.serving.solver import Solver, open_solver
from warehouse.snapshot import Snapshot


def solve(
    folder: Path, question: str, *, budget: int, policy: str | None, console: Console, as_json: bool
) -> None:
    """Print the answer to a question, with its cost and how it came about."""
    run_id = policy_run(Snapshot(folder), policy)
    with noise_in(folder.parent / "logs" / "engine.log"):
        found = asyncio.run(_solved(folder, run_id, question, budget))
    if as_json:
        print(json.dumps(found, indent=1))
        return
    console.print(_text(found), markup=False, highlight=False)


async def _solved(folder: Path, run_id: str, question: str, budget: int) -> dict[str, Any]:
    async with open_solver(folder, run_id) as solver:
        return answer_record(solver, await solver.solve(question, budget))


def answer_record(solver: Solver, solved: Solved) -> dict[str, Any]:
    """What a caller learns of an answer, ready for JSON."""
    said = solved._asdict() | {"cost": solved.cost._asdict()}
    return said | {
        "run_id": solver.run.run_id,
        "model": solver.run.generator.name,
        "difficulty": solver.difficulty,
    }


def _text(found: dict[str, Any]) -> str:
    cost = found["cost"]
    answer = "no answer" if found["answer"] is None else found["answer"]
    score = "" if found["score"] is None else f" (score {found['score']:.2f})"
    bin_ = "better without a probe" if found["bin"] is None else f"bin {found['bin']}"
    return (
        f"{answer}{score}\n"
        f"{bin_} · {found['strategy']} at {found['measured']} of budget {found['budget']}\n"
        f"{cost['generations']} generations · {cost['generated_tokens']:,} tokens written, "
        f"{cost['prompt_tokens']:,} read · verifier {cost['verifier_tokens']:,} · {cost['flops']:.2e} FLOPs\n"
        f"policy of run {found['run_id']} ({found['difficulty']} difficulty), {found['model']}"
    )
