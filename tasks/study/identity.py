"""What of a study decides its results, and so the identity of its runs."""

from __future__ import annotations

from typing import Any, Final

# Not its name, not how engines run, nor what is done with the result afterwards: when these change,
# the unfinished run goes on. What kind of answer there is stands with the grader and the questions
# in a run's identity, whoever says it.
_ASIDE: Final = (
    *("name", "engine", "endpoints", "gate", "exchange", "distill"),
    *("answer", "answer_command", "answer_seconds"),
    # The names of strategies have the digest of their file in them.
    "strategy_files",
    # Likewise which questions there are, whatever they are called and wherever they stand.
    *("benchmark_name", "benchmarks", "columns"),
)
_SINCE: Final[dict[str, dict[str, Any]]] = {
    # The limit stood in the code before it was a key.
    "generator": {"max_rounds": 40, "chat_template_kwargs": {}},
}
"""Keys that came later, with what was meant before: as it was then, they are not written down."""


def deciding(values: dict[str, Any]) -> dict[str, Any]:
    """Of a study's values by key those that decide a result, as its first version wrote them."""
    left = {key: value for key, value in values.items() if key not in _ASIDE}
    # What a policy by money rests on, where there is one. Nothing that is drawn depends on it, so
    # that a run at other prices draws nothing again.
    if not left["prices"]:
        del left["prices"]
    # Likewise what is measured under a cap on tokens, over the draws of the other budgets.
    if not left["token_budgets"]:
        del left["token_budgets"]
    for table, since in _SINCE.items():
        kept = {
            key: value
            for key, value in left[table].items()
            if key not in since or value != since[key]
        }
        left[table] = kept
    return left
