"""Model cards: `card.json` for programs and `CARD.md`, written from it, for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

Row = tuple[str, ...]
Figures = dict[str, Any]
"""What a card says, by name: values, shares with their intervals, groups of figures."""


class Kind(NamedTuple):
    """What a card says in words."""

    title: str
    """The model's name, and that of its folder."""
    about: str
    """What it does."""
    data: str
    """What its training text is."""


_SOLUTIONS = (
    "Synthetic solutions of training questions, drawn fresh for every batch; wrong guesses are "
    "part of the text and marked as such. No validation or test question is in it."
)
_WRITES = "Writes guess-and-check solutions of chained congruences modulo 7, one line a stage."

KINDS: dict[str, Kind] = {
    "generator": Kind("congruences-generator", _WRITES, _SOLUTIONS),
    "half": Kind(
        "congruences-generator-half", f"{_WRITES} A weaker version: half the training.", _SOLUTIONS
    ),
    "prm": Kind(
        "congruences-prm",
        "Scores each line of such a solution: the chance that it leads to the target.",
        "Completions drawn from the generator on training questions; a line's label is the share "
        "of rollouts from its end that reach the target, a finished completion's label its "
        "correctness.",
    ),
    "large": Kind(
        "congruences-large", f"{_WRITES} About 14 times the generator's parameters.", _SOLUTIONS
    ),
    "revision": Kind(
        "congruences-revision",
        "Writes the next attempt at a question, with up to four of its earlier attempts before it.",
        "First synthetic documents of several attempts at training questions, each keeping what "
        "was marked right and guessing anew what was not; then right completions of the "
        "generator, each behind zero to four wrong ones of the same question, the last of them "
        "the nearest by edit distance.",
    ),
    "thinking": Kind(
        "congruences-thinking",
        "Thinks first: tries a stage until its check holds, then the next one; then answers, also "
        "where its thinking is cut.",
        "Synthetic traces of training questions, drawn fresh for every batch: failed tries are "
        "part of them, and half are cut after some token and followed by an answer of what was "
        "found until there and guesses for the rest. No validation or test question is in it.",
    ),
    "orm": Kind(
        "congruences-orm",
        "Scores an attempt of the revision model, its earlier attempts in sight: the chance that "
        "it is right.",
        "Chains that the revision model wrote on training questions; an attempt's label is its "
        "correctness.",
    ),
    "distilled": Kind(
        "congruences-distilled",
        f"{_WRITES} Distilled: made from an earlier version by learning what its own search found.",
        "Completions that the earlier version's search served on training questions, kept where "
        "the verifier (or the target, if the card says so) calls them right. No validation or "
        "test question is in it.",
    ),
}
TITLES = {kind: words.title for kind, words in KINDS.items()}
SECTIONS = {
    "tuning": "Second phase",
    "narrow": "First stretch of the training, at the generator's width",
    "lessons": "Lessons in the third kind of stage, at the same width",
    "generator": "The generator on the same questions",
}
"""Groups of figures that only some cards have."""


def write_card(folder: Path, kind: str, figures: Figures) -> None:
    """Write both cards of a model folder; `kind` is one of KINDS."""
    card: Figures = {
        "name": TITLES[kind],
        "kind": kind,
        # Figures come last: they may name another command than that of the bundled models.
        "rebuild": f"ttc train {kind}",
        **plain(figures),
    }
    (folder / "CARD.md").write_text(render(card))
    # Last of all: whoever sees a card.json may trust that the rest of the folder is whole.
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (folder / "card.json").write_text(f"{text}\n")


