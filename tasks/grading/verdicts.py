"""What grading says of an answer."""

from __future__ import annotations

from typing import Literal, get_args

Verdict = Literal["correct", "wrong", "unparsed", "timeout", "memory", "crashed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
