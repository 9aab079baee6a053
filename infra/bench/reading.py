"""CPU seconds to read completions that think: steps, thinking, counts, answer.

`PYTHONPATH=. python infra/bench/reading.py [--quick] [--json PATH]`

Completions of 8,000, 16,000 and 32,000 tokens, nearly all of them thinking full of boxes that are
no answer, over a byte-level tokenizer that is trained here. Read as a run reads them: they are
split into steps with their keys, thinking is counted, the verifier's steps are chosen, the answer
is extracted. Answers and counts are compared with what was written. Doubling the
tokens may take at most 2.2 times the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, extend, root, split_draw
from tasks.draws.scorer import Judging
from tasks.grading.extraction import extract_answer
from tasks.models.formats import Format, load_format
from tasks.protocols import Draw

SIZES = (8_000, 16_000, 32_000)
QUICK_SIZES = (1_000, 2_000)
MOST = 2.2
"""Times the CPU seconds that twice the tokens may take."""
SPECIAL = (
    *("<|end_of_text|>", "<think>", "</think>"),
    *("<|channel|>", "<|message|>", "<|start|>", "<|end|>"),
)
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


class Manner(NamedTuple):
    """A format, and what its models write before and after they think."""

    format: str
    begin: str
    end: str


MANNERS = (
    Manner("think-math", "<think>\n", "</think>"),
    Manner(
        "gpt-oss",
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
)


class Written(NamedTuple):
    """A completion, and what is to be read from it."""

    token_ids: tuple[int, ...]
    text: str
    thinking_tokens: int
    answer: str


class Reading(NamedTuple):
    """What reading completions of one size took, and how much of it was right."""

    format: str
    tokens: int
    completions: int
    cpu_seconds: float
    """Of one completion."""
    right_answers: int
    right_counts: int
    steps: int
    """Of one completion, on average."""


def train(folder: Path) -> None:
    """A model folder without weights: a byte-level tokenizer, a chat template, an end of text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    chance = random.Random(0)
    tokenizer.train_from_iterator([_paragraph(chance) for _ in range(200)], trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[0],
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))


def _paragraph(chance: random.Random) -> str:
    """A thought of some lines, with a guess in a box and a line that looks like an answer."""
    first, second = chance.randrange(1, 99), chance.randrange(1, 99)
    return (
        f"Wait, if we take {first} and {second}, then the sum is {first + second}.\n"
        f"So it could be \\boxed{{{first * second}}}, but let me check that again.\n"
        f"Answer: {first}\n\n"
    )


def write(form: Format, manner: Manner, tokens: int, chance: random.Random) -> Written:
    """A completion of at least so many tokens, tokenized in three parts, as it would be drawn."""
    encode = form.tokenizer.encode
    thought = encode(manner.begin)
    while len(thought) < tokens:
        thought += encode(_paragraph(chance))
    thought += encode(manner.end)
    answer = str(chance.randrange(1_000))
    said = encode(f"\n\nWe add both.\n\nThe answer is \\boxed{{{answer}}}.")
    token_ids = tuple(thought + said)
    return Written(token_ids, form.steps.text(token_ids), len(thought), answer)


def read(form: Format, manner: Manner, written: Sequence[Written], *, tokens: int) -> Reading:
    """What it takes to read these completions of so many tokens."""
    question = Question("q1", "?", "?")
    start = root(question, form.prompt(question))
    draws = [_draw(one) for one in written]
    begun = time.process_time()
    nodes = [extend(start, draw, split_draw(start, draw, form.steps)) for draw in draws]
    counts = [
        _thinking_tokens(form, node, one.token_ids)
        for node, one in zip(nodes, written, strict=True)
    ]
    judging = Judging(hidden=form.thinking)
    shown = [judging.steps(node) for node in nodes]
    answers = [_answer(form, node) for node in nodes]
    cpu_seconds = time.process_time() - begun
    if any("".join(steps).strip().count("\n\n") != 1 for steps in shown):
        raise RuntimeError("expected two steps after the thinking; see tasks/models/thinking.py")
    return Reading(
        manner.format,
        tokens,
        len(written),
        cpu_seconds / len(written),
        sum(got == one.answer for got, one in zip(answers, written, strict=True)),
        sum(got == one.thinking_tokens for got, one in zip(counts, written, strict=True)),
        sum(len(node.steps) for node in nodes) // len(nodes),
    )


def _draw(one: Written) -> Draw:
    return Draw(array("i", one.token_ids), one.text, "end", len(one.token_ids) + 1)


def _thinking_tokens(form: Format, node: Node, token_ids: Sequence[int]) -> int | None:
    spelled = form.steps.writing.of(token_ids, start=False)
    share = form.thinking.share(spelled, node.steps, before="", generated=node.generated_tokens)
    return share.tokens if share else None


def _answer(form: Format, node: Node) -> str | None:
    final = form.final(node.text)
    return None if final is None else extract_answer(final, form.markers)


def measure(sizes: Sequence[int], completions: int) -> list[Reading]:
    """A reading of every manner and size, the quickest of three."""
    readings: list[Reading] = []
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder))
        for manner in MANNERS:
            form = load_format(manner.format, Path(folder))
            for tokens in sizes:
                chance = random.Random(tokens)
                written = [write(form, manner, tokens, chance) for _ in range(completions)]
                several = [read(form, manner, written, tokens=tokens) for _ in range(3)]
                readings.append(min(several, key=lambda one: one.cpu_seconds))
    return readings


def ratios(readings: Sequence[Reading]) -> list[float]:
    """CPU seconds of every doubling over those before it."""
    return [
        after.cpu_seconds / before.cpu_seconds
        for before, after in pairwise(readings)
        if before.format == after.format
    ]


def _show(readings: Sequence[Reading]) -> None:
    table = Table(title="Reading completions that think")
    for heading in ("format", "tokens", "steps", "CPU ms each", "right answers", "right counts"):
        table.add_column(heading, justify="right")
    for one in readings:
        answers = f"{one.right_answers}/{one.completions}"
        counts = f"{one.right_counts}/{one.completions}"
        milliseconds = f"{1_000 * one.cpu_seconds:.1f}"
        table.add_row(one.format, f"{one.tokens:,}", str(one.steps), milliseconds, answers, counts)
    console = Console()
    console.print(table)
    console.print(f"most of a doubling: {max(ratios(readings)):.2f} times, at most {MOST} wanted")


def main() -> None:
    """Measure, show, and write the figures down if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short completions")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    sizes, completions = (QUICK_SIZES, 2) if options.quick else (SIZES, 20)
    readings = measure(sizes, completions)
    _show(readings)
    if options.json:
        figures = [one._asdict() for one in readings]
        options.json.write_text(json.dumps({"readings": figures, "ratios": ratios(readings)}))


if __name__ == "__main__":
    main()
