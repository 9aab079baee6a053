"""Draws from a language model behind one or many OpenAI-compatible servers (`vllm serve`)."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tasks.endpoints.completions import COMPLETIONS, Choice, Completions, read_completions
from tasks.endpoints.keys import Key
from tasks.engines.replica import Call, Limits
from tasks.engines.replicas import Replicas
from tasks.engines.stepwise import Answer, draw_in_pieces
from tasks.models.formats import Format
from tasks.protocols import Draw, Reply, Sampling, Stop, TokenIds
from tasks.statistics.confidence.tokens import TOP

TOGETHER = 1024
"""Tokens that the children of one request may have together.

A request costs the server about as much as twenty tokens of a small model, and comes when the last
of its children ends: what a server that dies has not sent is drawn anew.
"""
_IDS = 2**31
"""Token ids are kept as integers of 32 bits, of which one is the sign."""
_NEUTRAL = {
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""Said outright: a server takes what is not said from the model's generation_config.json."""


class HttpGenerator:
    """An Engine: requests of a few children each, at the least loaded replica; more where a step
    goes on.

    `model` is the name the servers give the model. Over token ids, vLLM draws child i under
    seed + i as in process, so the draws are the same ones.
    """

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        format: Format,
        *,
        limits: Limits | None = None,
        key: Key | None = None,
        confident: bool = False,
        outputs: int | None = None,
    ) -> None:
        """`confident`: it tells how sure the model was of whole completions.

        `outputs` are the tokens that the model has; None: not known, whatever 32 bits hold.
        """
        self._confident = confident
        self._outputs = outputs or _IDS
        self._model = model
        self._format = format
        self._replicas = Replicas(urls, self._probe(), limits=limits, key=key)
        self.generated_tokens = 0
        """Tokens of all replies used, by the servers' token ids."""

    def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n children of the prefix; cached tokens are 0 where a server does not tell.

        vLLM tells them when started with --enable-prompt-tokens-details.
        """
        pieces = _pieces(n, sampling.max_tokens)
        steps = self._format.steps
        return draw_in_pieces(
            self._request, prefix, pieces, sampling=sampling, seed=seed, steps=steps
        )

    async def _request(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> Answer:
        stops = self._format.end_of_text
        if sampling.until == "step":
            stops = stops | self._format.steps.stops
        body = self._body(prefix, n, sampling, stops=stops) | {"seed": seed}

        def read(content: bytes) -> Answer:
            return self._answer(content, body, prefix, sampling)

        tokens = len(prefix) + n * sampling.max_tokens
        answer = await self._replicas.ask(Call(COMPLETIONS, body, read, tokens))
        self.generated_tokens += sum(int(draw.tokens) for draw in answer.draws)
        return answer

    def _answer(
        self, content: bytes, body: Mapping[str, Any], prefix: Sequence[int], sampling: Sampling
    ) -> Answer:
        """The draws of a reply; ValueError for one that another replica may give better."""
        reply = read_completions(content, body)
        draws = [self._format.cut(self._read(choice), prefix) for choice in reply.choices]
        if self._tells(sampling):
            sure = [choice.confidence(sampling) for choice in reply.choices]
            draws = [draw._replace(confidence=one) for draw, one in zip(draws, sure, strict=True)]
        n = len(draws)
        # A server tells of one child; those of a request that has several were read alike.
        return Answer(draws, n * len(prefix), n * reply.cached_tokens)

    async def close(self) -> None:
        """Close the connections; the servers go on."""
        await self._replicas.close()

    @property
    def in_flight(self) -> int:
        """Requests that wait for a server's reply."""
        return self._replicas.in_flight

    @property
    def aside(self) -> list[str]:
        """Addresses of the replicas that are set aside, after failures in a row or frozen."""
        return self._replicas.aside

    def _probe(self) -> Call[Completions]:
        """One token of two draws, with all the fields of a request: whether they are honoured."""
        # Token 0 exists in every vocabulary.
        sampling = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=1, until="end")
        body = self._body([0], 2, sampling, stops=self._format.end_of_text) | {"seed": 0}
        return Call(COMPLETIONS, body, lambda content: read_completions(content, body), tokens=3)

    def _body(
        self, prefix: Sequence[int], n: int, sampling: Sampling, *, stops: frozenset[int]
    ) -> dict[str, Any]:
        return {
            "model": self._model,
            "prompt": list(prefix),
            "n": n,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "max_tokens": sampling.max_tokens,
            "stop_token_ids": sorted(stops),
            **self._texts_to_stop_at(),
            **self._likeliest(sampling),
            # Text alone would not do: encoded again it may give other tokens than were drawn.
            "return_token_ids": True,
            **_NEUTRAL,
        }

    def _tells(self, sampling: Sampling) -> bool:
        return self._confident and sampling.until == "end"

    def _likeliest(self, sampling: Sampling) -> dict[str, Any]:
        if not self._tells(sampling):
            return {}
        # By id: two tokens of one text would be one key.
        return {"logprobs": TOP, "return_tokens_as_token_ids": True}

    def _texts_to_stop_at(self) -> dict[str, Any]:
        texts = list(self._format.stops)
        # With its text: which of its tokens are kept is decided here.
        return {"stop": texts, "include_stop_str_in_output": True} if texts else {}

    def _read(self, choice: Choice) -> Draw:
        token_ids = self._known(choice.token_ids or ())
        ended = choice.finish_reason == "stop" and token_ids[-1] in self._format.end_of_text
        # The end token is paid for and not kept: a prefix that goes on must not hold it.
        kept = token_ids[:-1] if ended else token_ids
        stop: Stop = "end" if ended else "step"
        if choice.finish_reason == "length":
            stop = "limit"
        return Draw(kept, self._format.steps.text(kept), stop, len(token_ids))

    def _known(self, token_ids: Sequence[int]) -> TokenIds:
        """The ids; ValueError where the model has no such token.

        A draw that holds one could not be asked to go on: every server refuses such a prompt.
        """
        unknown = next((one for one in token_ids if not 0 <= one < self._outputs), None)
        if unknown is not None:
            raise ValueError(f"expected token ids from 0 to {self._outputs - 1:,}, got {unknown}")
        return array("i", token_ids)


def _pieces(n: int, max_tokens: int) -> list[range]:
    """The places of n children, by the requests that ask for them.

    The first goes alone: it may be the one that finds the prompt in no cache.
    """
    most = max(1, TOGETHER // max_tokens)
    starts = [0, *range(1, n, most)]
    return [range(start, end) for start, end in pairwise([*starts, n])]
