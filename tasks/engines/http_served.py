"""A verifier's model behind one or many OpenAI-compatible servers (`vllm serve`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from tasks.endpoints.completions import COMPLETIONS, Completions, read_completions
from tasks.endpoints.keys import Key
from tasks.engines.replica import Call, Limits
from tasks.engines.replicas import Replicas

POOLING = "/pooling"


class HttpServed:
    """A Served model: a language model, or with `head` one whose head is read at every token.

    Servers of the latter are started with --runner pooling and
    --pooler-config '{"task": "token_classify", "tok_pooling_type": "ALL"}'.
    """

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        *,
        head: bool,
        limits: Limits | None = None,
        key: Key | None = None,
    ) -> None:
        self._model = model
        probe: Call[Any] = self._pooling([0]) if head else self._probe()
        self._replicas = Replicas(urls, probe, limits=limits, key=key)
        self.read_tokens = 0
        """Tokens of all requests that were answered."""

    async def head_rows(self, token_ids: Sequence[int], places: Sequence[int]) -> list[list[float]]:
        """Raw outputs (logits) of the head at the tokens with these offsets, one row a place."""
        rows = await self._replicas.ask(self._pooling(token_ids))
        self.read_tokens += len(token_ids)
        return [rows[place] for place in places]

    async def next_logprobs(self, token_ids: Sequence[int], wanted: Sequence[int]) -> list[float]:
        """Log-probabilities of the wanted tokens as the one that follows.

        -9999 stands for minus infinity.
        """
        body = self._one_token(token_ids) | _wanted_logprobs(wanted)

        def read(content: bytes) -> list[float]:
            return _next_logprobs(read_completions(content, body), wanted)

        return await self._ask(body, read)

    async def token_logprobs(self, token_ids: Sequence[int]) -> list[float]:
        """Log-probability of every token but the first; -9999 stands for minus infinity."""
        body = self._one_token(token_ids) | {"prompt_logprobs": 0}

        def read(content: bytes) -> list[float]:
            return _prompt_logprobs(read_completions(content, body), token_ids)

        return await self._ask(body, read)

    async def close(self) -> None:
        """Close the connections; the servers go on."""
        await self._replicas.close()

    async def _ask(self, body: dict[str, Any], read: Any) -> list[float]:
        tokens = len(body["prompt"]) + 1
        logprobs: list[float] = await self._replicas.ask(Call(COMPLETIONS, body, read, tokens))
        self.read_tokens += len(body["prompt"])
        return logprobs

    def _probe(self) -> Call[None]:
        """One token with all that is read of a reply: whether the server gives it."""
        # Token 0 exists in every vocabulary.
        token_ids = [0, 0]
        body = self._one_token(token_ids) | _wanted_logprobs([0]) | {"prompt_logprobs": 0}

        def read(content: bytes) -> None:
            reply = read_completions(content, body)
            _next_logprobs(reply, [0])
            _prompt_logprobs(reply, token_ids)

        return Call(COMPLETIONS, body, read, len(token_ids) + 1)

    def _one_token(self, token_ids: Sequence[int]) -> dict[str, Any]:
        return {
            "model": self._model,
            "prompt": list(token_ids),
            "max_tokens": 1,
            "temperature": 0.0,
        }

    def _pooling(self, token_ids: Sequence[int]) -> Call[list[list[float]]]:
        body = {
            "model": self._model,
            "input": list(token_ids),
            "task": "token_classify",
            # Logits: which activation makes them a score is a matter of the verifier format.
            "use_activation": False,
        }

        def read(content: bytes) -> list[list[float]]:
            return _rows(content, self._model, len(token_ids))

        return Call(POOLING, body, read, len(token_ids))


def _wanted_logprobs(wanted: Sequence[int]) -> dict[str, Any]:
    """Fields that ask for the log-probabilities of these tokens."""
    return {
        "logprobs": len(wanted),
        "logprob_token_ids": list(wanted),
        # By id: two tokens may have the same text.
        "return_tokens_as_token_ids": True,
    }


class _Pooled(BaseModel):
    data: list[list[float]]


class _Pooling(BaseModel):
    model: str
    data: list[_Pooled]


def _rows(content: bytes, model: str, count: int) -> list[list[float]]:
    """One row of logits a token; ValueError for a reply to another request."""
    reply = _Pooling.model_validate_json(content)
    if reply.model != model:
        raise ValueError(f"model: expected {model}, got {reply.model}")
    counts = [len(one.data) for one in reply.data]
    # One row in all is what a server gives that pools over the whole text.
    if counts != [count]:
        raise ValueError(
            f"expected a row for each of {count} tokens, got {counts}; the server needs "
            '--pooler-config \'{"task": "token_classify", "tok_pooling_type": "ALL"}\''
        )
    return reply.data[0].data


def _next_logprobs(reply: Completions, wanted: Sequence[int]) -> list[float]:
    (first, *_) = reply.choices[0].likeliest or [dict[str, float]()]
    missing = [token for token in wanted if f"token_id:{token}" not in first]
    if missing:
        raise ValueError(
            f"expected the log-probabilities of tokens {list(wanted)}, got none of {missing}"
        )
    return [first[f"token_id:{token}"] for token in wanted]


def _prompt_logprobs(reply: Completions, token_ids: Sequence[int]) -> list[float]:
    rows = reply.choices[0].prompt_logprobs or []
    if len(rows) != len(token_ids):
        raise ValueError(f"expected log-probabilities of {len(token_ids)} tokens, got {len(rows)}")
    logprobs: list[float] = []
    # The first token follows nothing, so that its row is None.
    for token, row in zip(token_ids[1:], rows[1:], strict=True):
        if row is None or token not in row:
            raise ValueError(
                "expected the log-probability of every token but the first, some are missing"
            )
        logprobs.append(row[token].logprob)
    return logprobs
