"""What a chat completion says: texts, why they ended, and what they took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from tasks.endpoints.statuses import Complaint
from tasks.models.thinking import Marks
from tasks.protocols import Draw, Stop

_CALLED = ("tool_calls", "function_call")
"""No tool was offered: a model that calls one has ended its turn without an answer."""
_ENDED = frozenset(("stop", "eos", "eos_token", "stop_sequence", "end_turn", "refusal", *_CALLED))
_CUT = frozenset(("length", "max_tokens", "model_length", "content_filter"))
"""The last is cut by the server: whatever it says so far is no whole completion."""
_CUT_BEFORE = ("content_filter", "output limit was reached")
"""What servers say who give no reply at all to what they cut."""


class Usage(NamedTuple):
    """Tokens of one reply, over all its choices; NaN where the server does not tell."""

    prompt: float
    generated: float
    cached: float
    thinking: float
    """Of the generated ones."""


_MOST_TOKENS = 2**31 - 1
"""Of one reply: a hundred times the longest context that is known, and what a column holds."""
UNTOLD = Usage(math.nan, math.nan, math.nan, math.nan)


class Said(NamedTuple):
    """One choice."""

    thinking: str
    """What a server gives apart as the model's reasoning."""
    content: str
    stop: Stop


class ChatReply(NamedTuple):
    """A reply, its choices in the order of their index."""

    model: str
    """Who answered, as the server calls it."""
    said: list[Said]
    usage: Usage


class _Part(BaseModel):
    type: str = "text"
    text: str = ""
    thinking: list[_Part] | str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(BaseModel):
    index: int = 0
    message: _Message
    finish_reason: str | None


class _Details(BaseModel):
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Reply(BaseModel):
    model: str | None = None
    choices: list[_Choice]
    usage: _Usage | None = None


def read_chat(content: bytes, n: int) -> ChatReply:
    """The reply to a request for n draws; ValueError for one that is none.

    A server that ignores `n` gives fewer.
    """
    reply = _Reply.model_validate_json(content)
    choices = sorted(reply.choices, key=lambda choice: choice.index)
    if not 1 <= len(choices) <= n:
        raise ValueError(f"expected 1 to {n} choices, got {len(choices)}")
    said = [_said(choice) for choice in choices]
    return ChatReply(reply.model or "", said, _read_usage(reply.usage or _Usage()))


def cut_before(complaint: Complaint) -> bool:
    """Whether a server that gave no reply cut what the model said, rather than refused to ask."""
    return complaint.status == 400 and any(word in complaint.words for word in _CUT_BEFORE)


def draws_of(reply: ChatReply, marks: Marks, *, limit: int) -> list[Draw]:
    """The draws of a reply; what it took in all is shared among them.

    A choice cut at the limit took just so many tokens; the others share the rest by the length of
    their texts, and what is thinking likewise by the length of that.
    """
    generated = _share(reply, limit)
    thinking = _split(reply.usage.thinking, [len(said.thinking) for said in reply.said])
    draws: list[Draw] = []
    for said, tokens, thought in zip(reply.said, generated, thinking, strict=True):
        text = _write(said, marks)
        counted = None if math.isnan(thought) else int(min(thought, tokens))
        draws.append(Draw(None, text, said.stop, tokens, counted))
    return draws


def _write(said: Said, marks: Marks) -> str:
    """A choice in one text, its thinking in the marks that formats know."""
    # Some servers give the thinking twice: apart, and where the model wrote it.
    if not said.thinking or said.content.lstrip().startswith(marks.begin):
        return said.content
    # Cut while it thought: an end would call what follows an answer.
    if said.stop == "limit" and not said.content:
        return f"{marks.begin}{said.thinking}"
    return f"{marks.begin}{said.thinking}{marks.end}{said.content}"


def _share(reply: ChatReply, limit: int) -> list[float]:
    total = reply.usage.generated
    lengths = [len(said.thinking) + len(said.content) + 1 for said in reply.said]
    is_cut = [said.stop == "limit" for said in reply.said]
    rest = total - limit * sum(is_cut)
    # All cut, or more said to be cut than the sum allows: then their texts are all there is.
    if math.isnan(total) or all(is_cut) or rest < len(is_cut) - sum(is_cut):
        return _split(total, lengths)
    others = [length for length, cut in zip(lengths, is_cut, strict=True) if not cut]
    shares = iter(_split(rest, others))
    return [float(limit) if cut else next(shares) for cut in is_cut]


def _split(total: float, weights: Sequence[int]) -> list[float]:
    """Whole parts of a total, as near to these weights as they can be; NaN of an unknown one."""
    if math.isnan(total):
        return [math.nan] * len(weights)
    whole = sum(weights) or 1
    exact = [total * weight / whole for weight in weights]
    parts = [math.floor(part) for part in exact]
    # The largest remainders get what rounding down left over; ties go in order.
    left = int(total) - sum(parts)
    order = sorted(range(len(parts)), key=lambda place: parts[place] - exact[place])
    for place in order[:left]:
        parts[place] += 1
    return [float(part) for part in parts]


def _said(choice: _Choice) -> Said:
    message = choice.message
    thinking = message.reasoning_content or message.reasoning or ""
    content = message.content
    if isinstance(content, list):
        thinking = thinking or "".join(_text(part.thinking) for part in content)
        content = "".join(part.text for part in content)
    return Said(thinking, content or message.refusal or "", _stop(choice.finish_reason))


def _text(parts: list[_Part] | str) -> str:
    if isinstance(parts, str):
        return parts
    return "".join(part.text for part in parts)


def _stop(reason: str | None) -> Stop:
    if reason in _ENDED:
        return "end"
    if reason in _CUT:
        return "limit"
    known = ", ".join(sorted(_ENDED | _CUT))
    raise ValueError(f"finish_reason: expected one of {known}, got {reason!r}")


def _read_usage(usage: _Usage) -> Usage:
    generated = _known(usage.completion_tokens)
    prompt = _known(usage.prompt_tokens)
    thinking = _known(_detail(usage.completion_tokens_details, "reasoning_tokens"))
    # Some servers count thinking beside what they call the completion: the total shows it.
    apart = _known(usage.total_tokens) - prompt - generated
    if thinking > 0 and apart == thinking:
        generated += thinking
    cached = _known(_detail(usage.prompt_tokens_details, "cached_tokens"))
    # More than there are: what cannot be is not told.
    if cached > prompt:
        cached = math.nan
    if thinking > generated:
        thinking = math.nan
    return Usage(prompt, generated, cached, thinking)


def _detail(details: _Details | None, name: str) -> Any:
    return getattr(details, name) if details else None


def _known(tokens: int | None) -> float:
    """A count; NaN where none was told, or one that no reply can have."""
    if tokens is None or not 0 <= tokens <= _MOST_TOKENS:
        return math.nan
    return float(tokens)
