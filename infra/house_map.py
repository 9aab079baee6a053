"""The map of the house in README.md, written from the rooms: `python infra/house_map.py`.

A room is a package; what it is for is the first line of its `__init__.py`. The rooms of `tasks`
stand in the order of their floors, the highest first, as pyproject's contract has them; rooms of a
room stand below it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
START = "<!-- map: written by python infra/house_map.py -->"
END = "<!-- map ends -->"
WIDTH = 24

# The rooms without Python of their own.
OTHERS = {
    "tests/": "What is proven, in the same folders as the product.",
    "infra/": "What it stands on: launcher, locks, studies, models and their cards, "
    "benchmarks, documents.",
}


def house_map(root: Path = ROOT) -> str:
    """One line a room: its folder, and what it is for; ValueError for a room that does not say."""
    lines = [_line("flows/", _purpose(root / "flows"))]
    lines += [
        _line(f"  {name}/", _purpose(root / "flows" / name)) for name in _rooms(root / "flows")
    ]
    lines.append(_line("tasks/", _purpose(root / "tasks")))
    floors = _floors(root)
    for name in sorted(_rooms(root / "tasks"), key=lambda name: (floors[name], name)):
        room = root / "tasks" / name
        lines.append(_line(f"  {name}/", _purpose(room)))
        lines += [_line(f"    {part}/", _purpose(room / part)) for part in _rooms(room)]
    warehouse = root / "warehouse"
    lines.append(_line("warehouse/", _purpose(warehouse)))
    lines += [_line(f"  {name}/", _purpose(warehouse / name)) for name in _rooms(warehouse)]
    lines += [_line(name, purpose) for name, purpose in OTHERS.items()]
    return "\n".join(lines)


def renew(readme: str, root: Path = ROOT) -> str:
    """The README with its map up to date; ValueError when the marks around it are gone."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"README.md: expected the lines {START!r} and {END!r}; put them back")
    return f"{before}{START}\n```text\n{house_map(root)}\n```\n{END}{after}"


def _rooms(folder: Path) -> list[str]:
    """Names of the packages in a folder."""
    return sorted(path.parent.name for path in folder.glob("*/__init__.py"))


def _purpose(folder: Path) -> str:
    text = (folder / "__init__.py").read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text))
    if not said:
        raise ValueError(f"{folder}/__init__.py: expected a first line that says what it is for")
    return said.splitlines()[0]


def _floors(root: Path) -> dict[str, int]:
    """Floor of each room of tasks, 0 the highest, by pyproject's layers contract."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one.get("containers") == ["tasks"])
    return {room: floor for floor, layer in enumerate(layers) for room in re.findall(r"\w+", layer)}


def _line(name: str, purpose: str) -> str:
    return f"{name:<{WIDTH}}{purpose}"


if __name__ == "__main__":
    README.write_text(renew(README.read_text(encoding="utf-8")), encoding="utf-8")
