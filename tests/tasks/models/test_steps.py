"""Steps end by text, whatever tokens write the separator."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_tokenizers import TOKENIZERS, save

from tasks.models.pieces import read_writing
from tasks.models.steps import Separator, steps_of
from tasks.models.tokenizers import FileTokenizer
from warehouse.errors import UserError

BLANK = Separator("\n\n", blanks=" \t\r")
HEADED = BLANK._replace(heading="##")
SEPARATORS = [Separator("\n"), Separator("\n\n"), BLANK, HEADED, Separator(". ")]
SILENT = BLANK._replace(silent=("<think>", "</think>"))
TEXTS = st.lists(
    st.sampled_from(
        ["a", "the", " ", ".", "\n", "\n\n", "\r\n", "\t", "## ", "#", "é", "🙂", " 3", "0", ":"]
    ),
    max_size=30,
).map("".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


def read(kind, folder):
    path = folder / str(list(TOKENIZERS).index(kind))
    if not path.exists():
        save(TOKENIZERS[kind], path)
    tokenizer = FileTokenizer(path / "tokenizer.json")
    return tokenizer, read_writing(tokenizer)


@pytest.fixture(params=TOKENIZERS)
def kind(request, folder):
    return read(request.param, folder)


@pytest.fixture(params=SEPARATORS, ids=str)
def separator(request):
    return request.param


def split(kind, text, separator=BLANK, **options):
    tokenizer, writing = kind
    steps = steps_of(writing, separator, never=frozenset())
    return steps.split(tokenizer.encode(text), **options)


def test_steps_joined_are_what_the_tokenizer_decodes(kind, separator):
    tokenizer, writing = kind
    steps = steps_of(writing, separator, never=frozenset())

    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def holds(text):
        token_ids = tokenizer.encode(text)
        ends, texts, begun = steps.split(token_ids)
        assert "".join(texts) + begun == tokenizer.decode(token_ids)
        assert all(one.strip() for one in texts) and not begun.strip()
        assert ends == sorted(set(ends)) and (not ends or ends[-1] == len(token_ids))

    holds()


def test_any_tokens_are_split_without_a_loss(kind, separator):
    """Bytes that are no characters, at every place: only then may a decoder write otherwise."""
    tokenizer, writing = kind
    steps = steps_of(writing, separator, never=frozenset())

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.sampled_from(sorted(tokenizer.names())), max_size=30))
    def holds(token_ids):
        _, texts, begun = steps.split(token_ids, start=False)
        assert "".join(texts) + begun == steps.text(token_ids)

    holds()


def test_a_step_ends_at_the_first_token_at_which_its_text_has_a_separator(kind, separator):
    """Against the whole text decoded anew at every token, and searched from the step's start."""
    tokenizer, writing = kind
    steps = steps_of(writing, separator, never=frozenset())
    between = "[ \t\r]*" if separator.blanks else ""
    brute = re.escape(separator.text).replace("\\\n\\\n", f"\n{between}\n")
    brute += "|\n##" if separator.heading else ""

    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def holds(text):
        token_ids = tokenizer.encode("a" + text)
        known = [
            count
            for count in range(1, len(token_ids) + 1)
            if any(
                tokenizer.decode(token_ids)[: found.start()].strip()
                for found in re.finditer(brute, tokenizer.decode(token_ids[:count]))
            )
        ]
        assert steps.ended(token_ids) == (known[0] if known else None)
        if known:
            assert token_ids[known[0] - 1] in steps.stops

    holds()


