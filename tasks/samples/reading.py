"""Sample logs as people have them: which tool wrote a file is seen from what stands in it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.samples import (
    evalscope,
    every_eval_ever,
    inspect_eval,
    lighteval,
    lm_eval,
    nemo_skills,
    openai_batch,
    plain,
    search_and_learn,
)
from tasks.samples.log import SampleLog
from tasks.samples.rows import Refusals, Start, first_bytes, first_rows, is_wide
from warehouse.errors import UserError

SAME_FILE = "the file is the same as another one, byte for byte"
NO_LOG = "the file is no sample log of a known format"

_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl-async", ".parquet", ".arrow", ".eval", ".json")
"""Files of a folder that may be logs: tools leave reports, figures and settings beside them."""
_DIGITS = re.compile(r"(\d+)")
_LOOKED_AT = 20
"""Rows that a file is known by: the first ones may be damaged."""


class Layout(NamedTuple):
    """How the logs of one tool are known and read."""

    recognise: Callable[[Start], bool]
    """Whether it wrote the file that begins so."""
    read: Callable[[Sequence[Path]], list[SampleLog]]
    """One log a model, task and way of drawing, of files that it wrote."""


FORMATS: dict[str, Layout] = {
    lm_eval.FORMAT: Layout(lm_eval.recognise, lm_eval.read),
    inspect_eval.FORMAT: Layout(inspect_eval.recognise, inspect_eval.read),
    lighteval.FORMAT: Layout(lighteval.recognise, lighteval.read),
    search_and_learn.FORMAT: Layout(search_and_learn.recognise, search_and_learn.read),
    nemo_skills.FORMAT: Layout(nemo_skills.recognise, nemo_skills.read),
    evalscope.FORMAT: Layout(evalscope.recognise, evalscope.read),
    openai_batch.FORMAT: Layout(openai_batch.recognise, openai_batch.read),
    every_eval_ever.FORMAT: Layout(every_eval_ever.recognise, every_eval_ever.read),
    plain.FORMAT: Layout(plain.recognise, plain.read),
}


def read_logs(paths: Sequence[Path], format: str | None = None) -> list[SampleLog]:
    """The logs in files and folders, one a model, task and way of drawing.

    Folders are walked. Files with the same content count once. What a folder holds besides, as
    tables or lines, is counted in the first log. UserError where a file that is named, or all of a
    folder, is in no known format.
    """
    if format is not None and format not in FORMATS:
        raise UserError(
            f"import: expected --format to be {_known()}, got {format!r}; "
            "name one of these, or leave it out"
        )
    refusals = Refusals()
    by_format: dict[str, list[Path]] = {}
    for path, is_named in _files(paths):
        name = format or _format_of(path)
        if name:
            by_format.setdefault(name, []).append(path)
        elif is_named:
            raise _unknown(path)
        elif path.suffix != ".json":
            refusals.add(NO_LOG, str(path))
    if not by_format:
        raise _unknown(paths[0])
    logs: list[SampleLog] = []
    for name, files in by_format.items():
        logs += FORMATS[name].read(_different(files, refusals))
    if not logs:
        raise UserError(
            f"import: expected completions, got files of {', '.join(by_format)} that hold none, "
            f"e.g. {paths[0]}; name those with the responses too"
        )
    logs[0].refused.extend(refusals.listed())
    return logs


def _files(paths: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Every file once, `rs2` before `rs10`, and whether it was named itself."""
    files: dict[Path, tuple[Path, bool]] = {}
    for path in paths:
        if not path.exists():
            raise UserError(
                f"import: expected the path of a sample log or of a folder of them, got {path}, "
                "which does not exist; correct it"
            )
        inside = _walk(path) if path.is_dir() else [path]
        for file in inside:
            files.setdefault(file.resolve(), (file, not path.is_dir()))
    return list(files.values())


def _walk(folder: Path) -> list[Path]:
    inside = [
        path
        for path in folder.rglob("*")
        if path.name.endswith(_SUFFIXES) and path.is_file() and not path.name.startswith(".")
    ]
    return sorted(inside, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = _DIGITS.split(str(path))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _different(files: Sequence[Path], refusals: Refusals) -> list[Path]:
    """The files without those that repeat another one."""
    sizes = [path.stat().st_size for path in files]
    alike = Counter(sizes)
    seen: set[tuple[int, str]] = set()
    kept: list[Path] = []
    for path, size in zip(files, sizes, strict=True):
        # Only files of one length can be alike: most are never hashed.
        if alike[size] > 1:
            with path.open("rb") as file:
                identity = (size, hashlib.file_digest(file, "sha256").hexdigest())
            if identity in seen:
                refusals.add(SAME_FILE, str(path))
                continue
            seen.add(identity)
        kept.append(path)
    return kept


def _format_of(path: Path) -> str | None:
    # An archive has no rows: it is known by its path.
    rows = first_rows(path, _LOOKED_AT) or [{}]
    for row in rows:
        start = Start(path, row)
        for name, layout in FORMATS.items():
            if layout.recognise(start):
                return name
    return None


def _unknown(path: Path) -> UserError:
    keys = "" if path.is_dir() else _begun(path)
    return UserError(
        f"import: expected sample logs of {_known()}, got {path}{keys}; name the files of one of "
        "these tools, or write one row a draw with question_id, question, target and text"
    )


def _begun(path: Path) -> str:
    """What a file that is no log is instead, as far as its beginning tells."""
    start = first_bytes(path)
    if is_wide(start):
        return f", a text in UTF-16 (iconv -f UTF-16 -t UTF-8 {path.name})"
    if start.lstrip().startswith(b"["):
        return f", a JSON array in place of one row a line (jq -c '.[]' {path.name})"
    row = next(iter(first_rows(path, 1)), {})
    return f" with keys {sorted(row)[:8]}"


def _known() -> str:
    *names, last = FORMATS
    return f"{', '.join(names)} or {last}"