def render(card: Figures) -> str:
    """The card as Markdown."""
    words = KINDS[card["kind"]]
    facts = [
        (name.replace("_", " "), _show(value))
        for name, value in card.items()
        if not isinstance(value, dict | list)
    ]
    more = [
        line
        for name, title in SECTIONS.items()
        if name in card
        for line in _section(title, card[name])
    ]
    lines = [
        f"# {card['name']}",
        "",
        words.about,
        "",
        f"**Data.** {words.data}",
        "",
        *_table(("fact", "value"), facts),
        "",
        *_section("Measured on validation questions", card["measured"]),
        *more,
        "## Recipe",
        "",
        *_table(("setting", "value"), _settings(card["recipe"])),
        "",
        f"Rebuild: `{card['rebuild']}`. "
        "This page is written from card.json by tasks/training/cards.py.",
        "",
    ]
    return "\n".join(lines)


def _section(title: str, figures: Figures) -> list[str]:
    """A section: its plain facts as a sentence, then a table for each group of figures."""
    facts: list[str] = []
    tables: list[str] = []
    for name, value in figures.items():
        words = name.replace("_", " ")
        if _is_group(value):
            tables += _group(words, value)
        else:
            facts.append(f"{words} {_show(value)}")
    sentence = "; ".join([*facts, "brackets hold 95 % intervals"]) + "."
    return [f"## {title}", "", sentence, "", *tables]


def _group(title: str, group: Figures) -> list[str]:
    """A table with a row an entry; entries that are groups themselves have a column a figure."""
    first = next(iter(group.values()))
    columns = list(first) if _is_group(first) else ["value"]
    rows: list[Row] = []
    for name, value in group.items():
        figures = [value[column] for column in columns] if _is_group(value) else [value]
        rows.append((name, *map(_show, figures)))
    head = ("", *(column.replace("_", " ") for column in columns))
    return [f"### {title}", "", *_table(head, rows), ""]


def _is_group(value: object) -> bool:
    # A share with its interval is a dictionary too once it is plain, but one figure.
    return isinstance(value, dict) and "low" not in value


def _settings(recipe: Figures, prefix: str = "") -> list[tuple[str, str]]:
    """Path → value of every setting, with those of nested recipes behind the names above them."""
    rows: list[tuple[str, str]] = []
    for name, value in recipe.items():
        path = f"{prefix}{name}".replace("_", " ")
        # Tuples in a recipe, lists in the card that was read back: both must give one page.
        is_listed = isinstance(value, list | tuple)
        if isinstance(value, dict):
            rows += _settings(value, f"{path}: ")
        elif is_listed and value and isinstance(value[0], dict):
            for number, part in enumerate(value, start=1):
                rows += _settings(part, f"{path} {number}: ")
        elif is_listed:
            rows.append((path, ", ".join(map(str, value))))
        else:
            rows.append((path, str(value)))
    return rows


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Number of weights, and that without embeddings (METHOD §9)."""
    # Each parameter once: an output layer tied to the embedding is no second matrix.
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    embeddings = [size for name, size in sizes.items() if "embed_tokens" in name]
    total = sum(sizes.values())
    return {"parameters": total, "parameters_without_embeddings": total - sum(embeddings)}


def weights_digest(folder: Path) -> str:
    """16 hex digits over a model's weights: tells which version another model was made from."""
    with (folder / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def plain(value: Any) -> Any:
    """A recipe or figures as nested dictionaries, the named tuples in it too."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        items = [plain(item) for item in value]
        # A named tuple keeps its names: JSON alone would write it as a bare list.
        names = getattr(value, "_fields", None)
        return dict(zip(names, items, strict=True)) if names else items
    return value


def _table(head: Row, rows: Sequence[Row]) -> list[str]:
    rule = "|" + " --- |" * len(head)
    return [_line(head), rule, *map(_line, rows)]


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def _show(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return _show_share(value)
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    if isinstance(value, float):
        # Below 10 stand shares and losses, above it seconds and FLOPs, where decimals say nothing.
        return f"{value:.3f}" if value < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _show_share(share: Figures) -> str:
    value = share["value"]
    low = share["low"]
    high = share["high"]
    if value is None:
        return "–"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