def test_drawn_step_by_step_a_text_has_the_steps_that_it_has_in_one_piece(kind, separator):
    tokenizer, writing = kind
    steps = steps_of(writing, separator, never=frozenset())

    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def holds(text):
        left = tokenizer.encode(text)
        whole = steps.split(left)
        texts, begun, start = [], "", True
        end = 0
        while end is not None:
            end = steps.ended(left)
            # After a step the model may write nothing but its end.
            taken, left = (left, []) if end is None else (left[:end], left[end:])
            drawn = steps.split(taken, begun=begun, start=start, last=end is None)
            texts, begun, start = texts + drawn.texts, drawn.begun, False
        assert "".join(texts) + begun == "".join(whole.texts) + whole.begun
        # White space between two steps may stand with either: else they are the same steps.
        assert [one.strip() for one in texts] == [one.strip() for one in whole.texts]

    holds()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\n\ntwo", ["one\n\n", "two"]),
        ("one\r\n\r\ntwo", ["one\r\n\r\n", "two"]),
        ("one\n \t\ntwo", ["one\n \t\n", "two"]),
        ("one\n\n\n\n\n\ntwo\n\n", ["one\n\n\n\n\n\n", "two\n\n"]),
        ("\n\n\n\none\n\ntwo", ["\n\n\n\none\n\n", "two"]),
        ("one\ntwo\nthree", ["one\ntwo\nthree"]),
        ("one.\n## two\nmore\n## three", ["one.\n", "## two\nmore\n", "## three"]),
        ("one # 1\n\n## two\n\nmore", ["one # 1\n\n", "## two\n\n", "more"]),
    ],
)
def test_blank_lines_and_headings_as_models_write_them(folder, text, expected):
    for name in ("byte-level, breaks merged", "byte-level, breaks alone", "words, breaks alone"):
        result = split(read(name, folder), text, HEADED)
        # Of white space it does not matter to which step it belongs.
        assert [one.strip() for one in result.texts] == [one.strip() for one in expected]
        assert "".join(result.texts) == text


def test_a_heading_is_of_the_step_that_it_begins_also_where_the_draw_before_holds_it(folder):
    kind = read("words, breaks alone", folder)
    before = split(kind, "one\n##", HEADED, last=False)
    assert before == ([4], ["one\n"], "##")
    after = split(kind, " two", HEADED, begun=before.begun, start=False)
    assert after.texts == ["## two"]


def test_marks_of_thinking_alone_are_no_steps(folder):
    kind = read("byte-level, breaks alone", folder)
    text = "<think>\n\nso\n\n</think>\n\nit is 7"
    assert split(kind, text, SILENT).texts == ["<think>\n\nso\n\n</think>\n\n", "it is 7"]
    steps = steps_of(kind[1], SILENT, never=frozenset())
    assert steps.ended(kind[0].encode("<think>\n\n")) is None


def test_a_separator_of_one_token_ends_steps_at_exactly_the_tokens_that_hold_it(folder):
    tokenizer, writing = read("words, breaks alone", folder)
    steps = steps_of(writing, Separator("\n"), never=frozenset())
    assert steps.stops == {tokenizer.id_of("\n")}


def test_reading_sixteen_thousand_tokens_takes_time_in_proportion(folder):
    tokenizer, writing = read("byte-level, breaks alone", folder)
    steps = steps_of(writing, BLANK, never=frozenset())
    text = "Add the numbers: 3 + 4 = 7.\nSo it is 7.\n\n"
    many = tokenizer.encode(text * (32_000 // len(tokenizer.encode(text))))

    def seconds(token_ids):
        taken = []
        for _ in range(5):
            before = time.process_time()
            assert len(steps.split(token_ids).texts) > 100
            taken.append(time.process_time() - before)
        return min(taken)

    # Twice as much: a read of the whole beginning at every step would take four times as long.
    assert seconds(many) < 2.8 * seconds(many[: len(many) // 2])


def test_a_vocabulary_that_rewrites_earlier_text_is_refused():
    spelled = {0: "a", 1: "b", 2: "'s"}

    class Rewriting:
        def names(self):
            return spelled

        def decode_each(self, sequences):
            texts = ["".join(spelled[token] for token in ids) for ids in sequences]
            return [text.replace("a's", "b's") for text in texts]

    with pytest.raises(UserError, match="name a model with another tokenizer"):
        read_writing(Rewriting())


def test_no_token_of_a_vocabulary_is_read_twice(kind):
    """The offsets of a text's tokens rise with their bytes."""
    tokenizer, writing = kind
    token_ids = tokenizer.encode("the é 3.\n\n")
    offsets = [len(b"".join(writing.of(token_ids[:n], start=True))) for n in range(len(token_ids))]
    assert all(a <= b for a, b in pairwise(offsets))
