"""Training of the bundled models: tiny runs of the real code."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from tasks.benchmarks.congruences import END, STEP_END, Mix, Writing, answer, document, solution
from tasks.training.cards import render
from tasks.training.decoder import decoder
from tasks.training.generator import GeneratorRecipe, Phase, train_generator
from tasks.training.measures import auroc, calibration_error
from tasks.training.prm import PrmRecipe, train_prm
from tasks.training.rollouts import Rollouts, answer_of, ask, finish, label_steps, step_ends
from tasks.training.sampling import Sampling, sample
from tasks.training.tokenizer import encode, token_ids
from tasks.training.verifier import load_prm, step_scores

TINY = GeneratorRecipe(
    phases=(Phase(20_000, Mix((1,), (1, 0, 0)), Writing((0.9, 0.9, 0.9), (0.0, 0.0, 0.0))),),
    hidden=32,
    heads=1,
    layers=2,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A generator and a verifier after seconds of training."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    train_generator(folder / "generator", recipe=TINY, measured_on=10)
    recipe = PrmRecipe(questions=6, held_out=2, rollouts=Rollouts(draws=4, rollouts=4), epochs=1)
    train_prm(folder / "generator", folder / "prm", recipe=recipe, measured_on=4)
    return folder / "generator", folder / "prm"


def test_trained_models_can_be_read_back(trained: tuple[Path, Path]) -> None:
    generator, prm = trained
    for folder in trained:
        card = json.loads((folder / "card.json").read_text())
        assert (folder / "CARD.md").read_text() == render(card)
        assert (folder / "model.safetensors").exists()
    assert json.loads((generator / "card.json").read_text())["tokens_seen"] >= 20_000
    assert LlamaForCausalLM.from_pretrained(generator).config.eos_token_id == token_ids()[END]
    assert AutoTokenizer.from_pretrained(generator).encode(STEP_END) == [token_ids()[STEP_END]]
    assert json.loads((prm / "config.json").read_text())["architectures"] == [
        "Qwen2ForProcessRewardModel"
    ]


def test_the_same_seed_gives_the_same_weights(trained: tuple[Path, Path], tmp_path: Path) -> None:
    again = train_generator(tmp_path, recipe=TINY, measured_on=10)
    first = json.loads((trained[0] / "card.json").read_text())
    assert again["final_loss"] == pytest.approx(first["final_loss"], abs=1e-6)


def test_an_interrupted_training_goes_on_where_it_was(tmp_path: Path) -> None:
    twice = GeneratorRecipe(phases=TINY.phases * 2, hidden=32, heads=1, layers=2)
    whole = train_generator(
        tmp_path / "a", recipe=twice, states=tmp_path / "states", measured_on=10
    )
    (tmp_path / "states" / "part-1.pt").unlink()
    rest = train_generator(tmp_path / "b", recipe=twice, states=tmp_path / "states", measured_on=10)
    assert rest["tokens_seen"] == whole["tokens_seen"]
    assert rest["final_loss"] == pytest.approx(whole["final_loss"], abs=1e-5)


def test_greedy_samples_equal_those_of_transformers(trained: tuple[Path, Path]) -> None:
    model = LlamaForCausalLM.from_pretrained(trained[0], dtype=torch.float32)
    prompts = [question.prompt for question in ask("validation", 10, seed=0)]
    sampling = Sampling(copies=2, stops=(token_ids()[END],), temperature=0.0, max_tokens=24, rows=4)
    drawn = sample(decoder(model), prompts, sampling=sampling, generator=torch.Generator())
    for prompt, texts in zip(prompts, drawn, strict=True):
        expected = model.generate(torch.tensor([prompt]), max_new_tokens=24, do_sample=False)
        assert texts[0] == texts[1] == expected[0, len(prompt) :].tolist()


def test_samples_follow_the_models_probabilities(trained: tuple[Path, Path]) -> None:
    model = LlamaForCausalLM.from_pretrained(trained[0], dtype=torch.float32)
    prompt = ask("validation", 1, seed=0)[0].prompt
    sampling = Sampling(copies=4000, stops=(), temperature=2.0, max_tokens=1)
    drawn = sample(
        decoder(model), [prompt], sampling=sampling, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        law = (model(torch.tensor([prompt])).logits[0, -1] / 2.0).softmax(-1).numpy()
    shares = np.bincount([text[0] for text in drawn[0]], minlength=len(law)) / 4000
    # the standard deviation of a share is at most 0.008
    assert np.abs(shares - law).max() < 0.032


def test_labels_are_shares_of_right_rollouts_and_end_in_correctness(
    trained: tuple[Path, Path],
) -> None:
    model = LlamaForCausalLM.from_pretrained(trained[0], dtype=torch.float32)
    asked = ask("train", 5, seed=3)
    rows, figures = label_steps(decoder(model), asked, rollouts=Rollouts(4, 4), seed=0)
    assert sum(row.draws for row in rows) == figures["draws"] - figures["without_answer"]
    for row in rows:
        assert [row.ids[end] for end in row.ends] == [token_ids()[STEP_END]] * len(row.ends)
        assert row.ends[-1] == len(row.ids) - 1
        assert all(label * 4 == int(label * 4) for label in row.labels)
        assert row.labels[-1] in (0.0, 1.0)


def test_answers_are_read_from_finished_completions_only() -> None:
    question = ask("validation", 1, seed=0)[0]
    text = encode(
        document(
            question.stages, random.Random(0), writing=Writing((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
        )
    )
    assert answer_of(text) == question.target == answer(solution(question.stages))
    assert answer_of(text[:-1]) is None
    assert answer_of([]) is None
    assert finish(text) == [*text[:-1], token_ids()[STEP_END]]
    assert len(step_ends(tuple(text))) == len(question.stages)


def test_scores_do_not_depend_on_the_batch(trained: tuple[Path, Path]) -> None:
    verifier = load_prm(trained[1])
    rows = [
        (question.prompt, [3, len(question.prompt) - 1])
        for question in ask("validation", 10, seed=0)
    ]
    together = step_scores(verifier, rows)
    alone = [step_scores(verifier, [row])[0] for row in rows]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert all(0 < score < 1 for scores in together for score in scores)


def test_area_under_the_curve_counts_pairs() -> None:
    # positives 0.9 and 0.5, negatives 0.5 and 0.1: three wins and one tie of four pairs
    score = np.array([0.9, 0.5, 0.5, 0.1])
    assert auroc(score, np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 1, 1])) == 3.5 / 4
    assert auroc(score, np.ones(4), np.zeros(4)) is None


def test_calibration_error_is_the_mean_gap_of_its_bins() -> None:
    # bin 0.2–0.3: mean score 0.25, mean label 0.5; bin 0.9–1: 1.0 and 1.0
    score, label = np.array([0.25, 0.25, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    assert calibration_error(score, label, np.ones(4)) == pytest.approx(0.125)
