"""The verdict on a canonical answer: by plain comparison, or by algebra where that cannot say."""

from __future__ import annotations

import re

from tasks.grading.equality.comparing import compare, plain_equal
from tasks.grading.mathematics.canonical import is_too_long
from tasks.grading.verdicts import Verdict

_READABLE = re.compile(r"[0-9A-Za-z]")


def plain_verdict(form: str, wanted: str) -> Verdict | None:
    """The verdict on two canonical forms by plain comparison, or None when algebra is needed.

    Numbers compare exactly: 0.333 is not 1/3. `50%` agrees with 50 and with 1/2; `x=3` agrees with
    3, both ways, and not with `y=3`; `3 ft` with 3 and with `36 in`, and not with `3 in`. Words
    compare as words: `seat` is not `east`.
    """
    if not form or (is_too_long(form) and form != wanted):
        return "unparsed"
    if form == wanted:
        return "correct"
    if not _READABLE.search(form) or form.startswith("=") or form.endswith("="):
        # A target of other letters was read as well as the answer was.
        return "unparsed" if _READABLE.search(wanted) else "wrong"
    outcome = compare(form, wanted, plain_equal)
    if outcome is None:
        return None
    return "correct" if outcome else "wrong"


def judge(form: str, wanted: str) -> Verdict:
    """The verdict on two canonical forms with all the algebra that there is; it may never return.

    "unparsed" when the target can be read as mathematics and the answer cannot. A comparison that
    raises is a comparison that did not succeed: "wrong".
    """
    from tasks.grading.equality.algebra import Reading

    reading = Reading()
    try:
        if reading.same(form, wanted):
            return "correct"
    except MemoryError:
        return "memory"
    return "unparsed" if reading.is_unread else "wrong"
