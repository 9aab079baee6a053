"""Small sample logs in the layouts of the tools that write them, of the same known draws."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from known_draws import DRAWS, MODEL, QUESTIONS, TASK, Known, known_draws, write_lines


def _by_question(draws: int) -> list[list[Known]]:
    return [[Known(name, draw) for draw in range(draws)] for name in QUESTIONS]


def lm_eval_rows(draws: int = DRAWS, filters: Sequence[str] = ("strict", "flexible")) -> Any:
    """A line a document and filter, each with all responses."""
    settings = {"temperature": 0.8, "do_sample": True, "max_gen_toks": 256, "until": ["Q:"]}
    return [
        {
            "doc_id": place,
            "doc": {"question": several[0].asked, "answer": f"So: #### {several[0].target}"},
            "target": f"So: #### {several[0].target}",
            "arguments": {"gen_args_0": {"arg_0": f"Q: {several[0].asked}", "arg_1": settings}},
            "resps": [[one.text for one in several]],
            "filtered_resps": [several[0].answer],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": float(several[0].is_right),
            "doc_hash": f"hash-{several[0].question_id}",
        }
        for place, several in enumerate(_by_question(draws))
        for name in filters
    ]


def lm_eval(folder: Path, *, date: str = "2026-11-01T10-00-00.000001") -> Path:
    """lm-evaluation-harness: a folder of the model with samples and their summary."""
    home = folder / MODEL.replace("/", "__")
    home.mkdir(parents=True, exist_ok=True)
    summary = {"model_name": MODEL, "config": {"model_args": "pretrained=x"}, "configs": {}}
    (home / f"results_{date}.json").write_text(json.dumps(summary))
    return write_lines(home / f"samples_{TASK}_{date}.jsonl", lm_eval_rows())


def lighteval(folder: Path, *, time: str = "2026-11-01T10-00-00.000001") -> Path:
    """lighteval: one Parquet file of details, and the summary."""
    rows = [
        {
            "doc": {
                "id": several[0].question_id,
                "query": several[0].asked,
                "choices": [several[0].target],
                "gold_index": [0],
            },
            "model_response": {
                "text": [one.text for one in several],
                "input_tokens": [1, 2, 3],
                "output_tokens": [list(range(one.tokens)) for one in several],
                "reasonings": [None for _ in several],
            },
            "metric": {"maj@4": 1.0},
        }
        for several in _by_question(DRAWS)
    ]
    path = folder / "details" / MODEL / time / f"details_{TASK}|0_{time}.parquet"
    path.parent.mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(path)
    results = folder / "results" / MODEL / f"results_{time}.json"
    results.parent.mkdir(parents=True)
    drawn = {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 128}
    results.write_text(json.dumps({"config_general": {"generation_parameters": drawn}}))
    return path


def search_rows(draws: int = DRAWS) -> list[dict[str, Any]]:
    """A row a problem, with a score a step."""
    return [
        {
            "unique_id": several[0].question_id,
            "problem": several[0].asked,
            "answer": several[0].target,
            "completions": [one.text for one in several],
            "scores": [one.scores for one in several],
            "agg_scores": [one.scores[-1] for one in several],
            "completion_tokens": [one.tokens for one in several],
        }
        for several in _by_question(draws)
    ]


def search_and_learn(folder: Path) -> Path:
    """search-and-learn: best-of-n completions of a configuration, as Parquet."""
    home = folder / "data" / MODEL / f"{TASK}--T-0.8--top_p-1.0--n-4--max_tokens-2048--seed-0"
    home.mkdir(parents=True)
    path = home / "train-00000-of-00001.parquet"
    pl.DataFrame(search_rows()).write_parquet(path)
    return path


def nemo_row(one: Known) -> dict[str, Any]:
    """A line of one seed."""
    return {
        "id": one.question_id,
        "problem": one.asked,
        "expected_answer": one.target,
        "generation": one.text,
        "predicted_answer": one.answer,
        "symbolic_correct": one.is_right,
        "judgement": f"Judgement: {'Yes' if one.is_right else 'No'}",
        "reward_model_score": one.scores[-1],
        "num_generated_tokens": one.tokens,
        "finish_reason": "stop",
    }


def nemo_skills(folder: Path) -> Path:
    """NeMo-Skills: one file a seed."""
    for draw in range(DRAWS):
        rows = [nemo_row(Known(name, draw)) for name in QUESTIONS]
        write_lines(folder / "eval-results" / TASK / f"output-rs{draw}.jsonl", rows)
    return folder / "eval-results" / TASK


def evalscope(folder: Path) -> Path:
    """EvalScope: predictions and reviews, in the order in which they were answered."""
    predictions: list[dict[str, Any]] = []
    reviews: list[dict[str, Any]] = []
    for index, one in enumerate(known_draws()):
        asked = [{"role": "user", "content": one.asked}]
        message = {"role": "assistant", "content": one.text}
        output = {
            "choices": [{"message": message, "stop_reason": "stop"}],
            "usage": {"input_tokens": 9, "output_tokens": one.tokens},
        }
        prediction = {"index": index, "model": MODEL, "model_output": output, "messages": asked}
        predictions.append(prediction)
        score = {
            "value": {"acc": float(one.is_right)},
            "extracted_prediction": one.answer,
            "prediction": one.text,
        }
        group = {"group_id": list(QUESTIONS).index(one.question_id), "sample_id": index}
        review = {"index": index, "input": asked, "target": one.target}
        reviews.append(review | {"sample_score": {"score": score} | group})
    random.Random(1).shuffle(predictions)
    random.Random(2).shuffle(reviews)
    name = f"{TASK}_main.jsonl"
    write_lines(folder / "predictions" / "small-1b" / name, predictions)
    return write_lines(folder / "reviews" / "small-1b" / name, reviews).parents[2]


def openai_batch(folder: Path, *, n: int = DRAWS) -> Path:
    """A batch: requests and responses, `n` choices a request, in another order."""
    requests: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    for several in _by_question(DRAWS):
        for first in range(0, DRAWS, n):
            name = f"{several[0].question_id}-{first}"
            asked = [{"role": "user", "content": several[0].asked}]
            body = {"model": MODEL, "messages": asked, "temperature": 1.0, "max_tokens": 99, "n": n}
            target = {"answer": several[0].target}
            requests.append({"custom_id": name, "method": "POST", "body": body, "metadata": target})
            responses.append(batch_response(name, several[first : first + n]))
    write_lines(folder / f"{TASK}.jsonl", requests)
    return write_lines(folder / f"{TASK}_output.jsonl", responses[::-1]).parent


def batch_response(name: str, several: Sequence[Known]) -> dict[str, Any]:
    """One response of a batch; its counts cover all choices."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": one.text},
            "finish_reason": "stop",
        }
        for index, one in enumerate(several)
    ]
    used = {"prompt_tokens": 9, "completion_tokens": sum(one.tokens for one in several)}
    body = {"model": f"{MODEL}-2026-10-01", "choices": choices, "usage": used}
    response = {"status_code": 200, "request_id": name, "body": body}
    return {"id": f"batch_{name}", "custom_id": name, "response": response, "error": None}


