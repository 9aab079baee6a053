"""How the code reads, counted: `python infra/bench/house.py [--rooms] [FOLDER]`.

Figures of the product's own Python (flows, tasks, warehouse), for this checkout or for another one:
the same script measures what was and what is. No threshold stands here: `tests/test_house.py` has them.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TOP = ("flows", "tasks", "warehouse")
LINE, FILE = 100, 300
"""Characters and lines above which a line or a file is counted as long."""

ONE_HOME: dict[str, tuple[str, ...]] = {
    "verdict": (
        "tasks/grading",
        "tasks/evaluation",
        "tasks/asking",
        "tasks/protocols.py",
        "warehouse",
    ),
    "family": (
        "tasks/study",
        "tasks/versions",
        "tasks/tracking",
        "tasks/evaluation",
        "tasks/runs",
        "flows",
        "warehouse",
    ),
    "level": ("tasks/benchmarks", "tasks/training", "tasks/runs", "warehouse"),
}
"""Rooms in which a word may name something: there it means what the glossary says."""
SINGLE = ("Cell", "Served", "Reader", "Policy", "Verdict", "Family", "Estimate")
"""Classes of which there is one."""
UNCLEAR = ("told", "sound", "hush", "looked_at", "sort_out", "way", "sight", "found")
"""Names that say nothing of what they name, for functions and classes; `told` for values too."""


class Module(NamedTuple):
    """One file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Function(NamedTuple):
    """A function and how many lines it has, docstring and decorators included."""

    name: str
    lines: int


def modules(root: Path) -> list[Module]:
    """Every file of the product below a folder."""
    paths = sorted(path for top in TOP for path in (root / top).rglob("*.py"))
    texts = [(path.relative_to(root), path.read_text(encoding="utf-8")) for path in paths]
    return [Module(path, text, ast.parse(text)) for path, text in texts]


def figures(several: Sequence[Module]) -> dict[str, Any]:
    """All figures of some files."""
    written = sum(1 for one in several for line in one.lines if line.strip())
    functions = sorted(
        (function for one in several for function in _functions(one)), key=lambda one: one.lines
    )
    public = [node for one in several for node in _public(one)]
    bare = [node for node in public if ast.get_docstring(node) is None]
    folders = Counter(str(one.path.parent) for one in several)
    return {
        "files": len(several),
        "files flat in tasks": sum(
            str(one.path.parent) == "tasks" and one.path.name != "__init__.py" for one in several
        ),
        "largest folder": max(folders.values(), default=0),
        "syntax nodes a code line": round(sum(map(_nodes, several)) / max(written, 1), 2),
        "lines over 100 characters": sum(len(line) > LINE for one in several for line in one.lines),
        "comments a hundred lines": round(100 * sum(map(_comments, several)) / max(written, 1), 2),
        "public names without docstring, %": round(100 * len(bare) / max(len(public), 1), 1),
        "function lines, median": functions[len(functions) // 2].lines if functions else 0,
        "function lines, p90": functions[int(0.9 * len(functions))].lines if functions else 0,
        "function lines, most": functions[-1].lines if functions else 0,
        "longest function": functions[-1].name if functions else "",
        "files over 300 lines": sum(len(one.lines) > FILE for one in several),
        "words with more than one meaning": len(words(several)),
    }


def _nodes(module: Module) -> int:
    """Nodes of the syntax tree, without the Load and Store marks that every name carries."""
    return sum(not isinstance(node, ast.expr_context) for node in ast.walk(module.tree))


def _comments(module: Module) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    # What speaks to a tool and not to a reader is no comment.
    marks = ("# fmt:", "# noqa", "# pyright:", "# type:")
    return sum(
        token.type == tokenize.COMMENT and not token.string.startswith(marks) for token in tokens
    )


def _functions(module: Module) -> Iterator[Function]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield Function(f"{module.path}:{node.name}", node.end_lineno - first + 1)


def _public(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions, methods and classes without a leading underscore, but those inside of functions."""
    pending: list[ast.AST] = [module.tree]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if not node.name.startswith("_"):
                    yield node
                if not isinstance(node, ast.ClassDef):
                    continue
            pending.append(node)


def words(several: Sequence[Module]) -> dict[str, list[str]]:
    """Words that mean more than one thing, with the places that say so."""
    return _away_from_home(several) | _classes_twice(several) | _unclear(several)


def _away_from_home(several: Sequence[Module]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for one in several:
        for name in sorted(_names(one)):
            for word, homes in ONE_HOME.items():
                named = {word, f"{word}s"} & set(name.lower().strip("_").split("_"))
                if named and not str(one.path).startswith(homes):
                    places.setdefault(word, []).append(f"{one.path}: {name}")
    return places


def _names(module: Module) -> set[str]:
    """Names that the file gives: functions, classes, arguments, variables, fields."""
    given: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            given.add(node.name)
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            given.add(node.id)
    return given


def _classes_twice(several: Sequence[Module]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for one in several:
        for node in ast.walk(one.tree):
            if isinstance(node, ast.ClassDef) and node.name.lstrip("_") in SINGLE:
                places.setdefault(node.name.lstrip("_"), []).append(f"{one.path}: {node.name}")
    return {name: where for name, where in places.items() if len(where) > 1}


def _unclear(several: Sequence[Module]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for one in several:
        for node in ast.walk(one.tree):
            defined = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if defined and node.name.strip("_") in UNCLEAR:
                places.setdefault(node.name.strip("_"), []).append(f"{one.path}: def {node.name}")
        if "told" in _names(one):
            places.setdefault("told", []).append(f"{one.path}: told")
    return places


def main() -> None:
    """Print the figures of a checkout, as JSON; with --rooms of each room too, with --words places."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--rooms", action="store_true", help="a line of figures for each folder")
    parser.add_argument("--words", action="store_true", help="where words have another meaning")
    options = parser.parse_args()
    several = modules(options.folder)
    print(json.dumps(figures(several), indent=1))
    for folder in sorted({one.path.parent for one in several}) if options.rooms else ():
        inside = figures([one for one in several if one.path.parent == folder])
        print(f"{folder!s:24}", *(inside[name] for name in list(inside)[:1] + list(inside)[3:10]))
    if options.words:
        print(json.dumps(words(several), indent=1))


if __name__ == "__main__":
    main()
