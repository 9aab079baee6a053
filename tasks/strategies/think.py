"""A vote of completions that may think so long: width × cap (METHOD §12; s1, arXiv 2501.19393)."""

from __future__ import annotations

from typing import Final

from tasks.models.thinking_caps import Cap
from tasks.strategies.forms import Form, Options, at_least

_ANSWER: Final = 512
"""Tokens reserved for the answer: what models write after thinking seldom takes more."""


def _cap(options: Options) -> Cap:
    answer = int(options.get("answer", _ANSWER))
    return Cap(int(options["cap"]), answer, int(options.get("extend", 0)))


THINK = Form(
    kind="pool",
    selectors=("majority", "best_of_n", "weighted"),
    example="think(cap=1000)",
    short="think",
    # Of no tokens: the end of thinking is written before the model's first word.
    options={
        "cap": at_least(0),
        "answer": at_least(1, default=_ANSWER),
        "extend": at_least(0, default=0),
    },
    cap=_cap,
)
