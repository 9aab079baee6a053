"""Completions under a cap on thinking, made of whole ones (METHOD §12)."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import FORMAT, WHOLE, Bench, by_letter

from tasks.asking.capped import cap_thinking, look_again
from tasks.draws.nodes import Node
from tasks.models.thinking import Marks, Thinking
from tasks.models.thinking_caps import Cap, check_words
from warehouse.errors import UserError

# Every character is a token.
THINKS = dataclasses.replace(
    FORMAT,
    thinking=Thinking((Marks("[", "]"),), is_begun=True),
    thinks=True,
    forced_end="{end}\n",
    go_on="+",
)
WIDE = dataclasses.replace(THINKS, thinking=Thinking((Marks("<<", ">>"),), is_begun=True))
LONG = dataclasses.replace(WHOLE, max_tokens=30)


def benched(texts: Sequence[str], answers: Sequence[str] = ("a",), form=THINKS) -> Bench:
    """Draws these texts from the question, and these answers from whatever is cut; in turn."""
    asked: dict[tuple[int, ...], int] = {}

    def law(prefix: tuple[int, ...], _: random.Random) -> str:
        given = answers if len(prefix) > 1 else texts
        place = asked.get(prefix, 0)
        asked[prefix] = place + 1
        return given[place % len(given)]

    return Bench(law, by_letter, form=form)


async def capped(bench: Bench, n: int, cap: Cap) -> list[Node]:
    traces = await bench.sampler.children(bench.root, n, sampling=LONG)
    return await cap_thinking(bench.sampler, bench.form, traces, cap, sampling=LONG, replicate=0)


async def test_what_ends_its_thinking_within_the_cap_is_the_completion_itself() -> None:
    bench = benched(["abc]\nA<end>"])
    (trace,) = await bench.sampler.children(bench.root, 1, sampling=LONG)
    # The mark that ends it counts: four tokens of thinking.
    assert await capped(bench, 1, Cap(4, 3)) == [trace]
    assert len(bench.draws) == 1
    again = look_again(trace, THINKS.thinking)
    assert (again.forced, again.prompt_tokens, again.cached_tokens) == (False, 0, 0)


async def test_a_trace_is_cut_and_its_answer_drawn_behind_the_mark() -> None:
    bench = benched(["abc]\nA<end>"], ["B<end>"])
    (node,) = await capped(bench, 1, Cap(2, 3))
    assert node.text == "ab]\nB"
    # Two of thinking, the answer and the end of text; what is written in between is not generated.
    assert (node.generated_tokens, node.stop) == (4, "end")
    answer = bench.draws[-1]
    assert (answer.role, answer.draw.text, answer.draw.tokens) == ("answer", "B", 2)
    assert answer.sampling == dataclasses.replace(LONG, max_tokens=3)
    # Its request reads "?ab]\n": the question and the trace are there, the two tokens are new.
    again = look_again(node, THINKS.thinking)
    assert (again.forced, again.prompt_tokens, again.cached_tokens) == (True, 5, 3)


async def test_a_cap_of_no_tokens_answers_at_once() -> None:
    (node,) = await capped(benched(["abc]\nA<end>"], ["B<end>"]), 1, Cap(0, 3))
    assert (node.text, node.generated_tokens) == ("]\nB", 2)


async def test_answers_longer_than_what_is_reserved_are_cut() -> None:
    # Its own answer has what thinking left: four in all, of which `a]` are two.
    bench = benched(["a]\nAAAA<end>"])
    (node,) = await capped(bench, 1, Cap(2, 2))
    assert (node.text, node.stop, node.generated_tokens) == ("a]\nA", "limit", 4)
    # A forced one has just what is reserved.
    bench = benched(["abc]\n<end>"], ["BBBB<end>"])
    (node,) = await capped(bench, 1, Cap(1, 2))
    assert (node.text, node.stop, node.generated_tokens) == ("a]\nBB", "limit", 3)


async def test_a_cut_completion_is_another_node_than_a_whole_one_of_the_same_text() -> None:
    # The second ends after the tokens at which the first is cut, and may have an answer.
    bench = benched(["a]\nAB<end>", "a]\nA<end>"])
    _, whole = await capped(bench, 2, Cap(3, 2))
    assert (whole.text, whole.stop) == ("a]\nA", "end")
    first, _ = await capped(bench, 2, Cap(2, 2))
    assert (first.text, first.stop) == ("a]\nA", "limit")
    assert first.key != whole.key


async def test_traces_that_are_cut_alike_get_answers_of_their_own() -> None:
    bench = benched(["abc]<end>", "abd]<end>", "axx]<end>"], ["B<end>", "C<end>"])
    nodes = await capped(bench, 3, Cap(2, 2))
    assert [node.text for node in nodes] == ["ab]\nB", "ab]\nC", "ax]\nB"]
    children = [(new.parent.text, new.child) for new in bench.draws if new.role == "answer"]
    assert children == [("ab]\n", 0), ("ab]\n", 1), ("ax]\n", 0)]
    # The first two of a larger pool are those of a smaller one.
    fewer = await capped(bench, 2, Cap(2, 2))
    assert fewer == nodes[:2]
    assert len(bench.draws) == 6


async def test_caps_share_the_trace() -> None:
    bench = benched(["abcdefgh]\nA<end>"], ["B<end>"])
    for tokens in (1, 2, 4, 8, 9):
        await capped(bench, 1, Cap(tokens, 4))
    whole = [new for new in bench.draws if new.role == "proposer"]
    assert len(whole) == 1
    assert [new.parent.text for new in bench.draws[1:]] == [
        "a]\n", "ab]\n", "abcd]\n", "abcdefgh]\n"
    ]  # fmt: skip


async def test_a_mark_in_which_the_cap_falls_is_not_written_twice() -> None:
    bench = benched(["ab>>\nA<end>"], ["B<end>"], form=WIDE)
    (node,) = await capped(bench, 1, Cap(3, 3))
    assert node.text == "ab>>\nB"
    assert node.generated_tokens == 4


async def test_what_has_not_begun_to_think_yet_gets_both_marks() -> None:
    form = dataclasses.replace(THINKS, thinking=Thinking((Marks("[", "]"),)))
    bench = benched(["ab[cd]\nA<end>"], ["B<end>"], form=form)
    (node,) = await capped(bench, 1, Cap(1, 3))
    assert node.text == "a[]\nB"
    # Thinking is counted from a completion's beginning on, as everywhere.
    (node,) = await capped(bench, 1, Cap(6, 3))
    assert node.text == "ab[cd]\nA"


async def test_an_answer_that_thinks_again_is_cut_there() -> None:
    bench = benched(["abc]\nA<end>"], ["B[cc]C<end>"])
    (node,) = await capped(bench, 1, Cap(1, 8))
    assert (node.text, node.stop, node.generated_tokens) == ("a]\nB", "limit", 2)


async def test_thinking_that_ends_early_goes_on_behind_a_word() -> None:
    bench = benched(["ab]\nA<end>"], ["cd]\nB<end>"])
    (node,) = await capped(bench, 1, Cap(9, 3, extend=1))
    assert (node.text, node.generated_tokens) == ("ab+cd]\nB", 2 + 6)
    # Three of nine are thought, the word is one of them: six and the answer are left.
    extension = bench.draws[-1]
    assert extension.role == "extension"
    assert extension.sampling == dataclasses.replace(LONG, max_tokens=6 + 3)
    again = look_again(node, THINKS.thinking)
    assert (again.forced, again.prompt_tokens, again.cached_tokens) == (False, 4, 3)


async def test_what_goes_on_is_cut_at_the_cap_like_all_else() -> None:
    bench = benched(["ab]\nA<end>"], ["cdef]\nB<end>", "C<end>"])
    (node,) = await capped(bench, 1, Cap(5, 3, extend=1))
    # Two, the word, and two more are five.
    assert (node.text, node.generated_tokens) == ("ab+cd]\ncde", 2 + 2 + 3)
    assert [new.role for new in bench.draws] == ["proposer", "extension", "answer"]
    assert look_again(node, THINKS.thinking).forced


async def test_a_cap_without_room_for_a_word_and_a_token_extends_nothing() -> None:
    bench = benched(["ab]\nA<end>"])
    (node,) = await capped(bench, 1, Cap(3, 3, extend=4))
    assert node.text == "ab]\nA"


PIECES = st.sampled_from(["a", "b\n", "<<", ">>", "<", ">", "é"])
TEXTS = st.lists(PIECES, min_size=1, max_size=12).map("".join)


def thought(text: str) -> int:
    """Characters up to the end of the last thinking, as one reads them; begun by the prompt."""
    end = text.rfind(">>")
    begin = text.rfind("<<")
    return len(text) if end < 0 or begin > end else end + 2


@given(
    traces=st.lists(TEXTS, min_size=1, max_size=4),
    answer=st.text("ab\n", max_size=4),
    tokens=st.integers(0, 10),
    reserved=st.integers(1, 6),
)
async def test_every_completion_is_as_its_trace_says(
    traces: list[str], answer: str, tokens: int, reserved: int
) -> None:
    bench = benched([f"{one}<end>" for one in traces], [f"{answer}<end>"], form=WIDE)
    nodes = await capped(bench, len(traces), Cap(tokens, reserved))
    for trace, node in zip(traces, nodes, strict=True):
        # The end of text is a token of thinking that never ends.
        limit = tokens + reserved
        said = trace[:limit]
        never_ends = thought(said) == len(said) and not said.endswith(">>")
        spent = thought(said) + (never_ends and len(trace) < limit)
        if spent <= tokens:
            is_whole = len(trace) + 1 <= limit
            assert node.text == (trace if is_whole else trace[:limit])
            assert node.generated_tokens == min(len(trace) + 1, limit)
            assert node.stop == ("end" if is_whole else "limit")
            continue
        assert look_again(node, WIDE.thinking).forced
        kept = node.parent.generated_tokens
        assert tokens - 1 <= kept <= tokens
        assert node.text.startswith(trace[: int(kept)])
        end = (answer + "\0")[:reserved].rstrip("\0")
        assert node.text.endswith(f">>\n{end}")
        assert node.generated_tokens == kept + min(len(answer) + 1, reserved)
        assert WIDE.final(node.text) == f"\n{end}"


@given(
    traces=st.lists(TEXTS, min_size=1, max_size=4),
    tokens=st.integers(0, 10),
    reserved=st.integers(1, 6),
    extend=st.integers(0, 2),
)
async def test_what_a_trace_says_beyond_the_cap_and_the_answer_changes_nothing(
    traces: list[str], tokens: int, reserved: int, extend: int
) -> None:
    cap = Cap(tokens, reserved, extend)
    texts = [f"{one}<end>" for one in traces]
    whole = await capped(benched(texts, ["b"], WIDE), len(traces), cap)
    short = benched(texts, ["b"], WIDE)
    asked = dataclasses.replace(LONG, max_tokens=tokens + reserved)
    begun = await short.sampler.children(short.root, len(traces), sampling=asked)
    nodes = await cap_thinking(short.sampler, WIDE, begun, cap, sampling=LONG, replicate=0)
    # Not their keys: one that was shortened has another than one that was drawn so.
    assert [seen(node) for node in nodes] == [seen(node) for node in whole]


def seen(node: Node) -> tuple[str, str | None, float, bool]:
    forced = look_again(node, WIDE.thinking).forced
    return node.text, node.stop, node.generated_tokens, forced


@given(TEXTS, st.integers(0, 8), st.integers(1, 4), st.integers(0, 3))
async def test_nobody_thinks_longer_than_the_cap(
    trace: str, tokens: int, reserved: int, extend: int
) -> None:
    bench = benched([f"{trace}<end>"], [f"b{trace}<end>"], form=WIDE)
    (node,) = await capped(bench, 1, Cap(tokens, reserved, extend))
    line = node.line()
    given = sum(one.given for one in line)
    drawn = node.generated_tokens
    assert drawn <= tokens + reserved
    if look_again(node, WIDE.thinking).forced:
        assert line[-2].generated_tokens <= tokens
        # Nor is it read so: its answer holds no mark up to which all would be thinking.
        assert thought(node.text) <= len(line[-2].text)
    else:
        assert min(thought(node.text), drawn + given) <= max(tokens, 0)


async def test_a_replay_asks_nobody() -> None:
    bench = benched(["abc]\nA<end>", "a]\nAB<end>"], ["cd]\nB<end>", "C<end>"])
    for cap in (Cap(2, 3), Cap(3, 4, extend=1)):
        nodes = await capped(bench, 2, cap)
        known = [(new.key, new.child, new.kept) for new in bench.draws]
        replayed = Bench(bench.engine.law, form=THINKS, engine=None, known=known)
        again = await capped(replayed, 2, cap)
        assert [node.text for node in again] == [node.text for node in nodes]
        assert [node.key for node in again] == [node.key for node in nodes]
        assert not any(math.isnan(node.generated_tokens) for node in again)


def test_a_word_that_a_tokenizer_cannot_write_is_refused() -> None:
    check_words(THINKS, Cap(3, 3, extend=1))

    class Deaf:
        def encode(self, text: str) -> list[int]:
            return [ord(c) for c in text if c != "+"]

        def decode(self, token_ids: Sequence[int]) -> str:
            return "".join(map(chr, token_ids))

    deaf = dataclasses.replace(THINKS, tokenizer=Deaf())
    check_words(deaf, Cap(3, 3))
    with pytest.raises(UserError, match=r"writes '\+', which stands where thinking is cut, got ''"):
        check_words(deaf, Cap(3, 3, extend=1))
