"""Every Eval Ever: samples and their summary in its schemas 0.2.1, one row a draw."""

from __future__ import annotations

import hashlib
import json
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tasks.benchmarks.question import Question
from tasks.samples.every_eval_ever import DETAILS, NAMELESS
from tasks.samples.log import Sample, SampleLog
from warehouse.errors import UserError

_SCHEMA = "0.2.1"
_UNJUDGED = "nothing says whether this draw is right"


def write_every_eval_ever(log: SampleLog, folder: Path, *, moment: float) -> Path:
    """The file `{uuid}_samples.jsonl` of a folder, with `{uuid}.json` beside it.

    `every_eval_ever.read` gives the log back, of its questions text, targets and choices. `moment`
    is the time in seconds since 1970 that the summary bears. The uuid follows from the log: the
    same one is written over itself. UserError where no draw has a value that says whether it is
    right, which the schema asks of each.
    """
    values = [_value(sample) for sample in log.samples]
    known = [value for value in values if value is not None]
    if not known:
        raise UserError(
            f"export: expected graded draws, got {len(values)} of which none is: each row of "
            "Every Eval Ever says whether it is right; grade them first, or export to plain"
        )
    name = f"{log.task or NAMELESS}/{log.model or NAMELESS}/{moment:.0f}"
    rows = [_row(log, log.questions[one.question_id], one, name) for one in log.samples]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file_name = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([_identity(log), lines]))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file_name}_samples.jsonl"
    path.write_text(lines, encoding="utf-8")
    summary = _summary(log, name, moment, sum(known) / len(known))
    summary["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": path.name,
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(lines.encode()).hexdigest(),
        "total_rows": len(rows),
    }
    beside = folder / f"{file_name}.json"
    beside.write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def _value(sample: Sample) -> float | None:
    """The first value that the sample states."""
    return next((one.value for one in sample.stated if one.value is not None), None)


def _identity(log: SampleLog) -> list[object]:
    return [log.model, log.task, log.temperature, log.top_p, log.top_k, log.max_tokens]


def _row(log: SampleLog, question: Question, sample: Sample, name: str) -> dict[str, Any]:
    value = _value(sample)
    asked = [question.text, *filter(None, question.targets)]
    read = [one.answer for one in sample.stated if one.answer is not None]
    return {
        "schema_version": _SCHEMA,
        "evaluation_id": name,
        "model_id": log.model or NAMELESS,
        "evaluation_name": log.task or NAMELESS,
        "sample_id": question.question_id,
        "sample_hash": hashlib.sha256("".join(asked).encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {
            "raw": question.text,
            "reference": asked[1:],
            "choices": list(question.choices) or None,
        },
        "output": {"raw": [sample.text]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": "custom",
                "is_terminal": True,
            }
            for answer in read[:1]
        ],
        "evaluation": {"score": value or 0.0, "is_correct": value == 1.0},
        "token_usage": _usage(sample),
        # Neither right nor wrong has no word of its own here.
        "error": _UNJUDGED if value is None else None,
        "metadata": _details(log, sample),
    }


def _usage(sample: Sample) -> dict[str, int | None] | None:
    """The counts, where all that the schema asks for are known."""
    if sample.tokens is None or sample.prompt_tokens is None:
        return None
    return {
        "input_tokens": sample.prompt_tokens,
        "output_tokens": sample.tokens,
        "total_tokens": sample.prompt_tokens + sample.tokens,
        "reasoning_tokens": sample.thinking_tokens,
    }


def _details(log: SampleLog, sample: Sample) -> dict[str, str]:
    """What the schema has no place for, as texts."""
    stated = [[one.metric, one.value, one.answer] for one in sample.stated]
    details = {
        "draw": sample.draw,
        "stop": sample.stop,
        "role": sample.role,
        "scores": json.dumps(sample.scores) if sample.scores else None,
        "verifier": log.verifier if sample.scores else None,
        "stated": json.dumps(stated, ensure_ascii=False),
        "tokens": sample.tokens,
        "prompt_tokens": sample.prompt_tokens,
        "thinking_tokens": sample.thinking_tokens,
    }
    return {f"{DETAILS}{key}": str(one) for key, one in details.items() if one is not None}


def _summary(log: SampleLog, name: str, moment: float, mean: float) -> dict[str, Any]:
    model = log.model or NAMELESS
    drawn = {key: getattr(log, key) for key in ("temperature", "top_p", "top_k", "max_tokens")}
    known = {key: value for key, value in drawn.items() if value is not None}
    result = {
        "evaluation_name": log.task or NAMELESS,
        "source_data": {"dataset_name": log.task or NAMELESS, "source_type": "other"},
        "metric_config": {
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1,
        },
        "score_details": {"score": mean},
        "generation_config": {"generation_args": known},
    }
    return {
        "schema_version": _SCHEMA,
        "evaluation_id": name,
        "retrieved_timestamp": f"{moment:.0f}",
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": NAMELESS,
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "ttc", "version": version("ttc")},
        "model_info": {"name": model, "id": model},
        "evaluation_results": [result],
    }
