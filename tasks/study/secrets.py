"""Secrets that a study needs: it names variables, whose values are read when they are used.

A study is stored with its runs and shown in MLflow, in the report and on Prefect's page. So what
stands in it is no secret: `${NAME}` in an address or in a word of a command is, at the moment
of use, the environment variable NAME, or the first line of the file that NAME_FILE names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tasks.study.study import Study
from warehouse.errors import UserError

_NAMED: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HIDDEN: Final = "…"

# Addresses of chat services are secrets as they stand: what says more than the host may be one.
_ADDRESS: Final = re.compile(r"https?://[^\s/]+/[^\s/\0]", re.IGNORECASE)
_WORD: Final = r"[\w-]*(?:token|secret|passw(?:or)?d|(?:api|access)[-_]?key|credentials?)"
_KEY: Final = re.compile(
    # A user with a password before a host.
    r"\w://[^\s/@]+@"
    # An assignment or an option of such a name, and the headers that carry keys.
    rf"|\b{_WORD}\s*[=:]\s*[^\s\0]|(?<![\w-])--?{_WORD}\s+[^\s\0]"
    r"|\b(?:bearer|basic)\s+[^\s\0]{8}",
    re.IGNORECASE,
)


class Revealed(NamedTuple):
    """A text with its variables filled in, and what must not be said of it."""

    text: str
    values: tuple[str, ...]

    def hide(self, said: str) -> str:
        """What somebody said, without the secrets: servers and commands quote what they got."""
        for value in (self.text, *self.values) if self.values else ():
            said = said.replace(value, _HIDDEN)
        return said


def reveal(text: str) -> Revealed:
    """The text with its variables filled in; UserError names one that is not set."""
    values = {name: _value(name) for name in _NAMED.findall(text)}
    filled = _NAMED.sub(lambda found: values[found[1]], text)
    return Revealed(filled, tuple(values.values()))


def _value(name: str) -> str:
    path = os.environ.get(f"{name}_FILE", "")
    value = os.environ.get(name, "").strip()
    if not value and path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"secret: expected a text file with {name} at {path} ({name}_FILE), got {error}"
            ) from error
    if not value:
        raise UserError(
            f"secret: expected the environment variable {name}, or a file named by {name}_FILE, "
            "got neither; export it where `ttc` runs, for nightly runs where `ttc up` does"
        )
    return value


def check_secrets(study: Study) -> None:
    """UserError where a secret would be stored with a study; it is not repeated.

    What looks like one is found by its form. A webhook's address is one always: whoever reads it
    may post there.
    """
    webhook = study.gate.webhook
    if webhook is not None and not _NAMED.search(webhook):
        raise UserError(
            "study: expected gate.webhook as the name of a variable, since a study is stored and "
            'shown, got an address; write webhook = "${ALARM_WEBHOOK}" and export ALARM_WEBHOOK'
        )
    servers = [url for one in study.engine.servers for url in one.urls]
    found_in = {
        "gate.webhook": _finds(_KEY, [webhook or ""]),
        "gate.command": _looks_secret(study.gate.command),
        "answer_command": _looks_secret(study.answer_command),
        # Their addresses have paths that are none.
        "engine.servers": _finds(_KEY, servers),
    }
    for place, found in found_in.items():
        if found:
            raise UserError(
                f"study: expected no secret in {place}, since a study is stored and shown, got "
                "what looks like an address, a key or a password; write ${NAME} in its place and "
                "export NAME, or let the command read it"
            )


def shown_study(study_json: str) -> dict[str, Any]:
    """A stored study's keys and values, as they may be published.

    Hidden is what `check_secrets` would refuse: a study that was stored before it did.
    """
    values: dict[str, Any] = json.loads(study_json)
    gate = values.get("gate") or {}
    if gate.get("webhook") and not _NAMED.search(gate["webhook"]):
        gate["webhook"] = _HIDDEN
    if _looks_secret(gate.get("command") or ()):
        gate["command"] = [_HIDDEN]
    if _looks_secret(values.get("answer_command") or ()):
        values["answer_command"] = [_HIDDEN]
    return values


def _looks_secret(words: Sequence[str]) -> bool:
    return _finds(_KEY, words) or _finds(_ADDRESS, words)


def _finds(pattern: re.Pattern[str], words: Sequence[str]) -> bool:
    # Joined: an option and its value are two words. What is named leaves a mark that is no secret.
    return bool(pattern.search(_NAMED.sub("\0", " ".join(words))))
