"""What each verifier format shows its model, and the scores it reads; no engine, a dict answers."""

from __future__ import annotations

import asyncio
import math

import pytest
from tiny_models import MAKERS, QUESTION, STEPS

from tasks.models.formats import load_format
from tasks.models.served_verifier import ServedVerifier
from tasks.models.tokenizers import load_tokenizer
from tasks.models.verifiers import load_reading, load_verifier_format
from tasks.models.version import BUNDLED
from tasks.protocols import VerifierFailure
from warehouse.errors import UserError

PRM = BUNDLED / "congruences-prm"


class ByDict:
    """A Served that answers from its fields and remembers what it was asked."""

    def __init__(self, rows=(), pairs=(), logprobs=()):
        self.rows, self.pairs, self.logprobs = list(rows), list(pairs), list(logprobs)
        self.shown = []

    async def head_rows(self, token_ids, places):
        self.shown.append((list(token_ids), list(places)))
        return self.rows

    async def next_logprobs(self, token_ids, wanted):
        self.shown.append((list(token_ids), list(wanted)))
        return self.pairs[len(self.shown) - 1]

    async def token_logprobs(self, token_ids):
        self.shown.append((list(token_ids), []))
        return self.logprobs[: len(token_ids) - 1]


def verifier(folder, verifier_format, served, longest=1000):
    format = load_format("congruences" if verifier_format != "likelihood" else "chat-plain", folder)
    return ServedVerifier(load_reading(verifier_format, folder, format=format), served, longest)


def scored(folder, verifier_format, served, steps=STEPS, question=QUESTION, **more):
    return asyncio.run(verifier(folder, verifier_format, served, **more).score(question, steps))


def logit(p):
    return math.log(p / (1 - p))


def test_qwen_closes_every_step_with_its_token(folders):
    folder = folders / "qwen-math-prm"
    served = ByDict(rows=[[0, logit(0.9)], [1, 1], [3, 3 + logit(0.2)], [-800, 800]])
    scores = scored(folder, "qwen-math-prm", served)
    [(token_ids, places)] = served.shown
    assert load_tokenizer(folder).decode(token_ids) == (
        "<|im_start|>system\n"
        "Please reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
        f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
        "Add: 3 + 4 = 7.<extra_0>Then double it.\nSo 7 times 2<extra_0>"
        "## Step 3: the answer<extra_0>"
        "is \\boxed{14}.<extra_0>"
    )
    # Softmax of two labels is the sigmoid of their difference.
    assert [s.score for s in scores] == pytest.approx([0.9, 0.5, 0.2, 1.0])
    assert [s.tokens for s in scores] == [place + 1 for place in places]
    assert {token_ids[place] for place in places} == {load_tokenizer(folder).id_of("<extra_0>")}


def test_the_step_token_inside_a_step_makes_no_place(folders):
    served = ByDict(rows=[[0, 0], [0, 0]])
    scored(
        folders / "qwen-math-prm", "qwen-math-prm", served, steps=("a <extra_0>b\n\n", "c<extra_0>")
    )
    [(token_ids, places)] = served.shown
    tag = load_tokenizer(folders / "qwen-math-prm").id_of("<extra_0>")
    assert [i for i, token in enumerate(token_ids) if token == tag] == places


def test_skywork_reads_the_value_at_the_line_break_that_ends_a_step_and_at_no_other(folders):
    folder = folders / "skywork-prm"
    served = ByDict(rows=[[logit(0.3)], [0], [-800], [800]])
    scores = scored(folder, "skywork-prm", served)
    [(token_ids, places)] = served.shown
    tokenizer = load_tokenizer(folder)
    assert tokenizer.decode(token_ids) == (
        f"<|endoftext|>{QUESTION}\nAdd: 3 + 4 = 7.\nThen double it.\nSo 7 times 2\n"
        "## Step 3: the answer\n"
        "is \\boxed{14}.\n"
    )
    assert [s.score for s in scores] == pytest.approx([0.3, 0.5, 0, 1])
    # A whole text would merge ".\n" to one token, on which the model was not trained.
    assert [tokenizer.decode([token_ids[place]]) for place in places] == ["\n"] * 4


def test_math_shepherd_asks_after_every_mark(folders):
    folder = folders / "math-shepherd"
    served = ByDict(pairs=[(-1, -1), (math.log(0.6), math.log(0.2)), (-900, -1), (-1, -900)])
    scores = scored(folder, "math-shepherd", served)
    tokenizer = load_tokenizer(folder)
    texts = [f"<s>{QUESTION} Add: 3 + 4 = 7. ки", "\nThen double it.\nSo 7 times 2 ки"]
    assert served.shown[0][0] == tokenizer.encode(texts[0])
    assert served.shown[1][0] == tokenizer.encode("".join(texts))
    assert served.shown[0][1] == [tokenizer.id_of("▁+"), tokenizer.id_of("▁-")]
    # P(+) / (P(+) + P(-)): 0.6 of 0.8.
    assert [s.score for s in scores] == pytest.approx([0.5, 0.75, 0, 1])
    assert [s.tokens for s in scores] == [len(token_ids) for token_ids, _ in served.shown]


def test_rlhflow_answers_every_earlier_turn_with_plus(folders):
    folder = folders / "rlhflow"
    served = ByDict(pairs=[(-1, -1), (-1, -2)])
    scored(folder, "rlhflow", served, steps=STEPS[:2])
    decode = load_tokenizer(folder).decode
    user, assistant = (
        f"<|start_header_id|>{r}<|end_header_id|>\n\n" for r in ("user", "assistant")
    )
    first = f"{user}{QUESTION} Add: 3 + 4 = 7.<|eot_id|>{assistant}"
    assert decode(served.shown[0][0]).endswith(first)
    assert decode(served.shown[1][0]).endswith(
        f"{first}+<|eot_id|>{user}Then double it.\nSo 7 times 2<|eot_id|>{assistant}"
    )


