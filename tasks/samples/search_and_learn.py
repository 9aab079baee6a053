"""search-and-learn: one row a problem with `completions[n]` and `scores[n][step]`.

Its best-of-n completions are independent draws. What beam search and DVTS leave is not: siblings
share their beginnings, and lists that came out short are filled up with copies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tasks.samples.assembly import NO_NUMBER, Assemblies, Assembly, Origin, question_of
from tasks.samples.log import Sample, SampleLog
from tasks.samples.parts import OddRowError, list_of
from tasks.samples.rows import Refusals, Row, Start, Values, read_rows
from tasks.samples.values import (
    count_of,
    id_of,
    number_of,
    numbers_of,
    question_in,
    targets_in,
    text_of,
)

FORMAT = "search-and-learn"
SEARCHED = (
    "completions of a search (beam search or DVTS) share beginnings and hold copies: they are not "
    "independent draws and make no pool"
)
UNEVEN = "the row's completions and scores are not equally many"
EMPTY = "the row has no completions"
NO_TEXT = "a completion is no text"

# Numbers of beams, iterations and steps ahead are written for searches alone.
_SEARCH = re.compile(
    r"beam[\W_]*search|dvts|diverse[\W_]*verifier|--iters-\d|--look-\d", re.IGNORECASE
)
_FOLDERS = 5
"""Parts of a path that may tell: in a hub's cache the data set's name stands above its commit."""
_SETTINGS = {
    "temperature": re.compile(r"(?:^|--)T-([\d.]+)"),
    "top_p": re.compile(r"(?:^|--)top_p-([\d.]+)"),
    "max_tokens": re.compile(r"(?:^|--)max_(?:new_)?tokens-(\d+)"),
}
_LONG, _COPIES = 100, 0.25
"""Completions of so many characters, of which so many are copies, were not drawn one by one."""


def recognise(start: Start) -> bool:
    """Whether the first row of a file is one of these."""
    has_more = {"scores", "agg_scores", "completion_tokens"} & set(start.row)
    return isinstance(start.row.get("completions"), list) and bool(has_more)


def read(paths: Sequence[Path]) -> list[SampleLog]:
    """The logs of such files; files that differ by their seed are runs of one log."""
    assemblies = Assemblies(FORMAT)
    for path in paths:
        refusals = Refusals()
        rows = list(read_rows(path, refusals))
        origin = _origin(path)
        assembly = assemblies.of(origin, path)
        # The folder is a configuration, named after its settings.
        name = "/".join(path.resolve().parts[-_FOLDERS:])
        is_search = bool(_SEARCH.search(name)) or _is_refilled(rows)
        for row in rows:
            try:
                texts = list_of(row.values, "completions")
                if is_search or _has_no_counts(row.values):
                    refusals.add(SEARCHED, row.place, len(texts))
                else:
                    _take(assembly, path, row, refusals)
            except OddRowError as odd:
                refusals.add(str(odd), row.place)
        assemblies.refuse(path, refusals, origin)
    return assemblies.logs()


def _has_no_counts(values: Values) -> bool:
    """Whether the counts are those that a search leaves: 0 or -1 for a text that is there."""
    counts = values.get("completion_tokens")
    texts = values.get("completions") or []
    # Rows without counts, or with a few, are told by other signs.
    if not isinstance(counts, list) or len(counts) != len(texts):
        return False
    return any(
        text and (number_of(count) or 0) <= 0 for text, count in zip(texts, counts, strict=True)
    )


def _is_refilled(rows: Sequence[Row]) -> bool:
    """Whether so many long completions of a file stand twice in their row that they are copies."""
    long = copies = 0
    for row in rows:
        if row.values.get("completion_tokens"):
            continue
        texts = _long_texts(row.values.get("completions"))
        long += len(texts)
        copies += len(texts) - len(set(texts))
    return copies > _COPIES * long


def _long_texts(completions: object) -> list[str]:
    """The completions of a row that are long; none where it has no list of them."""
    if not isinstance(completions, list):
        return []
    texts = [text for text in completions if isinstance(text, str)]
    return [text for text in texts if len(text) >= _LONG]


def _take(assembly: Assembly, path: Path, row: Row, refusals: Refusals) -> None:
    """Adds the draws of one problem."""
    values = row.values
    texts = list_of(values, "completions")
    if not texts:
        refusals.add(EMPTY, row.place)
        return
    unknown = [None] * len(texts)
    counts = list_of(values, "completion_tokens") or unknown
    # Without a score a step, the one that they were joined to.
    joined = list_of(values, "agg_scores")
    scores = list_of(values, "scores") or joined or unknown
    if not len(texts) == len(counts) == len(scores):
        refusals.add(UNEVEN, row.place)
        return
    asked = question_in(values)
    # Data sets of its own have unique ids; of others the problem is all that tells them apart.
    name = id_of(values.get("unique_id") or values.get("id") or asked)
    question = question_of(name, asked, targets_in(values))
    if not assembly.ask(question, row.place):
        return
    assembly.verifier = "scores"
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            refusals.add(NO_TEXT, row.place)
            continue
        numbers = numbers_of(scores[position])
        if numbers is None:
            refusals.add(NO_NUMBER, row.place)
        sample = Sample(
            name,
            0,
            text_of(text),
            tokens=count_of(counts[position]),
            scores=numbers or (),
            place=row.place,
        )
        assembly.draw(path, (position,), sample)


def _origin(path: Path) -> Origin:
    """What was drawn how, as the folder of a configuration says in its name."""
    parts = path.resolve().parts
    name = next((part for part in parts[::-1] if "--T-" in part), "")
    settings: dict[str, float | None] = {}
    for key, pattern in _SETTINGS.items():
        match = pattern.search(name)
        settings[key] = number_of(match[1]) if match else None
    # Unless told otherwise it writes to data/<model>.
    after = parts[parts.index("data") + 1 : -1] if "data" in parts else ()
    model = "/".join(part for part in after if part != name)
    return Origin(
        model=model or None,
        task=name.partition("--T-")[0] or None,
        temperature=settings["temperature"],
        top_p=settings["top_p"],
        max_tokens=count_of(settings["max_tokens"]),
    )
