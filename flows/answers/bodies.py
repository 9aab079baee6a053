"""Bodies of requests, as OpenAI's clients send them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel


def _check_text(text: str) -> str:
    """The text; ValueError for what is none: half a character of UTF-16 stands for nothing."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("expected text, got a lone surrogate in it") from error
    return text


Text = Annotated[str, AfterValidator(_check_text)]


class Part(BaseModel):
    """A piece of a message's content."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """One turn of a dialogue."""

    role: str
    content: Text | list[Part]

    @property
    def text(self) -> str:
        """The content as one text; clients send it whole or in parts."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """What a stream holds beside the answer."""

    include_usage: bool = False
    """A last chunk with the tokens."""


class Asked(BaseModel):
    """What both endpoints take; how completions are sampled is the policy's to say."""

    model: str | None = None
    budget: int | None = None
    """Generations allowed on the question."""
    # Refused and not ignored: a client that asks for several choices would wait for them.
    n: Literal[1] = 1
    stream: bool = False
    stream_options: StreamOptions | None = None


class ChatAsked(Asked):
    """Body of /v1/chat/completions."""

    messages: list[Message]


class CompletionAsked(Asked):
    """Body of /v1/completions."""

    prompt: Text
