"""Short names of strategies, for tables and figures."""

from __future__ import annotations

from collections.abc import Iterable


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """A short name for every strategy key, unique among them.

    `beam_search(m=4)/weighted` → `beam m=4`; where two keys would share a name both keep their key.
    """
    names = {key: _shortened(key) for key in dict.fromkeys(keys)}
    counts = {name: list(names.values()).count(name) for name in names.values()}
    return {key: name if counts[name] == 1 else key for key, name in names.items()}


_SPOKEN = {
    "best_of_n": "best-of-N",
    "beam_search": "beam",
    "particle_filter": "particles",
    "revision_search": "rev. search",
    "revisions": "revise",
}


def _shortened(key: str) -> str:
    proposer, _, selector = key.partition("/")
    name, _, arguments = proposer.removesuffix(")").partition("(")
    words = [_SPOKEN.get(name, name), arguments.replace("sqrt", "√N").replace(" ", "")]
    if selector not in ("", "weighted", "hierarchical"):
        words.append(f"· {selector}")
    return " ".join(word for word in words if word)
