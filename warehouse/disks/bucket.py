"""A journal's place in an object store: S3 and what speaks like it, Google's, Azure's.

Credentials, region and endpoint come from the environment as each store's own tools read them
(`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, …); none is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import from_url

from warehouse.errors import Gone, UserError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

STORES = {"s3", "gcs", "azure"}
"""Object stores that list what they hold and refuse a second object of one name."""

RETRY: RetryConfig = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=4),
        "base": 2,
    },
}
"""A server that is restarted is waited for; one that is not there is told within half a minute."""

CLIENT: ClientConfig = {
    "connect_timeout": "5s",
    "read_timeout": "30s",
    "timeout": "120s",
    "allow_http": True,
}
"""Times for one request: a store that says nothing for 30 s is not there, a slow line is.

Plain HTTP is spoken where the endpoint in the environment says `http:`, as a store in the own
network may; the endpoints of the large ones are HTTPS.
"""


METADATA = "169.254.169.254"
"""Where a cloud's machine asks for its credentials; asked last, so named where there are none."""


class Bucket:
    """Objects below one prefix of an object store. A `warehouse.places.Place`."""

    def __init__(self, store: ObjectStore, address: str) -> None:
        self.address = address
        self._store = store

    @classmethod
    def open(cls, url: str) -> Self:
        """The objects below `url`; nothing is asked of the store yet.

        Raises UserError for a URL that is none of an object store's.
        """
        try:
            scheme = obstore.parse_scheme(url)
            if scheme in STORES:
                return cls(from_url(url, client_options=CLIENT, retry_config=RETRY), url)
            reason = f"it is of the kind {scheme!r}"
        except (BaseError, ValueError) as error:
            reason = _reason(error)
        raise UserError(
            f"Expected the address of an object store (s3://bucket/prefix, gs://bucket/prefix, "
            f"az://container/prefix), got {url!r} ({reason}): set TTC_JOURNAL to one."
        )

    def sizes(self, room: str = "") -> dict[str, int]:
        """Bytes of every object by name, however many pages the store lists them in."""
        found: dict[str, int] = {}
        with self._asked("list the objects"):
            for page in obstore.list(self._store, prefix=room or None):
                found |= {entry["path"]: entry["size"] for entry in page}
        return found

    def read(self, name: str) -> bytes:
        """The object's bytes; raises Gone when it is not there."""
        with self._asked(f"read {name}"):
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                raise Gone(name) from None

    def read_settled(self, name: str) -> bytes:
        """The object's bytes: a store shows no object before all of it is there."""
        return self.read(name)

    def take_back(self, is_whole: Callable[[str, bytes], bool]) -> list[str]:  # noqa: ARG002
        """Nothing: what was set aside in a store stays as it is."""
        return []

    def create(self, name: str, content: bytes) -> bool:
        """Whether the object is new; the store refuses a second one of that name."""
        with self._asked(f"write {name}"):
            try:
                # In one request: uploads in parts know no condition.
                obstore.put(self._store, name, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def remove(self, name: str) -> None:
        """The object is gone."""
        with self._asked(f"remove {name}"):
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return

    def set_aside(self, name: str) -> str:
        """Where the object lies now: a store knows no rename, so it is copied, then removed."""
        aside = f"damaged/{name}"
        with self._asked(f"copy {name}"):
            try:
                obstore.copy(self._store, name, aside)
            except FileNotFoundError:
                raise Gone(name) from None
        self.remove(name)
        return f"{self.address}/{aside}"

    def sweep(self) -> None:
        """Nothing is ever half written in a store."""

    @contextmanager
    def _asked(self, what: str) -> Generator[None]:
        """Turns a store's refusal into a sentence for whoever set the address."""
        try:
            yield
        except (BaseError, OSError) as error:
            raise UserError(
                f"Expected to {what} in the journal at {self.address}, got: {_reason(error)}. "
                "See that the bucket is there and may be read, written, listed and deleted from "
                "with the credentials in the environment (AWS_…, GOOGLE_…, AZURE_…), and that the "
                "store can be reached; then try again: nothing that was written is lost."
            ) from error


def _reason(error: Exception) -> str:
    """What a store said, as one phrase."""
    # A drawing of the error's insides follows.
    said = str(error).split("\n\nDebug source")[0].strip()
    if METADATA in said:
        return "no credentials in the environment, and no cloud machine's own"
    code = re.search("<Code>(.*?)</Code>", said)
    message = re.search("<Message>(.*?)</Message>", said)
    if code and message:
        return f"{code[1]} ({message[1].rstrip('.')})"
    return said.splitlines()[0].rstrip(". ") if said else type(error).__name__
