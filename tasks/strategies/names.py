"""Short names of strategies, for tables and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tasks.strategies import STRATEGIES
from tasks.strategies.forms import AT, Form


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """A short name for every strategy key, unique among them.

    `beam_search(m=4)/weighted` → `beam m=4`; where two keys would share a name both keep their key.
    A key of a strategy that is not (or no longer) in the dict is its own short name.
    """
    names = {key: _shorten(key) for key in keys}
    counts = Counter(names.values())
    unique: dict[str, str] = {}
    for key, name in names.items():
        unique[key] = name if counts[name] == 1 else key
    return unique


def _shorten(key: str) -> str:
    untempered, at, temperature = key.rpartition(AT)
    if at:
        return f"{_shorten(untempered)} T={temperature}"
    proposer, _, selector = key.partition("/")
    file, _, proposer = proposer.rpartition(":")
    name, _, written = proposer.removesuffix(")").partition("(")
    if file:
        return _shorten_own(name, written, selector)
    form = STRATEGIES.get(name)
    if form is None:
        return key
    words = [form.short]
    if written:
        options = written.replace(" ", "").split(",")
        shortened = [_shorten_option(form, option) for option in options]
        words.append(",".join(shortened))
    # The default selector goes without saying: the others are what tells two keys apart.
    if selector not in ("", form.selectors[0]):
        words.append(f"· {selector}")
    return " ".join(words)


def _shorten_own(name: str, written: str, selector: str) -> str:
    """Of a file of the user's own, which file it is goes without saying."""
    words = [name, written]
    # The default of those that have a choice.
    if selector not in ("", "weighted"):
        words.append(f"· {selector}")
    return " ".join(word for word in words if word)


def _shorten_option(form: Form, written: str) -> str:
    name, _, value = written.partition("=")
    option = form.options.get(name)
    if option is None:
        return written
    return f"{name}={option.short.get(value, value)}"
