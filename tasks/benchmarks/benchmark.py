"""The kinds of benchmark, and the one that a study names."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Protocol

from tasks.benchmarks import bundled, files, hub
from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.loaded import LoadedBenchmark
from tasks.benchmarks.names import USUAL, Columns

TRAINING = "congruences/train"


class Load(Protocol):
    """`count` questions (None: all) of the benchmark of that name; UserError when it cannot be.

    `kind` is what the study says of its answers, None where it says nothing; `columns` is what it
    says of the names of a row's parts.
    """

    def __call__(
        self,
        name: str,
        *,
        count: int | None,
        seed: int,
        kind: AnswerKind | None,
        columns: Columns,
    ) -> LoadedBenchmark: ...


BENCHMARKS: dict[str, Load] = {
    "congruences": bundled.load_test,
    TRAINING: bundled.load_training,
    "hf:*": hub.load_split,
    "*": files.load_file,
}
"""Loaders by the pattern of the names that they load, `*` standing for any text. The first that
matches loads, so the one for whatever is left stands last. To add a kind: a file here, and its
pattern."""


def load_benchmark(
    name: str,
    *,
    count: int | None,
    seed: int,
    kind: AnswerKind | None = None,
    columns: Columns = USUAL,
) -> LoadedBenchmark:
    """`count` questions (None: all) of the benchmark of that name; UserError names a bad line.

    `congruences` are its test questions, the same for every seed; `congruences/train` are questions
    to learn from, others for every seed. Of a file the questions are chosen by a hash of seed and
    id, so a larger count keeps the smaller one's. `kind` is what the study says of the answers,
    `columns` of the names of a row's parts.
    """
    load = next(load for pattern, load in BENCHMARKS.items() if fnmatchcase(name, pattern))
    return load(name, count=count, seed=seed, kind=kind, columns=columns)
