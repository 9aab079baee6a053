"""Model cards: `card.json` for programs and `CARD.md`, written from it, for people."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

REBUILD = {"generator": "ttc train generator", "prm": "ttc train prm"}
TITLES = {"generator": "congruences-generator", "prm": "congruences-prm"}
ABOUT = {
    "generator": "Writes guess-and-check solutions of chained congruences modulo 7, one line a stage.",
    "prm": "Scores each line of such a solution: the chance that it leads to the target.",
}
DATA = {
    "generator": "Synthetic solutions of training questions, drawn fresh for every batch; wrong guesses are "
    "part of the text and marked as such. No validation or test question is in it.",
    "prm": "Completions drawn from the generator on training questions; a line's label is the share of "
    "rollouts from its end that reach the target, a finished completion's label its correctness.",
}


def write_card(folder: Path, kind: str, figures: dict[str, Any]) -> None:
    """Write both cards of a model folder; `kind` is generator or prm."""
    card = {"name": TITLES[kind], "kind": kind, "rebuild": REBUILD[kind], **figures}
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    (folder / "CARD.md").write_text(render(card))


def render(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    kind = card["kind"]
    tables = _generator_tables(card["measured"]) if kind == "generator" else _prm_tables(card["measured"])
    facts = {name: value for name, value in card.items() if not isinstance(value, dict | list)}
    lines = [
        f"# {card['name']}",
        "",
        ABOUT[kind],
        "",
        f"**Data.** {DATA[kind]}",
        "",
        *_table(("fact", "value"), [(name.replace("_", " "), _show(value)) for name, value in facts.items()]),
        "",
        *tables,
        "## Recipe",
        "",
        *_table(("setting", "value"), _settings(card["recipe"])),
        "",
        f"Rebuild: `{card['rebuild']}`. This page is written from card.json by tasks/training/cards.py.",
        "",
    ]
    return "\n".join(lines)


def _generator_tables(measured: dict[str, Any]) -> list[str]:
    accuracy, greedy = measured["accuracy_by_level"], measured["greedy_by_level"]
    lines = measured["lines_by_kind"]
    return [
        f"## Accuracy on {measured['questions']} validation questions, {measured['draws']} draws each",
        "",
        *_table(
            ("level", f"at temperature {measured['temperature']}", "greedy"),
            [(level, _show(accuracy[level]), _show(greedy[level])) for level in accuracy],
        ),
        "",
        "## Lines: is the guess right, is all that is written true, is a wrong guess marked right",
        "",
        *_table(
            ("kind of stage", "right", "honest", "wrong but marked right"),
            [(kind, *(_show(value) for value in row.values())) for kind, row in lines.items()],
        ),
        "",
    ]


def _prm_tables(measured: dict[str, Any]) -> list[str]:
    rows = [(step, *(_show(value) for value in row.values())) for step, row in measured["steps"].items()]
    return [
        f"## Against {measured['draws']} draws of {measured['questions']} validation questions",
        "",
        *_table(("step", "AUROC within questions", "AUROC pooled", "calibration error"), rows),
        "",
        "Areas are for the draw's final correctness, calibration is against the rollouts' soft label.",
        "",
    ]


def _settings(recipe: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in recipe.items():
        path = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            rows += _settings(value, f"{path}: ")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for number, part in enumerate(value, start=1):
                rows += _settings(part, f"{path} {number}: ")
        else:
            rows.append((path, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return rows


def plain(value: Any) -> Any:
    """A recipe as nested dictionaries, the named tuples in it too."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        return dict(zip(names, map(plain, value), strict=True)) if names else [plain(item) for item in value]
    return value


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def _show(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}" if value < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