def every_eval_ever(folder: Path) -> Path:
    """Every Eval Ever: a row a question with all its draws, and the summary beside."""
    rows = [
        {
            "schema_version": "instance_level_eval_0.2.1",
            "evaluation_id": "e1",
            "model_id": MODEL,
            "evaluation_name": TASK,
            "sample_id": several[0].question_id,
            "interaction_type": "single_turn",
            "input": {"raw": several[0].asked, "reference": [several[0].target]},
            "output": {"raw": [one.text for one in several]},
            "answer_attribution": [],
            "evaluation": {"score": 0.5, "is_correct": False},
            "token_usage": {"input_tokens": 9, "output_tokens": 999, "total_tokens": 1008},
        }
        for several in _by_question(DRAWS)
    ]
    drawn = {"generation_args": {"temperature": 0.6, "max_tokens": 64}}
    summary = {"evaluation_results": [{"generation_config": drawn}]}
    path = write_lines(folder / "5f_samples.jsonl", rows)
    (folder / "5f.json").write_text(json.dumps(summary))
    return path


def plain_row(one: Known) -> dict[str, Any]:
    """A row of our own layout."""
    return {
        "question_id": one.question_id,
        "question": one.asked,
        "target": one.target,
        "draw": one.draw,
        "text": one.text,
        "stop": "end",
        "tokens": one.tokens,
        "scores": one.scores,
        "verifier": "steps",
        "correct": one.is_right,
        "answer": one.answer,
        "model": MODEL,
        "task": TASK,
        "temperature": 0.8,
    }


def plain(folder: Path) -> Path:
    """Our own layout."""
    return write_lines(folder / "draws.jsonl", [plain_row(one) for one in known_draws()])


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "lm-eval": lm_eval,
    "lighteval": lighteval,
    "search-and-learn": search_and_learn,
    "nemo-skills": nemo_skills,
    "evalscope": evalscope,
    "openai-batch": openai_batch,
    "every-eval-ever": every_eval_ever,
    "plain": plain,
}
"""Who writes which format, Inspect's apart: that one takes a package of its own."""
