"""A small benchmark of programs in the four ways that tests are written, and programs for it.

Question n adds n to a number. A program may be right, right on the public inputs alone, wrong,
without an end of its own, or no program.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from step_tokenizers import byte_level, save

from tasks.engines.scripted import ScriptedEngine
from tasks.models.version import Model
from tasks.runs.run import Run

Row = dict[str, Any]

KINDS = ("right", "right on what is public", "wrong", "raises", "no program")
CHANCES = (40, 20, 20, 10, 10)
"""Of the kinds, in percent."""
BODIES = {
    "right": "x + {n}",
    "right on what is public": "x + {n} if x < 10 else 0",
    "wrong": "x - {n}",
    "raises": "x / 0",
    "no program": "x +",
}


def row(n: int) -> Row:
    """Question n, written as HumanEval, MBPP and LiveCodeBench (twice) write theirs."""
    return (_checked, _asserted, _by_lines, _by_method)[n % 4](n)


def program(n: int, kind: str) -> str:
    """A program for question n, in the words of its own kind of row."""
    value = BODIES[kind].format(n=n)
    if n % 4 == 2:
        return f"x = int(input())\nprint({value})"
    if n % 4 == 3:
        return f"class Solution:\n    def add(self, x: int) -> List[int]:\n        return [{value}]"
    return f"def add_{n}(x):\n    return {value}"


def _checked(n: int) -> Row:
    prompt = (
        f'def add_{n}(x: int) -> int:\n    """The sum.\n    >>> add_{n}(1)\n    {1 + n}\n    """\n'
    )
    test = (
        f"def check(candidate):\n    for x in range(20):\n        assert candidate(x) == x + {n}\n"
    )
    return {"task_id": f"he/{n}", "prompt": prompt, "entry_point": f"add_{n}", "test": test}


def _asserted(n: int) -> Row:
    return {
        "task_id": n,
        "prompt": f"Write a function add_{n} that adds {n}.",
        "code": f"def add_{n}(x):\n    return x + {n}",
        "test_list": [f"assert add_{n}(1) == {1 + n}", f"assert add_{n}(2) == {2 + n}"],
        "challenge_test_list": [f"assert add_{n}(90) == {90 + n}"],
    }


def _by_lines(n: int) -> Row:
    return {
        "question_id": f"lines-{n}",
        "question_content": f"Read a number and print it plus {n}.",
        "starter_code": "",
        "public_test_cases": json.dumps([{"input": "1\n", "output": f"{1 + n}\n"}]),
        "private_test_cases": json.dumps([{"input": "50\n", "output": f"{50 + n}\n"}]),
        "metadata": "{}",
    }


def _by_method(n: int) -> Row:
    cases = [[{"input": str(x), "output": f"[{x + n}]", "testtype": "functional"}] for x in (1, 50)]
    return {
        "question_id": f"method-{n}",
        "question_content": f"Add {n}, in a list.",
        "starter_code": "class Solution:\n    def add(self, x: int) -> List[int]:\n",
        "public_test_cases": json.dumps(cases[0]),
        "private_test_cases": json.dumps(cases[1]),
        "metadata": json.dumps({"func_name": "add"}),
    }


def write_benchmark(folder: Path, count: int) -> Path:
    """The benchmark as a file of so many questions."""
    path = folder / "additions.jsonl"
    # From 1 on: adding and taking away nothing are one.
    lines = [json.dumps(row(n)) + "\n" for n in range(1, count + 1)]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_generator(folder: Path) -> Path:
    """A model folder whose tokenizer writes any text; its weights are never read."""
    save(byte_level(merged=False), folder)
    sizes = {"num_hidden_layers": 1, "hidden_size": 64, "max_position_embeddings": 4096}
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **sizes}))
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ message['content'] }}{% endfor %}\n"
    )
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / "model.safetensors").write_bytes(content)
    return folder


class CodeEngines:
    """Writes a program of a kind drawn by `CHANCES`, as a chat model does; no verifier."""

    def __init__(self, run: Run, seconds: float = 0.0) -> None:
        self._prompts = {
            run.format.prompt(q): number(q.question_id) for q in run.benchmark.questions
        }
        self._lengths = sorted({len(prompt) for prompt in self._prompts})
        self._writer = ScriptedEngine(run.format, self._law, seconds=seconds)

    async def engine(self, _model: Model) -> ScriptedEngine:
        return self._writer

    async def close(self) -> None:
        """Nothing to end."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        length = next(n for n in self._lengths if prefix[:n] in self._prompts)
        n = self._prompts[prefix[:length]]
        (kind,) = rng.choices(KINDS, weights=CHANCES)
        return f"Add {n}.\n\n```python\n{program(n, kind)}\n```<end>"


def number(question_id: str) -> int:
    """n of question n."""
    return int(question_id.rpartition("/")[2].rpartition("-")[2])
