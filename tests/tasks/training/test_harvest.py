"""What a round of distilling learns: served completions of training questions.

Targets are not looked at unless they are asked for.
"""

import asyncio
import dataclasses

import pytest
from replays import replay_run
from scripted_runs import ScriptedEngines, small_study

from tasks.benchmarks import bundled
from tasks.benchmarks.benchmark import load_benchmark
from tasks.evaluation import generate
from tasks.evaluation.grade import grade_completions
from tasks.runs.loading import load_run, prepare_run
from tasks.runs.opening import open_run
from tasks.training.harvest import (
    distill_table,
    harvest,
    harvest_study,
    version_name,
    version_study,
)
from warehouse.errors import UserError
from warehouse.store import Store

MODEL = "bundled/congruences-generator"
DISTILL = {
    "questions": 20,
    "strategies": ["weighted", "beam_search(m=4)"],
    "budget": 8,
    "least_score": 0.75,
}


def study_of(**changes):
    return small_study(distill=DISTILL, **changes)


def harvest_run(folder, *, target=None):
    """A generated run over training questions, graded against true targets or a wrong one."""
    asking = harvest_study(study_of(), MODEL, 1)
    with Store.open(folder) as store:
        run_id = open_run(store, asking, MODEL)
    generate.run(folder, run_id, engines=ScriptedEngines)
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        questions = [
            dataclasses.replace(question, target=target or question.target)
            for question in run.benchmark.questions
        ]
        misled = dataclasses.replace(run, benchmark=run.benchmark._replace(questions=questions))
        grade_completions(store, misled, asyncio.run(completions(store, run)))
    return run_id


async def completions(store, run):
    asking, nodes_by_key = replay_run(store, run), {}
    for question in run.benchmark.questions:
        nodes = list(await asking.pool(question))
        for strategy, budget in asking.plan.searches:
            nodes += (await asking.search(question, strategy, budget)).completions
        nodes_by_key |= {node.key: node for node in nodes}
    return list(nodes_by_key.values())


def questions_of(number):
    return prepare_run(
        harvest_study(study_of(), MODEL, number), MODEL, run_id=""
    ).benchmark.questions


def test_only_training_questions_are_asked_and_each_round_asks_others():
    first, second = ({question.text for question in questions_of(number)} for number in (1, 2))
    assert all(bundled.split_of(text) == "train" for text in first | second)
    assert len(first) == len(second) == 20 and not first & second


def test_a_study_without_the_word_train_is_on_test_questions_whatever_its_seed():
    one, other = (load_benchmark("congruences", count=20, seed=seed) for seed in (0, 5))
    assert one == other
    assert all(bundled.split_of(question.text) == "test" for question in one.questions)


def test_the_text_is_what_the_model_wrote_after_its_prompt(tmp_path):
    harvested = harvest(tmp_path / "w", harvest_run(tmp_path / "w"), by="verifier", least_score=0.0)
    run = prepare_run(harvest_study(study_of(), MODEL, 1), MODEL, run_id="")
    asked = {question.question_id: question for question in run.benchmark.questions}
    for text in harvested.texts:
        assert text.prompt == run.format.prompt(asked[text.question_id])
        assert "Answer: " in run.format.tokenizer.decode(text.completion)
    assert harvested.served == len(harvested.texts) == len(set(harvested.texts))
    assert {text.question_id for text in harvested.texts} == set(asked)


def test_a_higher_threshold_keeps_fewer_and_of_them_more_are_right(tmp_path):
    run_id = harvest_run(tmp_path / "w")
    loose, strict = (
        harvest(tmp_path / "w", run_id, by="verifier", least_score=least) for least in (0.0, 0.75)
    )
    assert set(strict.texts) < set(loose.texts)
    assert loose.right / len(loose.texts) < strict.right / len(strict.texts)


def test_the_verifiers_variant_learns_the_same_from_wrong_targets(tmp_path):
    honest = harvest(tmp_path / "a", harvest_run(tmp_path / "a"), by="verifier", least_score=0.75)
    misled = harvest(
        tmp_path / "b", harvest_run(tmp_path / "b", target="a=9"), by="verifier", least_score=0.75
    )
    assert misled.texts == honest.texts
    assert misled.right == 0 < honest.right


def test_the_targets_variant_keeps_what_is_right_and_says_when_nothing_is(tmp_path):
    harvested = harvest(tmp_path / "a", harvest_run(tmp_path / "a"), by="target", least_score=1.0)
    assert 0 < harvested.right == len(harvested.texts) < harvested.served
    wrong = harvest_run(tmp_path / "b", target="a=9")
    with pytest.raises(UserError, match="the target calls right, got none"):
        harvest(tmp_path / "b", wrong, by="target", least_score=1.0)


def test_a_versions_name_tells_round_and_variant_and_changes_with_what_decides_it():
    run = prepare_run(harvest_study(study_of(), MODEL, 1), MODEL, run_id="")
    other = dataclasses.replace(
        run, generator=dataclasses.replace(run.generator, fingerprint="another")
    )
    name = version_name(run, 1, by="verifier", least_score=0.9, recipe={"passes": 4})
    assert name.startswith("distilled-1-by-verifier-")
    assert name == version_name(run, 1, by="verifier", least_score=0.9, recipe={"passes": 4})
    others = [
        version_name(other, 1, by="verifier", least_score=0.9, recipe={"passes": 4}),
        version_name(run, 1, by="verifier", least_score=0.8, recipe={"passes": 4}),
        version_name(run, 1, by="verifier", least_score=0.9, recipe={"passes": 5}),
        version_name(run, 1, by="target", least_score=0.9, recipe={"passes": 4}),
    ]
    assert len({name, *others}) == 5


def test_versions_distilled_in_one_way_are_one_family_on_the_same_test_questions():
    studies = [
        version_study(study_of(), model, "verifier") for model in (MODEL, "/elsewhere/distilled-1")
    ]
    assert len({study.family for study in studies}) == 1
    assert {study.benchmark for study in studies} == {"congruences"}
    assert version_study(study_of(), MODEL, "target").family != studies[0].family


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"benchmark": "congruences/train"}, "nothing is learnt from"),
        ({"distill": None}, r"needs a \[distill\] table"),
        (
            {"verifier": None, "strategies": ["majority"], "baseline": "majority"},
            "needs a verifier",
        ),
        ({"generator": {"models": [MODEL, MODEL + "-half"]}}, "one generator"),
        ({"distill": {"strategies": ["dvts(m=4)"]}}, "must be searches or plain pools, got 'dvts"),
    ],
)
def test_what_cannot_be_distilled_is_refused(changes, words):
    with pytest.raises(UserError, match=words):
        distill_table(small_study(**({"distill": DISTILL} | changes)))
