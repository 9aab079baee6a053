"""Numbers and names as every screen writes them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from tasks.statistics.intervals import Estimate

_MOST = 120
"""Characters of a key without its hash."""
_DIGITS = 8
_HASHED = re.compile(rf"(?:^|-)[0-9a-f]{{{_DIGITS}}}$")
"""What a key with a hash ends with."""


def model_short_name(model: str) -> str:
    """The last part of a Hugging Face id, a folder or a bundled name.

    `bundled/congruences-generator` → `congruences-generator`.
    """
    return _last_part(model)


def key_of(*names: str, refused: str = r"[^\w.-]+", joint: str = "-", lower: bool = False) -> str:
    """The names in one word that registries take, different for different names.

    What matches `refused` becomes a dash, capitals small letters where `lower` asks for it. Where
    that, the joint or the length loses anything, a hash of the names stands behind them: no two
    lists of names have one key.
    """
    written = [name.lower() if lower else name for name in names]
    plain = joint.join(re.sub(refused, "-", name) for name in written)
    is_told_apart = not any(joint in name for name in names[:-1])
    is_whole = plain == joint.join(names) and len(plain) <= _MOST
    # What ends as a key with a hash does could be taken for one.
    if is_whole and is_told_apart and not _HASHED.search(plain):
        return plain
    digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:_DIGITS]
    return "-".join(filter(None, (plain[:_MOST].strip("-"), digest)))


def _last_part(path: str) -> str:
    last = path.rstrip("/").rpartition("/")[2]
    # Of a path that is nothing but slashes, the path: a name must not be empty.
    return last or path


def rate_text(rate: float) -> str:
    """A rate in percent: `2.0%`. None and all are said of none and all alone, never by rounding."""
    written = f"{rate:.1%}"
    if written == "0.0%" and rate > 0:
        return "<0.1%"
    return ">99.9%" if written == "100.0%" and rate < 1 else written


def interval_text(value: float, lo: float, hi: float) -> str:
    """A value with its 95 % interval: `0.62 [0.59, 0.65]`.

    Two digits each: a benchmark of some hundred questions does not support a third.
    """
    interval = f"[{lo:.2f}, {hi:.2f}]"
    return f"{value:.2f} {interval}"


def detectable_text(least: Estimate) -> str:
    """That smaller differences cannot be seen, with how sure that figure is; a part of a sentence.

    A minimum of 1 or more says that no difference can.
    """
    if least.value >= 1.0:
        return "no difference can be detected"
    ends = f"[{least.lo:.3f}, {least.hi:.3f}]"
    return f"differences below {least.value:.3f} {ends} cannot be detected"


def half_width_text(half: float) -> str:
    """`± .03`; a zero-width interval, as where every question is right, shows as `± .00`."""
    # Without the leading zero, so that five budgets fit side by side in a terminal.
    return f"± {half:.2f}".replace("0.", ".", 1)


def plus_minus_text(value: float, half: float) -> str:
    """A value with half its 95 % interval, where there is no room for both ends: `0.62 ± .03`."""
    return f"{value:.2f} {half_width_text(half)}"


def net_text(row: Mapping[str, Any]) -> str | None:
    """`factor_text` of the factor net of difficulty estimation.

    None for a run from before it was computed.
    """
    if row["net_factor"] is None:
        return None
    ends = {name: row[f"net_{name}"] for name in ("factor", "lo", "hi")}
    return factor_text({**ends, "beyond": row["beyond"]})


def factor_text(row: Mapping[str, Any]) -> str:
    """An efficiency factor with its 95 % interval, as far as that is known.

    `3.9 [2.8, 5]`; `2 [1.5, …)` where the interval has no upper end; `2` where there is none;
    `> 2` where the baseline never gets there, so that the factor is a lower bound itself
    (METHOD §7), with the interval's lower end where that is known: `> 2 [1.5, …)`.
    """
    factor = f"{row['factor']:.2g}"
    low = None if row["lo"] is None else f"{row['lo']:.2g}"
    if row["beyond"]:
        interval = "" if low is None else f" [{low}, …)"
        return f"> {factor}{interval}"
    if low is None:
        return factor
    high = "…)" if row["hi"] is None else f"{row['hi']:.2g}]"
    return f"{factor} [{low}, {high}"


def amount_text(cost: float) -> str:
    """A cost along some axis: `12,345`, `640`, `0.0032`, `1.2e+09`; not finer than three digits."""
    if 100 <= abs(cost) < 1e6:
        return f"{cost:,.0f}"
    return f"{cost:.3g}"


def signed_text(gain: float) -> str:
    """`+0.12`, `−0.03`, and `0.00` for what rounds to nothing."""
    rounded = round(gain, 2)
    if rounded == 0:
        return "0.00"
    # A true minus sign is as wide as the plus, so that columns of gains line up.
    return f"{rounded:+.2f}".replace("-", "−")
