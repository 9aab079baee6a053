"""How many tokens a second each model of a run manages, while several may be at work at once."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from tasks.models.version import Model
from warehouse.reader import Ledger, Reader


@dataclass(slots=True)
class Clock:
    """Tokens and seconds of each model by its fingerprint.

    A model is at work while a request to it is under way. While k models are, each gets 1/k of the
    time, so that the seconds of all add up to those in which anything was.
    """

    now: Callable[[], float] = time.monotonic
    tokens: Counter[str] = field(default_factory=Counter[str])
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))
    waited_tokens: Counter[str] = field(default_factory=Counter[str])
    """Of the longest draw of every request."""
    waited_seconds: defaultdict[str, float] = field(
        default_factory=lambda: defaultdict[str, float](float)
    )
    """From each of these requests to its last draw, however many were under way."""
    _asked: Counter[str] = field(default_factory=Counter[str])
    _since: float = 0.0

    @contextmanager
    def time_request(self, model: Model) -> Generator[None]:
        """One request to the model is under way."""
        self._tick()
        self._asked[model.fingerprint] += 1
        try:
            yield
        finally:
            self._tick()
            self._asked[model.fingerprint] -= 1

    def count(self, model: Model, tokens: float) -> None:
        """So many tokens came of a request; NaN, which a server did not tell, counts nothing."""
        if not math.isnan(tokens):
            self.tokens[model.fingerprint] += int(tokens)

    def count_wait(self, model: Model, longest: float, began: float) -> None:
        """A request that began then has given all its draws; nothing where a length is not told."""
        if longest > 0:
            self.waited_tokens[model.fingerprint] += int(longest)
            self.waited_seconds[model.fingerprint] += self.now() - began

    def _tick(self) -> None:
        """Share out the time since the last change in who is at work."""
        now = self.now()
        at_work = [one for one, requests in self._asked.items() if requests]
        for one in at_work:
            self.seconds[one] += (now - self._since) / len(at_work)
        self._since = now

    def write(self, store: Ledger, run_id: str) -> None:
        """Write down what each model did since this clock was made."""
        rows = [
            {
                "run_id": run_id,
                "model_fingerprint": one,
                "at": datetime.now(UTC),
                "tokens": tokens,
                "seconds": self.seconds[one],
                "waited_tokens": self.waited_tokens[one] or None,
                "waited_seconds": self.waited_seconds[one] or None,
            }
            for one, tokens in self.tokens.items()
            if tokens
        ]
        if rows:
            waits = {"waited_tokens": pl.Int64, "waited_seconds": pl.Float64}
            store.append("paces", pl.DataFrame(rows, schema_overrides=waits))


def seconds_a_waited_token(store: Reader, run_id: str, model: Model) -> float | None:
    """Seconds that a request waited a token of its longest draw, in this run or the latest.

    At the load of that run; None where it was never measured.
    """
    paces = store.read(
        "SELECT sum(waited_seconds) / sum(waited_tokens) FROM paces "
        "WHERE model_fingerprint = $model AND waited_tokens > 0 "
        'GROUP BY run_id ORDER BY run_id = $run_id DESC, max("at") DESC LIMIT 1',
        model=model.fingerprint,
        run_id=run_id,
    )
    return float(paces.item()) if len(paces) else None


def seconds_a_token(store: Reader, run_id: str, model: Model) -> float | None:
    """Seconds that a token of the model took in this run, or in the latest that asked it.

    None where it was never measured.
    """
    # This run comes first; of the others the latest, as a machine changes with time.
    paces = store.read(
        "SELECT sum(seconds) / sum(tokens) FROM paces WHERE model_fingerprint = $model "
        'GROUP BY run_id ORDER BY run_id = $run_id DESC, max("at") DESC LIMIT 1',
        model=model.fingerprint,
        run_id=run_id,
    )
    return float(paces.item()) if len(paces) else None


def generated_a_second(store: Reader, model: Model) -> float | None:
    """Tokens generated a second of engine time in the latest run of this generator.

    Without one in the latest of any; None: never measured. Verifiers' time counts, their tokens do
    not. Time in which no engine was asked, as while an earlier run's draws are read, does not count
    either.
    """
    pace = store.read(
        "SELECT sum(paces.tokens) FILTER (WHERE paces.model_fingerprint IN "
        "(runs.model_fingerprint, runs.reviser_fingerprint, runs.larger_fingerprint)) "
        "/ sum(paces.seconds) AS pace "
        "FROM paces JOIN runs USING (run_id) GROUP BY run_id, runs.model_fingerprint "
        "HAVING pace > 0 "
        'ORDER BY runs.model_fingerprint = $model DESC, max(paces."at") DESC LIMIT 1',
        model=model.fingerprint,
    )
    return float(pace.item()) if len(pace) else None
