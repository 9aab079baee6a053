import asyncio
import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import FORMAT, STEP, WHOLE, Bench

from tasks.models.pieces import Writing
from tasks.models.stops import cut_at_stop
from tasks.protocols import Draw

STOP = "\nQ:"
PIECES = ("a", "b", "\n", "Q", ":", "\nQ", "b\n", ".\n\n", "Q:", "\nQ:", "é")
WRITING = Writing({token: piece.encode() for token, piece in enumerate(PIECES)}, {})


def draw_of(*pieces: str, stop: str = "limit") -> Draw:
    token_ids = tuple(map(PIECES.index, pieces))
    return Draw(token_ids, "".join(pieces), stop, len(pieces) + 1)  # type: ignore[arg-type]


def cut(draw: Draw, *before: str) -> Draw:
    return cut_at_stop(draw, [PIECES.index(one) for one in before], stops=[STOP], writing=WRITING)


@pytest.mark.parametrize(
    ("before", "written", "kept"),
    [
        ((), ("a", "\n", "Q", ":", "b"), ("a",)),
        ((), ("a", "\nQ", ":", "b"), ("a",)),
        # A token that holds more before the stop is kept: it may close a box.
        ((), ("a", "b\n", "Q:", "a"), ("a", "b\n")),
        ((), ("a", ".\n\n", "Q", ":"), ("a", ".\n\n")),
        # Begun in the step before.
        (("a", "\n"), ("Q", ":", "b"), ()),
        (("a", "\nQ"), (":", "b"), ()),
        # The first one counts.
        ((), ("a", "\nQ:", "b", "\nQ:"), ("a",)),
    ],
)
def test_a_completion_is_over_where_a_stop_begins(
    before: tuple[str, ...], written: tuple[str, ...], kept: tuple[str, ...]
):
    draw = cut(draw_of(*written), *before)
    assert draw == Draw(draw_of(*kept).token_ids, "".join(kept), "end", len(written) + 1)


def test_a_stop_of_the_prompt_ends_nothing():
    draw = draw_of("a", "b", stop="step")
    assert cut(draw, "\nQ:", "a") is draw
    assert cut(draw, "\nQ:") is draw
    assert cut(draw_of("a", "\n", "Q", "a")) == draw_of("a", "\n", "Q", "a")


@given(
    before=st.lists(st.sampled_from(PIECES), max_size=5),
    written=st.lists(st.sampled_from(PIECES), min_size=1, max_size=8),
)
def test_a_cut_equals_reading_token_by_token(before: list[str], written: list[str]):
    draw = draw_of(*written)
    prompt = "".join(before)
    met = next(
        (n for n in range(1, len(written) + 1) if STOP in _new(prompt, "".join(written[:n]))), None
    )
    after = cut(draw, *before)
    if met is None:
        assert after is draw
        return
    assert after.stop == "end" and after.tokens == draw.tokens
    place = (prompt + "".join(written)).index(STOP, max(0, len(prompt) - len(STOP) + 1))
    said = "".join(written)[: max(0, place - len(prompt))]
    # The fewest tokens that say all that stands before the stop.
    assert after.text.startswith(said)
    assert not said or len(after.text) - len(said) < len(written[len(after.token_ids) - 1])


def _new(prompt: str, written: str) -> str:
    """The text in which a stop must end behind the prompt."""
    return prompt[len(prompt) - min(len(prompt), len(STOP) - 1) :] + written


def endless(_: tuple[int, ...], rng: random.Random) -> str:
    return rng.choice(["x\n", "Answer: a\n\nQ: y\n", "Q: z\n"])


@pytest.mark.parametrize("sampling", [WHOLE, STEP])
def test_engines_end_a_draw_there_and_pay_for_what_was_written(sampling):
    form = dataclasses.replace(FORMAT, stops=("\nQ:",))
    bench = Bench(endless, form=form)

    async def draw() -> list[str]:
        nodes = await bench.sampler.children(bench.root, 40, sampling=sampling)
        ended: list[str] = []
        while nodes:
            ended += [node.text for node in nodes if node.stop == "end"]
            open_ones = [node for node in nodes if node.extendable][:20]
            drawn = [await bench.sampler.children(node, 1, sampling=sampling) for node in open_ones]
            nodes = [child for one in drawn for child in one]
        return ended

    ended = asyncio.run(draw())
    assert len(ended) > 10
    assert not any("\nQ:" in text for text in ended)
    assert bench.engine.generated_tokens == sum(new.draw.tokens for new in bench.draws)
