"""Numbers and names as every screen writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def model_short_name(model: str) -> str:
    """The last part of a Hugging Face id, a folder or a bundled name.

    `bundled/congruences-generator` → `congruences-generator`.
    """
    return _last_part(model)


def benchmark_name(benchmark: str) -> str:
    """`congruences`, or the stem of a JSONL file."""
    return re.sub(r"\.jsonl$", "", _last_part(benchmark))


def _last_part(path: str) -> str:
    last = path.rstrip("/").rpartition("/")[2]
    # Of a path that is nothing but slashes, the path: a name must not be empty.
    return last or path


def interval_text(value: float, lo: float, hi: float) -> str:
    """A value with its 95 % interval: `0.62 [0.59, 0.65]`.

    Two digits each: a benchmark of some hundred questions does not support a third.
    """
    interval = f"[{lo:.2f}, {hi:.2f}]"
    return f"{value:.2f} {interval}"


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


def signed_text(gain: float) -> str:
    """`+0.12`, `−0.03`, and `0.00` for what rounds to nothing."""
    rounded = round(gain, 2)
    if rounded == 0:
        return "0.00"
    # A true minus sign is as wide as the plus, so that columns of gains line up.
    return f"{rounded:+.2f}".replace("-", "−")
