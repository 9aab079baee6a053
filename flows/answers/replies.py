"""An answer as it is given back: its record, and OpenAI's form of it."""

from __future__ import annotations

import time
import uuid
from typing import Any, Literal

from tasks.serving.controller import Solved
from tasks.serving.solver import Solver

Kind = Literal["chat.completion", "text_completion"]


def answer_record(solver: Solver, solved: Solved) -> dict[str, Any]:
    """What a caller learns of an answer, ready for JSON."""
    answer = solved._asdict() | {"cost": solved.cost._asdict()}
    policy = {
        "run_id": solver.run.run_id,
        "model": solver.run.generator.name,
        "difficulty": solver.difficulty,
    }
    return answer | policy


def reply(solver: Solver, solved: Solved, kind: Kind) -> dict[str, Any]:
    """OpenAI's form of an answer; what only this product knows stands under `ttc`."""
    text = solved.text or ""
    is_chat = kind == "chat.completion"
    said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    cost = solved.cost
    # Tokens of all generations, the probe's too: what a client would pay, not what it reads.
    usage = {
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.generated_tokens,
        "total_tokens": cost.prompt_tokens + cost.generated_tokens,
    }
    # Fields that mean nothing here stand because clients parse them: the only choice, without
    # log-probabilities, never cut off.
    choice = {"index": 0, **said, "logprobs": None, "finish_reason": "stop"}
    return {
        "id": f"ttc-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": solver.run.generator.name,
        "choices": [choice],
        "usage": usage,
        "ttc": answer_record(solver, solved),
    }
