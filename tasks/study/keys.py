"""Keys that no table of a study has: a misspelt one is said, and not left out in silence."""

from __future__ import annotations

import dataclasses
from typing import Any

from tasks.benchmarks.names import Columns
from tasks.study.endpoints import Cap, Endpoint, Price
from tasks.study.tables import (
    BenchmarkTable,
    Distill,
    EngineOptions,
    Exchange,
    Gate,
    Generator,
    Revisions,
    Server,
    Verifier,
)
from warehouse.errors import UserError

_NESTED: dict[str, type] = {
    "benchmarks": BenchmarkTable,
    "columns": Columns,
    "generator": Generator,
    "verifier": Verifier,
    "revisions": Revisions,
    "engine": EngineOptions,
    "servers": Server,
    "endpoints": Endpoint,
    "price": Price,
    "cap": Cap,
    "gate": Gate,
    "exchange": Exchange,
    "distill": Distill,
}


def refuse_unknown_keys(values: dict[str, Any], kind: type, place: str) -> None:
    """UserError for a key that the table does not have: pydantic would leave it out in silence."""
    known = sorted(field.name for field in dataclasses.fields(kind))
    for key, value in values.items():
        if key not in known:
            raise UserError(f"{place}: unknown key {key!r}; known are {', '.join(known)}")
        if key == "prices":
            _refuse_unknown_prices(value, f"{place}.prices")
        if key not in _NESTED:
            continue
        # `benchmarks` and `servers` are lists of tables, the others are one.
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                refuse_unknown_keys(part, _NESTED[key], f"{place}.{key}")


def _refuse_unknown_prices(prices: Any, place: str) -> None:
    """The same of prices by model, whose name may be anything; what is no table is pydantic's."""
    for model, price in prices.items() if isinstance(prices, dict) else ():
        if isinstance(price, dict):
            refuse_unknown_keys(price, Price, f"{place}.{model}")


def split_budgets(values: dict[str, Any]) -> dict[str, Any]:
    """The values with a table under `budgets` as budgets in generations and `token_budgets`."""
    table = values.get("budgets")
    if not isinstance(table, dict):
        return values
    unknown = sorted(table.keys() - {"generations", "tokens"})
    if unknown or not table:
        raise UserError(
            "study: expected budgets as a list of generations, or as a table of generations, "
            f"tokens or both, got {unknown or 'nothing in it'}; write e.g. "
            "budgets = { tokens = [2000] }"
        )
    left = {key: value for key, value in values.items() if key != "budgets"}
    if "generations" in table:
        left["budgets"] = table["generations"]
    return left | {"token_budgets": table.get("tokens", ())}
