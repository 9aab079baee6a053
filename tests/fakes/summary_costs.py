"""What a made summary says of cost: efficiency, prices, equal cost, the fleet and the exchange."""

from __future__ import annotations

import polars as pl


def efficiency_table() -> pl.DataFrame:
    table = [
        (1, 1.0, 0.9, 1.1, False),
        (4, 2.6, 1.7, 3.9, False),
        (8, 2.0, 1.5, None, False),
        (16, 1.0, None, None, True),
    ]
    rows = [
        {
            "difficulty": d,
            "baseline": "weighted",
            "budget": n,
            "factor": f,
            "lo": lo,
            "hi": hi,
            "beyond": beyond,
            "net_factor": f * n / (n + 32),
            "net_lo": None if lo is None else lo * n / (n + 32),
            "net_hi": None if hi is None else hi * n / (n + 32),
        }
        for d in ("oracle", "predicted")
        for n, f, lo, hi, beyond in table
    ]
    ends = ("lo", "hi", "net_lo", "net_hi")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(ends, pl.Float64))


def steps_table() -> pl.DataFrame:
    row = {
        "completions": 9600,
        "mean_steps": 5.25,
        "most_steps": 11,
        "longest_step": 31,
        "step_draws": 14_210,
        "cut_steps": 0,
        "searches": 3000,
        "out_of_rounds": 0,
    }
    return pl.DataFrame([row])


def costs_table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "role": ["difficulty", "proposer", "verifier"],
            "generations": [9600, 14210, None],
            "generated_tokens": [412_000, 506_221, None],
            "thinking_tokens": [None, None, None],
            "answer_tokens": [None, None, None],
            "prompt_tokens": [9_600, 120_004, None],
            "verifier_tokens": [None, None, 1_530_000],
            "flops": [8.2e11, 1.2e12, 3.1e12],
        }
    )


def cost_curves_table() -> pl.DataFrame:
    """FLOPs, seconds and tokens at doublings 0 … 6 of a plain completion.

    The probe affords nothing below the third, the baseline nothing at none.
    """
    rows = [
        {
            "difficulty": kind,
            "axis": axis,
            "level": doubling,
            "at_most": one * 2.0**doubling,
            "accuracy": 0.4 + 0.05 * doubling,
            "lo": 0.37 + 0.05 * doubling,
            "hi": 0.43 + 0.05 * doubling,
            "cost": 0.9 * one * 2.0**doubling,
            "baseline_budget": 2 ** (doubling - 1) if doubling else None,
            "baseline_accuracy": 0.33 + 0.05 * doubling if doubling else None,
            "gain": 0.07 if doubling else None,
            "gain_lo": 0.04 if doubling else None,
            "gain_hi": 0.1 if doubling else None,
            "factor": 2.5 - 0.25 * doubling,
            "factor_lo": 2.0 - 0.25 * doubling,
            "factor_hi": 3.0 - 0.25 * doubling,
            "beyond": doubling == 6,
        }
        for axis, one in (("flops", 7.4e7), ("seconds", 0.05), ("tokens", 120.0))
        for kind, first in (("oracle", 0), ("predicted", 0), ("probe", 3))
        for doubling in range(first, 7)
    ]
    return pl.DataFrame(rows)


def cost_policies_table() -> pl.DataFrame:
    """What the curves' policy names: majority, and weighted from the third doubling on."""
    curves = cost_curves_table().select(
        "difficulty", "axis", "level", "at_most", "accuracy", "lo", "hi", "cost"
    )
    rich = pl.col("level") > 2
    return curves.join(pl.DataFrame({"bin": [1, 2, 3, 4, 5]}), how="cross").with_columns(
        strategy=pl.when(rich).then(pl.lit("weighted")).otherwise(pl.lit("majority")),
        budget=2 ** pl.col("level"),
    )


def fleet_table() -> pl.DataFrame:
    rows = [
        {
            "difficulty": kind,
            "budget": n,
            "spent": float(n),
            "uniform": 0.5,
            "accuracy": 0.52,
            "gain": 0.02,
            "gain_lo": -0.01,
            "gain_hi": 0.05,
            "bin_budgets": [1.0, 1.0, float(n), 2.0 * n, 2.0 * n - 1],
        }
        for kind in ("oracle", "predicted")
        for n in (4, 16)
    ]
    return pl.DataFrame(rows)


def exchange_table() -> pl.DataFrame:
    """Two ratios by both kinds of difficulty; behind on the hardest bin."""
    rows = [
        {
            "large_model": "bundled/congruences-large",
            "difficulty": kind,
            "source": "study",
            "parameter_ratio": 14.0,
            "ratio": ratio,
            "multiple": 14 + 39 / ratio,
            "bin": b,
            "budget": 16,
            "questions": 300 if b == 0 else 60,
            "alone": 0.5,
            "small": 0.6,
            "large": 0.6 - gain,
            "difference": gain,
            "lo": gain - 0.05,
            "hi": gain + 0.05,
            "relative": gain / (0.6 - gain),
            "verdict": "ahead" if gain > 0.05 else "behind",
        }
        for kind in ("oracle", "predicted")
        for ratio in (0.16, 22.0)
        for b, gain in enumerate((0.06, 0.1, 0.2, 0.1, 0.06, -0.1))
    ]
    return pl.DataFrame(rows)