def test_a_sequence_model_gives_the_whole_completions_score_to_every_step(folders):
    served = ByDict(rows=[[logit(0.8)]])
    scores = scored(folders / "sequence-orm", "sequence-orm", served)
    [(token_ids, places)] = served.shown
    text = load_tokenizer(folders / "sequence-orm").decode(token_ids)
    assert text.endswith("\n\n" + "".join(STEPS) + "<|eot_id|>")
    assert places == [len(token_ids) - 1]
    assert [tuple(s) for s in scores] == [(pytest.approx(0.8), len(token_ids))] * 4


def test_the_likelihood_is_the_mean_over_what_was_written_so_far(folders):
    folder = folders / "likelihood"
    form = load_format("chat-plain", folder)
    start = len(form.tokenizer.encode(form.render(QUESTION)))
    one, two = (len(form.tokenizer.encode(step)) for step in STEPS[:2])
    # The prompt's tokens count for nothing; 1/2 a token in the first step, 1/8 in the second.
    served = ByDict(
        logprobs=[-99.0] * (start - 1) + [math.log(1 / 2)] * one + [math.log(1 / 8)] * two
    )
    scores = scored(folder, "likelihood", served, steps=STEPS[:2])
    both = 2 ** (-(one + 3 * two) / (one + two))
    assert [tuple(s) for s in scores] == [
        (pytest.approx(1 / 2), start + one),
        (pytest.approx(both), start + one + two),
    ]


def test_a_likelihood_rounded_above_one_is_one(folders):
    served = ByDict(logprobs=[1e-7] * 1000)
    assert [s.score for s in scored(folders / "likelihood", "likelihood", served)] == [1.0] * 4


def test_the_bundled_verifier_reads_plain_lines():
    served = ByDict(rows=[[0, 0], [0, 1]])
    scored(PRM, "congruences-prm", served, question="Modulo 7: ", steps=("a = 1\n", "a = 2"))
    [(token_ids, places)] = served.shown
    tokenizer = load_tokenizer(PRM)
    assert token_ids == tokenizer.encode("Modulo 7: a = 1\na = 2\n")
    assert [token_ids[place] for place in places] == tokenizer.encode("\n\n")


def test_the_bundled_orm_reads_one_score_at_the_end_whatever_the_question_holds(tmp_path):
    for path in PRM.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text().replace('"step_token"', '"other"'))
    served = ByDict(rows=[[0, logit(0.25)]])
    question = "Modulo 7: a = 1\na = 2<end>\n"
    scores = scored(
        tmp_path, "congruences-orm", served, question=question, steps=("a = 1\n", "a = 2\n")
    )
    [(token_ids, places)] = served.shown
    assert token_ids == load_tokenizer(tmp_path).encode(question + "a = 1\na = 2<end>")
    assert places == [len(token_ids) - 1]
    assert [tuple(s) for s in scores] == [(pytest.approx(0.25), len(token_ids))] * 2


@pytest.mark.parametrize("verifier_format", MAKERS)
def test_white_space_alone_is_no_step(folders, verifier_format):
    served = ByDict()
    steps = (
        ("{x} {0}\n\n", "\n\n")
        if load_verifier_format(verifier_format).scores_steps
        else (" ", "\n\n")
    )
    with pytest.raises(VerifierFailure, match=r"expected text in every step, step [12] is"):
        scored(folders / verifier_format, verifier_format, served, steps=steps)
    assert served.shown == []


@pytest.mark.parametrize("verifier_format", MAKERS)
def test_no_step_costs_no_request(folders, verifier_format):
    served = ByDict()
    assert scored(folders / verifier_format, verifier_format, served, steps=()) == []
    assert served.shown == []


@pytest.mark.parametrize("verifier_format", MAKERS)
def test_what_is_too_long_is_a_failure_and_is_not_sent(folders, verifier_format):
    served = ByDict()
    with pytest.raises(VerifierFailure, match="at most 10 tokens, got"):
        scored(folders / verifier_format, verifier_format, served, longest=10)
    assert served.shown == []


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("verifier_format", MAKERS)
def test_a_reply_without_a_number_is_a_failure(folders, verifier_format, bad):
    width = 2 if verifier_format == "qwen-math-prm" else 1
    rows = [[0.0] * (width - 1) + [bad]] * (1 if verifier_format == "sequence-orm" else 4)
    with pytest.raises(VerifierFailure, match="finite number"):
        scored(
            folders / verifier_format,
            verifier_format,
            ByDict(rows=rows, pairs=[(bad, -1)] * 4, logprobs=[bad] * 1000),
        )


def test_another_heads_width_is_a_failure(folders):
    with pytest.raises(VerifierFailure, match="rows of 2 outputs, got rows of \\[1, 1, 1, 1\\]"):
        scored(folders / "qwen-math-prm", "qwen-math-prm", ByDict(rows=[[0.1]] * 4))


@pytest.mark.parametrize(
    ("model", "verifier_format", "words"),
    [
        ("rlhflow", "qwen-math-prm", "'<extra_0>' to be one token"),
        ("math-shepherd", "rlhflow", "needs a chat template"),
        (
            "qwen-math-prm",
            "qwen-prm",
            "unknown verifier.format 'qwen-prm'; known are congruences-orm",
        ),
    ],
)
def test_a_model_of_another_format_is_refused_before_the_run(
    folders, model, verifier_format, words
):
    with pytest.raises(UserError, match=words):
        load_reading(
            verifier_format, folders / model, format=load_format("congruences", folders / "rlhflow")
        )
