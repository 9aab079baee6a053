"""Studies from TOML files, and what the command line's one dial makes of them."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from tasks.benchmarks.hub import PREFIX
from tasks.benchmarks.kinds import with_paths
from tasks.models.format_tables import read_format
from tasks.settings import INFRA
from tasks.strategies import parse
from tasks.study.checks import check_dial
from tasks.study.keys import split_budgets
from tasks.study.own_files import with_files
from tasks.study.secrets import check_secrets
from tasks.study.study import Study, study_from
from tasks.study.tables import BenchmarkTable
from warehouse.errors import UserError

T = TypeVar("T", Study, BenchmarkTable)


_WITHOUT_VERIFIER: Final[Mapping[str, Any]] = {
    "verifier": None,
    "strategies": ["majority", "adaptive(posterior=0.95)", "window(w=4)"],
    "baseline": "majority",
}
"""What a study file means that has no [verifier] table and does not say otherwise."""


def load_study(name: str | Path, *, max_budget: int | None = None) -> Study:
    """The study of a TOML file, or of a name in infra/studies/; `max_budget` is the one dial.

    With `max_budget` the budgets above it are dropped, and powers of two are added up to it;
    strategies that need more are left out. A file without a [verifier] table is a study without
    verifier: votes, against majority. A benchmark file, and files that the command of
    `answer_command` names, are looked for beside the study first, so that the nightly worker finds
    them wherever it runs. A file that `format` names, or that a strategy of the user's own is in,
    is read now, from beside the study.
    """
    path = study_path(name)
    folder = path.resolve().parent
    read = with_files(_with_formats(_read_toml(path), folder), folder)
    values = split_budgets(read)
    if max_budget is not None:
        check_dial(max_budget)
        values |= _dial(values, max_budget)
    without = {} if "verifier" in values else _WITHOUT_VERIFIER
    study = study_from({"name": path.stem, **without, **values})
    check_secrets(study)
    return _from_folder(study, folder)


def _with_formats(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values with the tables of format files in their place: a run keeps all that it needs."""
    read: dict[str, Any] = {}
    for key, value in values.items():
        # `revisions` holds a verifier of its own.
        if isinstance(value, dict):
            read[key] = _with_formats(value, folder)
        elif key == "format" and str(value).endswith(".toml"):
            read[key] = read_format(folder / str(value))
        else:
            read[key] = value
    return read


def _from_folder(study: Study, folder: Path) -> Study:
    """The study with the files that it names in its folder written as their paths."""
    one = _with_paths(study, folder)
    several = tuple(_with_paths(table, folder) for table in study.benchmarks)
    return dataclasses.replace(one, benchmarks=several)


def _with_paths(table: T, folder: Path) -> T:
    path = _path_of(table.benchmark, folder)
    words = with_paths(table.answer_command, folder)
    return dataclasses.replace(table, benchmark=path, answer_command=words)


def _path_of(benchmark: str, folder: Path) -> str:
    """The path of a benchmark file, or of a folder that is a data set, in the study's folder."""
    if benchmark.startswith(PREFIX):
        name, _, split = benchmark.removeprefix(PREFIX).partition(":")
        data_set = (folder / name).resolve()
        # Most are names on the hub: of those no folder is beside the study.
        if not name or not data_set.is_dir():
            return benchmark
        return f"{PREFIX}{data_set}:{split}"
    path = (folder / benchmark).resolve()
    # One that is no file here may be one where the command runs, or a bundled name.
    if not path.is_file():
        return benchmark
    return str(path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"study: {path} is not valid TOML: {error}; correct that line and run again"
        ) from error


def _dial(values: dict[str, Any], top: int) -> dict[str, list[Any]]:
    """Budgets up to the largest that was asked for, and the strategies that one of them fits."""
    budgets: list[int] = values.get("budgets", list(_default("budgets")))
    strategies: list[str] = values.get("strategies", list(_default("strategies")))
    kept = [budget for budget in budgets if budget <= top]
    while kept and kept[-1] * 2 <= top:
        kept.append(kept[-1] * 2)
    # Below the study's smallest budget the dial itself is the only one.
    kept = kept or [top]
    # A search needs a budget of its own width at least.
    files = values.get("strategy_files", {})
    fitting = [text for text in strategies if parse(text, files).fits(kept[-1])]
    return {"budgets": kept, "strategies": fitting}


def _default(name: str) -> Any:
    return Study.__dataclass_fields__[name].default


def study_path(name: str | Path) -> Path:
    """The file of a study given by path, or by name in infra/studies/."""
    studies = INFRA / "studies"
    for path in (Path(name), studies / f"{name}.toml"):
        if path.is_file():
            return path
    shipped = ", ".join(sorted(file.stem for file in studies.glob("*.toml")))
    raise UserError(f"study: expected a TOML file or one of {shipped}, got {str(name)!r}")
