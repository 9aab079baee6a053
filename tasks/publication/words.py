"""Numbers and names as every screen writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def model_short_name(model: str) -> str:
    """`bundled/congruences-generator` → `congruences-generator`, also of a Hugging Face id or a folder."""
    return model.rstrip("/").rpartition("/")[2] or model


def benchmark_name(benchmark: str) -> str:
    """`congruences`, or the stem of a JSONL file."""
    return re.sub(r"\.jsonl$", "", benchmark.rstrip("/").rpartition("/")[2] or benchmark)


def interval_text(value: float, lo: float, hi: float) -> str:
    """`0.62 [0.59, 0.65]`."""
    return f"{value:.2f} [{lo:.2f}, {hi:.2f}]"


def half_width_text(half: float) -> str:
    """`± .03`; a zero-width interval, as where every question is right, shows as `± .00`."""
    return f"± {half:.2f}".replace("0.", ".", 1)


def net_text(row: Mapping[str, Any]) -> str | None:
    """`factor_text` of the factor net of difficulty estimation; None for a run from before it was computed."""
    if row["net_factor"] is None:
        return None
    ends = {name: row[f"net_{name}"] for name in ("factor", "lo", "hi")}
    return factor_text({**ends, "beyond": row["beyond"]})


def factor_text(row: Mapping[str, Any]) -> str:
    """`3.9 [2.8, 5.0]`; `> 2.0` where the baseline never gets there; an open end where there is no bound."""
    if row["beyond"]:
        low = "" if row["lo"] is None else f" [{row['lo']:.2g}, …)"
        return f"> {row['factor']:.2g}{low}"
    if row["lo"] is None:
        return f"{row['factor']:.2g}"
    high = "…)" if row["hi"] is None else f"{row['hi']:.2g}]"
    return f"{row['factor']:.2g} [{row['lo']:.2g}, {high}"


def signed_text(gain: float) -> str:
    """`+0.12`, `−0.03`, and `0.00` for what rounds to nothing."""
    rounded = round(gain, 2)
    return "0.00" if rounded == 0 else f"{rounded:+.2f}".replace("-", "−")
