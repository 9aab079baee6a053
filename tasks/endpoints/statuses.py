"""What a server's status means: wait and ask again, or one sentence that says what to do."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from tasks.endpoints.keys import Key
from tasks.endpoints.transfer import Received
from warehouse.errors import UserError


class Refusal(UserError):
    """A server calls a request wrong: it would call it wrong again."""

    def __init__(self, sentence: str, complaint: Complaint) -> None:
        super().__init__(sentence)
        self.complaint = complaint


class Complaint(NamedTuple):
    """What a server says of a request that it did not answer."""

    status: int
    words: str
    """In one line, without the key."""
    fields: frozenset[str]
    """Fields of the request that it names, where it names them apart from its words."""

    @property
    def said(self) -> str:
        """Status and words."""
        return f"HTTP {self.status} {self.words}".strip()

    def names(self, field: str) -> bool:
        """Whether it complains of this field."""
        if self.fields:
            return field in self.fields
        return re.search(rf"(?<![\w-]){re.escape(field)}(?![\w-])", self.words) is not None


def read_complaint(received: Received, key: Key | None) -> Complaint:
    """What an answer that is no reply says."""
    # Not by the charset that it names: some of Python's unpack what they read.
    text = received.content.decode("utf-8", errors="replace")
    try:
        body: Any = json.loads(text)
        error = body.get("error", body) if isinstance(body, dict) else body
        said = _message(error)
        fields = _fields(error)
    except (ValueError, RecursionError):
        # Recursion: writing takes fewer levels than reading.
        said = text
        fields = set[str]()
    words = " ".join(said.split())[:300]
    to = received.headers.get("Location")
    words = f"{words} to {to[:200]}".strip() if to else words
    hidden = key.hide(words) if key else words
    return Complaint(received.status, hidden, frozenset(fields))


def _message(error: Any) -> str:
    """The words of an error, whichever of the usual layouts it has."""
    if not isinstance(error, dict):
        return str(error)
    table = cast("dict[str, Any]", error)
    said = table.get("message") or table.get("detail") or table
    code = table.get("code")
    text = said if isinstance(said, str) else json.dumps(said)
    return f"{text} ({code})" if isinstance(code, str) and code not in text else text


def _fields(error: Any) -> set[str]:
    """Fields that an error names as such: OpenAI's `param`, the places of pydantic's list."""
    if not isinstance(error, dict):
        return set()
    table = cast("dict[str, Any]", error)
    param = table.get("param")
    fields = {param.rpartition(".")[2]} if isinstance(param, str) and param else set[str]()
    details = table.get("detail")
    for one in cast("list[Any]", details) if isinstance(details, list) else []:
        place = one.get("loc", ()) if isinstance(one, dict) else ()
        fields |= {str(part) for part in cast("list[Any]", place)[1:2]}
    return fields


def may_pass(complaint: Complaint) -> bool:
    """Whether the same request may be answered later."""
    if complaint.status == 429:
        # The one kind of `too many` that no waiting mends.
        return "insufficient_quota" not in complaint.words
    # 408 and 425: too slow or too early.
    return complaint.status in (408, 425) or complaint.status >= 500


def leads_nowhere(complaint: Complaint) -> bool:
    """Whether an answer is neither a reply nor a word on the request: a redirect, an empty page."""
    return complaint.status < 400


def is_of_the_request(complaint: Complaint) -> bool:
    """Whether another server of the same model would call the request wrong as well."""
    return complaint.status in (400, 413, 414, 422, 431)


def refuse(url: str, complaint: Complaint, key: Key | None) -> Refusal:
    """The sentence for a request that will not be answered, whoever asks."""
    what = _diagnose(url, complaint, key)
    advice = _advise(complaint, key)
    return Refusal(f"engine: {what}: {complaint.said}; {advice}", complaint)


def _diagnose(url: str, complaint: Complaint, key: Key | None) -> str:
    if complaint.status == 401:
        shown = f"the key in {key.name}" if key else "a request without a key"
        return f"{url} does not accept {shown}"
    if complaint.status == 403:
        return f"{url} does not allow this request"
    if complaint.status in (402, 429):
        return f"{url} has no credit left for this key"
    return f"{url} refused a request"


def _advise(complaint: Complaint, key: Key | None) -> str:
    if complaint.status == 401:
        name = key.name if key else "a variable"
        named = "" if key else " and name it as api_key_env"
        return f"export the right key in {name}{named}, then run again"
    if complaint.status == 403:
        return "ask whoever runs it what this key may use, or name a model that it may"
    if complaint.status in (402, 429):
        return "add credit, then run again: the study goes on"
    if complaint.status == 404:
        return "correct the url or the model's name in the study"
    return "correct the study or the server"


def retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, a number or an HTTP date.

    None when it says nothing usable.
    """
    if header is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header.strip()):
        # Infinite where the number is too large: whoever waits has a bound of its own.
        return float(header)
    # TypeError: a date without a time zone cannot be compared. Overflow: one at the calendar's end.
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        left = parsedate_to_datetime(header) - datetime.now(UTC)
        return max(0.0, left.total_seconds())
    return None
