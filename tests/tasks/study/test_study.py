"""What a study file may say, and what is refused in one sentence."""

import json

import pytest

from tasks.runs.loading import prepare_run
from tasks.settings import INFRA
from tasks.study.reading import load_study
from tasks.study.study import Study, study_from
from warehouse.errors import UserError

WRITER = "bundled/congruences-generator"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budgets": [4, 2]}, "rise strictly.*got \\(4, 2\\)"),
        ({"budgets": []}, "rise strictly"),
        ({"budgets": [0, 1]}, "from 1 or more"),
        ({"budgets": [2**70]}, "at most 65,536, got 1180591620717411303424; take out"),
        ({"budgets": [1, 10**5000]}, "at most 65,536, got one of 16610 bits; take out"),
        ({"budgets": {"generations": [1, 4], "tokens": [2**31]}}, "at most 2,147,483,647, got"),
        ({"budgets": [4, 6]}, "beam_search.*multiples of 4, got 6"),
        ({"budgets": [1, 2]}, "budget of at least 4"),
        ({"strategies": ["best_of_m"]}, "unknown strategy 'best_of_m'; known are majority"),
        ({"strategies": ["weighted(m=4)"]}, "takes no options"),
        ({"strategies": ["weighted", "beam_search"]}, "expected m, got 'beam_search'"),
        ({"strategies": ["weighted", "beam_search(m=1)"]}, "m must be 2 or more"),
        ({"strategies": ["weighted", "beam_search(m=4)/loudest"]}, "unknown selector 'loudest'"),
        ({"strategies": ["weighted", "weighted"]}, "named once each"),
        ({"strategies": ["majority"]}, "baseline must be one of"),
        ({"verifier": None}, "needs a verifier"),
        ({"questions": 3}, "questions must be at least 10, got 3"),
        ({"difficulty_draws": 1}, "at least 2"),
        ({"budget": [1]}, "unknown key 'budget'; known are answer"),
        ({"generator": {"temprature": 1}}, "study.generator: unknown key 'temprature'"),
        ({"generator": {"temperature": 0}}, "temperature must be in"),
        ({"generator": {"temperature": "hot"}}, "generator.temperature.*got 'hot'"),
        ({"verifier": {"aggregate": "max"}}, "verifier.aggregate"),
        ({"generator": {"models": []}}, "generator.models must be at least 1"),
        ({"prices": {"gpt": {"prompt": 1}}}, "expected prices of its models .*got one of 'gpt'"),
        ({"prices": {WRITER: {"output": 1}}}, "study.prices.bundled.*unknown key 'output'"),
        ({"prices": {WRITER: {"prompt": -1}}}, "expected prompt of a price to be 0 or more"),
        ({"prices": {WRITER: 3}}, "prices.bundled/congruences-generator.*got 3"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(change, words):
    with pytest.raises(UserError, match=words) as caught:
        study_from({"name": "s", **change})
    assert "\n" not in str(caught.value)


def test_the_defaults_are_a_valid_study():
    assert Study("s").baseline == "weighted"


def test_a_study_survives_its_own_json():
    study = study_from({"name": "s", "budgets": [1, 4, 16]})
    assert study_from(json.loads(study.to_json())) == study


def test_the_digest_follows_what_decides_results_and_nothing_else():
    one = study_from({"name": "a"})
    assert one.digest() == study_from({"name": "b", "engine": {"dtype": "bfloat16"}}).digest()
    assert one.digest() != study_from({"name": "a", "seed": 1}).digest()


def test_prices_are_stored_with_the_run_and_part_of_its_identity_where_there_are_any():
    prices = {WRITER: {"prompt": 1.0, "generated": 4.0}}
    priced = study_from({"name": "s", "prices": prices})
    assert study_from(json.loads(priced.to_json())) == priced
    dear = study_from({"name": "s", "prices": {WRITER: {"prompt": 2.0, "generated": 4.0}}})
    none = study_from({"name": "s", "prices": {}})
    assert len({one.digest() for one in (priced, dear, none, study_from({"name": "s"}))}) == 3


def test_the_dial_turns_budgets_in_generations_and_leaves_those_in_tokens(tmp_path):
    path = tmp_path / "both.toml"
    path.write_text("budgets = { generations = [1, 2, 4], tokens = [500, 900] }\nverifier = {}\n")
    study = load_study(path, max_budget=8)
    assert (study.budgets, study.token_budgets) == ((1, 2, 4, 8), (500, 900))
    assert study_from(json.loads(study.to_json())) == study


def test_an_endpoints_price_stands_where_the_studys_prices_are_silent():
    url = "https://host/v1"
    endpoints = [{"model": "far", "url": url, "price": {"prompt": 1.0, "generated": 2.0}}]
    values = {"name": "s", "generator": {"models": [WRITER, "far"]}, "endpoints": endpoints}
    silent = study_from(values)
    assert silent.price("far").generated == 2.0
    assert silent.price(WRITER) is None
    said = study_from(values | {"prices": {"far": {"generated": 5.0}}})
    assert said.price("far").generated == 5.0


def test_a_search_has_no_cell_below_its_width():
    cells = study_from({"name": "s", "budgets": [1, 2, 4]}).cells()
    assert [b for s, b in cells if s == "beam_search(m=4)/weighted"] == [4]
    assert [b for s, b in cells if s == "majority"] == [1, 2, 4]


def test_a_limit_of_rounds_changes_the_digest_only_where_it_is_another():
    # As digests were before it was a key: runs of these studies are known by them.
    assert study_from({"name": "s"}).digest() == "e827efbfef424d67"
    assert load_study("demo").digest() == "dbbfbc55589471a7"
    usual = study_from({"name": "s", "generator": {"max_rounds": 40}})
    more = study_from({"name": "s", "generator": {"max_rounds": 200}})
    assert usual.digest() == "e827efbfef424d67" != more.digest()
    with pytest.raises(UserError, match=r"max_rounds must be at least 1, got 0"):
        study_from({"name": "s", "generator": {"max_rounds": 0}})


@pytest.mark.parametrize("top", [10**12, 2**70, 0, -4])
def test_a_dial_that_no_machine_could_draw_is_refused_at_once(top):
    with pytest.raises(UserError, match=r"--max-budget from 1 to 65,536, got"):
        load_study("demo", max_budget=top)


def test_the_dial_drops_and_adds_budgets(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("budgets = [1, 2, 4, 8]\n[verifier]\n")
    assert load_study(path, max_budget=4).budgets == (1, 2, 4)
    assert load_study(path, max_budget=32).budgets == (1, 2, 4, 8, 16, 32)


def test_a_benchmark_file_is_found_beside_its_study(tmp_path):
    (tmp_path / "b.jsonl").write_text("")
    (tmp_path / "s.toml").write_text(
        'benchmark = "b.jsonl"\nstrategies = ["majority"]\nbaseline = "majority"\n'
    )
    assert load_study(tmp_path / "s.toml").benchmark == str((tmp_path / "b.jsonl").resolve())


def test_broken_toml_and_unknown_files_are_refused(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("budgets = [1, 2\n")
    with pytest.raises(UserError, match="not valid TOML"):
        load_study(path)
    with pytest.raises(UserError, match="expected a TOML file or one of api"):
        load_study("nowhere")


@pytest.mark.parametrize("name", sorted(path.stem for path in (INFRA / "studies").glob("*.toml")))
def test_the_shipped_studies_are_valid(name):
    assert load_study(name).name == name


SERVER = {
    "model": "bundled/congruences-generator",
    "urls": ["http://127.0.0.1:8000"],
    "name": "small",
}


def test_a_study_names_the_servers_of_its_models():
    study = study_from({"name": "s", "engine": {"servers": [SERVER]}})
    assert study.engine.servers[0].urls == ("http://127.0.0.1:8000",)
    assert (
        study.digest() == study_from({"name": "s"}).digest()
    )  # how a model is run decides no result


def test_a_server_with_an_unknown_key_or_model_is_refused():
    with pytest.raises(UserError, match="servers: unknown key 'url'"):
        study_from({"name": "s", "engine": {"servers": [SERVER | {"url": "x"}]}})
    study = study_from({"name": "s", "engine": {"servers": [SERVER | {"model": "other"}]}})
    with pytest.raises(UserError, match="names 'other', which is none of this study's models"):
        prepare_run(study, study.generator.models[0], run_id="")


def test_a_step_search_with_a_verifier_of_whole_completions_is_refused():
    verifier = {"model": "bundled/congruences-orm", "format": "congruences-orm"}
    with pytest.raises(UserError, match="judges whole completions only"):
        study_from({"name": "s", "verifier": verifier})


def test_a_strategy_that_revises_needs_to_be_told_who_revises():
    with pytest.raises(UserError, match=r"needs a \[revisions\] table"):
        study_from({"name": "s", "strategies": ["weighted", "revisions(s=4)"]})


def test_a_file_without_a_verifier_is_a_study_of_votes_against_majority(tmp_path):
    path = tmp_path / "voting.toml"
    path.write_text("budgets = [1, 2, 4, 8]\n")
    study = load_study(path)
    assert (study.verifier, study.baseline) == (None, "majority")
    assert study.strategies == ("majority", "adaptive(posterior=0.95)", "window(w=4)")
    # What it says itself counts.
    path.write_text('strategies = ["first(m=3)"]\nbudgets = [4]\nbaseline = "first(m=3)"\n')
    assert load_study(path).baseline == "first(m=3)"
    path.write_text("[verifier]\n")
    assert load_study(path).baseline == "weighted"
