"""A node holds what is new since its parent; what it is in all is read along its line."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st
from scripts import FORMAT, QUESTION

from tasks.draws.nodes import Node, extend, restore, root, split_draw
from tasks.draws.sampler import DrawKey, NewDraw
from tasks.protocols import Draw, key_of

WRITTEN = st.text(alphabet="ab \n", min_size=1, max_size=12)
"""Steps, blank lines, and what is begun and goes on in the next draw."""


def grown(texts: list[str]) -> list[NewDraw]:
    """A line of draws that write these texts, the last one ending the completion."""
    start = root(QUESTION, FORMAT.tokenizer.encode("?"))
    line: list[NewDraw] = []
    for place, text in enumerate(texts):
        ids = array("i", FORMAT.tokenizer.encode(text))
        draw = Draw(ids, text, "end" if place == len(texts) - 1 else "step", len(ids))
        split = split_draw(start, draw, FORMAT.steps)
        node = extend(start, draw, split)
        key = DrawKey(start.key, "sampling", 0)
        line.append(NewDraw(key, 0, start, node, draw, None, "proposer", 0, 0, 1))
        start = node
    return line


@given(st.lists(WRITTEN, min_size=1, max_size=6))
def test_the_line_of_a_node_is_the_text_and_the_tokens_that_were_drawn(texts: list[str]) -> None:
    end = grown(texts)[-1].node
    prompt = FORMAT.tokenizer.encode("?")
    written = [token for text in texts for token in FORMAT.tokenizer.encode(text)]
    assert end.text == "".join(texts) == "".join(end.steps) + end.begun
    assert list(end.token_ids) == [*prompt, *written]
    assert end.length == len(prompt) + len(written)
    assert end.depth == len(end.steps) == len(end.step_keys)


@given(st.lists(WRITTEN, min_size=1, max_size=6))
def test_keys_are_those_of_all_token_ids_up_to_there(texts: list[str]) -> None:
    for new in grown(texts):
        assert new.node.key == key_of(new.node.token_ids)
    node = grown(texts)[-1].node
    ids = list(node.token_ids)
    keys = [key_of(ids[:end]) for end in range(len(ids) + 1)]
    places = [keys.index(key) for key in node.step_keys]
    assert places == sorted(places)
    # A step's key is that of what is written up to its end.
    decoded = [FORMAT.tokenizer.decode(ids[1:place]) for place in places]
    assert decoded == ["".join(node.steps[: count + 1]) for count in range(len(places))]


@given(st.lists(WRITTEN, min_size=1, max_size=6))
def test_a_node_that_is_read_again_is_the_one_that_was_drawn(texts: list[str]) -> None:
    line = grown(texts)
    for is_old in (False, True):
        node: Node = line[0].parent
        for new in line:
            kept = new.kept
            if is_old:
                # What an older version wrote says nothing of its steps.
                kept = kept._replace(step_ends=None)
            node = restore(node, kept, FORMAT.steps)
        last = line[-1].node
        assert node == last and node.steps == last.steps and node.step_keys == last.step_keys
        assert (node.begun, node.length, node.depth) == (last.begun, last.length, last.depth)
