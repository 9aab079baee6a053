"""How the code reads, counted: `python infra/bench/house.py [--rooms] [--words] [FOLDER]`.

Figures of the product's own Python (flows, tasks, warehouse), for this checkout or for another one:
the same script measures what was and what is. No threshold stands here; those that the repository
is held to are in `tests/infra/test_house_figures.py`.
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
        # The draws that `ttc diff` shows, each with what grading said of it.
        "flows/cli/diff.py",
        "warehouse",
    ),
    "family": (
        "tasks/study",
        "tasks/versions",
        "tasks/tracking",
        "tasks/evaluation",
        "tasks/runs",
        # Versions distilled in one way are a family.
        "tasks/training/harvest.py",
        # A log's user says whose versions its models are.
        "tasks/importing/wishes.py",
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
TOOL_MARKS = ("# fmt:", "# noqa", "# pyright:", "# type:")
"""Beginnings of comments that speak to a tool and not to a reader: they do not count."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Places = dict[str, list[str]]
"""A word and the places that are meant, `path: name`."""


class Module(NamedTuple):
    """One file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()


class Function(NamedTuple):
    """A function and how many lines it has, docstring and decorators included."""

    name: str
    lines: int


def modules(root: Path) -> list[Module]:
    """Every file of the product below a folder; paths are relative to the folder."""
    several: list[Module] = []
    for path in sorted(path for top in TOP for path in (root / top).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        several.append(Module(path.relative_to(root), text, ast.parse(text)))
    return several


def figures(several: Sequence[Module]) -> dict[str, Any]:
    """All figures of some files, by name, in the order in which they are printed."""
    return {
        **_sizes(several),
        **_densities(several),
        **_lengths(several),
        "files over 300 lines": sum(len(one.lines) > FILE for one in several),
        "words with more than one meaning": len(words(several)),
    }


def _sizes(several: Sequence[Module]) -> dict[str, int]:
    folders = Counter(str(one.path.parent) for one in several)
    flat = [one for one in several if str(one.path.parent) == "tasks"]
    return {
        "files": len(several),
        # What makes the folder a package is not a file that somebody looks for something in.
        "files flat in tasks": sum(one.path.name != "__init__.py" for one in flat),
        "largest folder": max(folders.values(), default=0),
    }


def _densities(several: Sequence[Module]) -> dict[str, float]:
    lines = [line for one in several for line in one.lines]
    # Docstrings and comments are lines too: a file that explains itself is less dense.
    written = max(sum(bool(line.strip()) for line in lines), 1)
    public = [node for one in several for node in _public(one)]
    bare = [node for node in public if ast.get_docstring(node) is None]
    return {
        "syntax nodes a code line": round(sum(map(_nodes, several)) / written, 2),
        "lines over 100 characters": sum(len(line) > LINE for line in lines),
        "comments a hundred lines": round(100 * sum(map(_comments, several)) / written, 2),
        "public names without docstring, %": round(100 * len(bare) / max(len(public), 1), 1),
    }


def _lengths(several: Sequence[Module]) -> dict[str, Any]:
    """Of functions; a quantile is the length of a real one, the upper where it falls between."""
    functions = [function for one in several for function in _functions(one)]
    # Of equally long ones the last in the order of the files is named.
    functions.sort(key=lambda one: one.lines)
    if not functions:
        functions = [Function("", 0)]
    return {
        "function lines, median": functions[len(functions) // 2].lines,
        "function lines, p90": functions[int(0.9 * len(functions))].lines,
        "function lines, most": functions[-1].lines,
        "longest function": functions[-1].name,
    }


def _nodes(module: Module) -> int:
    """Nodes of the syntax tree, without the Load and Store marks that every name carries."""
    return sum(not isinstance(node, ast.expr_context) for node in ast.walk(module.tree))


def _comments(module: Module) -> int:
    """Comments for a reader, those at the end of a line included."""
    # By token and not by line: a `#` in a string is no comment.
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return sum(not comment.startswith(TOOL_MARKS) for comment in comments)


def _functions(module: Module) -> Iterator[Function]:
    """Every function, methods and those inside of functions included."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield Function(f"{module.path}:{node.name}", node.end_lineno - first + 1)


def _public(module: Module) -> Iterator[Definition]:
    """Functions, methods and classes without a leading underscore; none inside of a function."""
    pending: list[ast.AST] = [module.tree]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if isinstance(node, Definition):
                if not node.name.startswith("_"):
                    yield node
                # Nobody outside can call what a function defines inside of itself.
                if not isinstance(node, ast.ClassDef):
                    continue
            pending.append(node)


def words(several: Sequence[Module]) -> Places:
    """Words that mean more than one thing, with the places that say so."""
    return _away_from_home(several) | _classes_twice(several) | _unclear(several)


def _away_from_home(several: Sequence[Module]) -> Places:
    """Names with a word of ONE_HOME, in files outside of its rooms."""
    places: Places = {}
    for one in several:
        for name in sorted(_names(one)):
            # Whole parts of the name: `levels` is about levels, `leveled` may be about anything.
            parts = set(name.lower().strip("_").split("_"))
            for word, homes in ONE_HOME.items():
                named = {word, f"{word}s"} & parts
                if named and not str(one.path).startswith(homes):
                    places.setdefault(word, []).append(f"{one.path}: {name}")
    return places


def _names(module: Module) -> set[str]:
    """Names that the file gives: functions, classes, arguments, variables, fields."""
    given: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, Definition):
            given.add(node.name)
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            given.add(node.id)
    return given


def _classes_twice(several: Sequence[Module]) -> Places:
    """Classes of SINGLE that more than one place defines, with or without an underscore."""
    places: Places = {}
    for one in several:
        for node in ast.walk(one.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            name = node.name.lstrip("_")
            if name in SINGLE:
                places.setdefault(name, []).append(f"{one.path}: {node.name}")
    return {name: where for name, where in places.items() if len(where) > 1}


def _unclear(several: Sequence[Module]) -> Places:
    """Functions and classes with a name of UNCLEAR, and files in which anything is named `told`."""
    places: Places = {}
    for one in several:
        for node in ast.walk(one.tree):
            if not isinstance(node, Definition):
                continue
            name = node.name.strip("_")
            if name in UNCLEAR:
                places.setdefault(name, []).append(f"{one.path}: def {node.name}")
        if "told" in _names(one):
            places.setdefault("told", []).append(f"{one.path}: told")
    return places


def main() -> None:
    """Print the figures of a checkout as JSON; those of each room and places of words if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--rooms", action="store_true", help="a line of figures for each folder")
    parser.add_argument("--words", action="store_true", help="where words have another meaning")
    options = parser.parse_args()
    several = modules(options.folder)
    print(json.dumps(figures(several), indent=1))
    if options.rooms:
        _print_rooms(several)
    if options.words:
        print(json.dumps(words(several), indent=1))


def _print_rooms(several: Sequence[Module]) -> None:
    """A line for each folder: files, then the figures from nodes a line to the longest function."""
    for folder in sorted({one.path.parent for one in several}):
        inside = figures([one for one in several if one.path.parent == folder])
        values = list(inside.values())
        print(f"{folder!s:24}", values[0], *values[3:10])


if __name__ == "__main__":
    main()
