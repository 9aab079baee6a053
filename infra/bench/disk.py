"""What draws and scores take of a disk: journal, databases and snapshot of made-up rows.

    PYTHONPATH=. python infra/bench/disk.py [--quick] [--json PATH]

Warehouses of several shapes are written as a run writes them, and bytes are fitted as so many at
all, a row, and a token. These are the constants of tasks/evaluation/footprint.py. Keys are random,
as hashes are; texts are words of a vocabulary whose ranks fall as in English (Zipf), four letters
each, and their ids.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from tasks.evaluation.footprint import EMPTY_BYTES, ROW_BYTES, TOKEN_BYTES
from tasks.runs.opening import open_run
from tasks.study.reading import load_study
from warehouse.schema import tables
from warehouse.store import Store

VOCABULARY = 32_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
SEGMENTS = 4
"""Times that a run of these rows is flushed."""


class Shape(NamedTuple):
    """Draws of one length, every step of them scored."""

    draws: int
    tokens: int
    """Of a draw."""
    steps: int
    """Of a draw."""

    @property
    def rows(self) -> int:
        """Draws and scores."""
        return self.draws * (1 + self.steps)


SHAPES = (
    Shape(400, 40, 1),
    Shape(20_000, 40, 1),
    Shape(60_000, 40, 1),
    Shape(20_000, 8, 1),
    Shape(3_000, 480, 12),
    Shape(400, 16_000, 400),
)
QUICK = (Shape(400, 40, 1), Shape(4_000, 40, 1), Shape(2_000, 8, 1), Shape(200, 480, 12))


class Measured(NamedTuple):
    """A shape, and the bytes that its warehouse took."""

    shape: Shape
    journal: int
    databases: int
    """With the readers' snapshots."""

    @property
    def bytes(self) -> int:
        """All of them."""
        return self.journal + self.databases

    @property
    def told(self) -> float:
        """What the constants say of them."""
        shape = self.shape
        tokens = shape.draws * shape.tokens
        return EMPTY_BYTES + shape.rows * ROW_BYTES + tokens * TOKEN_BYTES


def measure(shape: Shape, rng: np.random.Generator) -> Measured:
    """Write a warehouse of a shape and look at its folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store.open(folder) as store:
            # Whatever a run writes of itself takes more than its rows: a block a column.
            study = load_study("demo")
            open_run(store, study, study.generator.models[0])
            for _ in range(SEGMENTS):
                part = shape._replace(draws=shape.draws // SEGMENTS)
                draws = make_draws(part, rng)
                store.append("draws", draws)
                store.append("scores", make_scores(draws, rng))
                store.append("answers", make_answers(draws))
            store.publish_snapshot()
        journal = sum(path.stat().st_size for path in (folder / "journal").rglob("*.parquet"))
        databases = sum(path.stat().st_size for path in folder.glob("*.duckdb*"))
    return Measured(shape, journal, databases)


def make_draws(shape: Shape, rng: np.random.Generator) -> pl.DataFrame:
    """Draws with random keys and texts."""
    words = np.array(["".join(rng.choice(list("etaoinsrhl "), 4)) for _ in range(VOCABULARY)])
    ids = np.minimum(rng.zipf(1.2, (shape.draws, shape.tokens)), VOCABULARY) - 1
    step_keys = [_hashes(shape.steps, rng) for _ in range(shape.draws)]
    counts = {name: [shape.tokens] * shape.draws for name in ("generated_tokens", "prompt_tokens")}
    known: dict[str, Any] = {
        "prefix_key": _hashes(shape.draws, rng),
        "node_key": [keys[-1] for keys in step_keys],
        "step_keys": step_keys,
        "text": ["".join(row) for row in words[ids]],
        "token_ids": [row.tolist() for row in ids],
        "question_id": [f"question-{number // 64}" for number in range(shape.draws)],
        "child": [number % 64 for number in range(shape.draws)],
        "stop": ["end"] * shape.draws,
        **counts,
    }
    return _frame("draws", known, shape.draws)


def make_scores(draws: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A score of every step."""
    keys = draws["step_keys"].explode().to_list()
    known = {"node_key": keys, "score": rng.random(len(keys))}
    return _frame("scores", known, len(keys))


def make_answers(draws: pl.DataFrame) -> pl.DataFrame:
    """What was read of every draw."""
    known = {"node_key": draws["node_key"], "question_id": draws["question_id"]}
    return _frame("answers", known, len(draws))


def _hashes(count: int, rng: np.random.Generator) -> list[str]:
    """Random keys, as long as those of nodes."""
    return [rng.bytes(16).hex() for _ in range(count)]


def _frame(table: str, known: dict[str, Any], rows: int) -> pl.DataFrame:
    """Rows of a table: the known columns, and for the others one value that is everywhere."""
    columns: dict[str, Any] = {}
    for name, kind in tables()[table].schema.items():
        plain: Any = 1
        if kind == pl.String:
            plain = f"0123456789abcdef {name}"[:16]
        elif isinstance(kind, pl.Datetime):
            plain = NOW
        elif isinstance(kind, pl.List):
            plain = []
        columns[name] = known[name] if name in known else [plain] * rows
    return pl.DataFrame(columns, schema_overrides=tables()[table].schema)


def fit(measured: list[Measured]) -> dict[str, float]:
    """Bytes of an empty warehouse, of a row and of a token, which are none of them below 0.

    Weighted so that every shape's share of error counts alike.
    """
    from scipy.optimize import nnls

    sides = np.array(
        [[1.0, one.shape.rows, one.shape.draws * one.shape.tokens] for one in measured]
    )
    sizes = np.array([float(one.bytes) for one in measured])
    found, _ = nnls(sides / sizes[:, None], np.ones(len(sizes)))
    return dict(zip(("empty", "row", "token"), map(float, found), strict=True))


def show(measured: list[Measured], fitted: dict[str, float]) -> None:
    """Print every shape beside what the constants say of it, and the constants."""
    table = Table(title="bytes of draws and scores", box=None, title_justify="left")
    for head in ("draws", "tokens", "steps", "journal MB", "databases MB", "told MB"):
        table.add_column(head, justify="right")
    for one in measured:
        sizes = (one.journal, one.databases, one.told)
        table.add_row(*map(str, one.shape), *(f"{size / 1e6:.1f}" for size in sizes))
    console = Console(width=100)
    console.print(table)
    stated = {"empty": EMPTY_BYTES, "row": ROW_BYTES, "token": TOKEN_BYTES}
    for name, value in fitted.items():
        console.print(f"{name}: {value:,.1f} fitted, {stated[name]:,.1f} stated")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What draws and scores take of a disk.")
    parser.add_argument("--quick", action="store_true", help="small shapes")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    measured = [measure(shape, rng) for shape in (QUICK if options.quick else SHAPES)]
    fitted = fit(measured)
    show(measured, fitted)
    if options.json:
        rows = [one.shape._asdict() | {"bytes": one.bytes, "told": one.told} for one in measured]
        text = json.dumps({"shapes": rows, "fitted": fitted}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
