"""Which version of a model a name stands for, and what is refused before the first token."""

import json
import shutil

import pytest
from scripted_runs import small_study

from tasks.models.formats import load_format
from tasks.models.version import BUNDLED, fingerprint, load_model, locate
from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.study.study import study_from
from warehouse.errors import UserError
from warehouse.store import Store

GENERATOR = BUNDLED / "congruences-generator"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(GENERATOR, tmp_path / "model")


def changed_weights(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_the_fingerprint_follows_weights_tokenizer_and_format(copy):
    one = fingerprint(copy, "congruences")
    assert one == fingerprint(GENERATOR, "congruences")
    assert one != fingerprint(copy, "chat-math")
    changed_weights(copy)
    assert one != fingerprint(copy, "congruences")


def test_the_fingerprints_of_the_bundled_models_stay():
    # By these the journals of earlier versions name whose draws they hold.
    known = {path.name: fingerprint(path, "x") for path in BUNDLED.iterdir() if path.is_dir()}
    assert known == {
        "congruences-generator": "c66daf3d28af861c",
        "congruences-generator-half": "8b3dd9afecd68278",
        "congruences-large": "987068021e44ebab",
        "congruences-orm": "4c192ad883170248",
        "congruences-prm": "f8f139d48df98f36",
        "congruences-revision": "e410bc4606ae41d6",
        "congruences-thinking": "85989c7cf49ab342",
    }


def test_parameters_are_counted_without_embeddings():
    # 3 layers of 128: 4·128² attention, 3·128·256 MLP, 2·128 norms; and the last norm of 128.
    model = load_model("bundled/congruences-generator", "congruences")
    assert model.parameters == 3 * (4 * 128**2 + 3 * 128 * 256 + 2 * 128) + 128
    assert model.all_parameters == model.parameters


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "bundled/none",
            "unknown bundled model 'bundled/none'; bundled are bundled/congruences-generator",
        ),
        ("no such model!", "expected bundled/<name>, a folder or a Hugging Face id"),
        ("./no/such/folder", "expected a folder at ./no/such/folder, found none"),
        ("x" * 300, "expected bundled/<name>, a folder or a Hugging Face id"),
    ],
)
def test_an_unknown_model_is_refused(name, words):
    with pytest.raises(UserError, match=words):
        locate(name)


def test_unreadable_weights_are_refused_before_anything_runs(copy):
    path = copy / "model.safetensors"
    content = path.read_bytes()
    for broken, words in (
        (content[:-9], "should have .* bytes, has"),
        (b"rubbish", "not a readable safetensors"),
    ):
        path.write_bytes(broken)
        with pytest.raises(UserError, match=words):
            load_model(str(copy), "congruences")
    path.unlink()
    with pytest.raises(UserError, match="found none"):
        load_model(str(copy), "congruences")


def test_a_folder_without_config_or_tokenizer_is_refused(copy):
    (copy / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match=r"readable .*tokenizer\.json"):
        load_format("congruences", copy)
    (copy / "config.json").unlink()
    with pytest.raises(UserError, match=r"readable config\.json"):
        load_model(str(copy), "congruences")


def test_weights_changed_under_the_same_name_are_another_run_and_never_mixed(copy, tmp_path):
    study = study_from(
        {**json.loads(small_study().to_json()), "generator": {"models": [str(copy)]}}
    )
    with Store.open(tmp_path / "w") as store:
        first = open_run(store, study, str(copy))
        changed_weights(copy)
        with pytest.raises(UserError, match="changed since it was opened"):
            load_run(store, first)
        second = open_run(store, study, str(copy))
        assert first != second
        assert (
            store.read("SELECT count(*) FROM model_versions WHERE kind = 'generator'").item() == 2
        )


def test_a_prompt_that_does_not_fit_the_context_is_refused_by_its_question(tmp_path):
    study = small_study(engine={"max_model_len": 180})
    with (
        Store.open(tmp_path / "w") as store,
        pytest.raises(
            UserError,
            match=r"question congruences-test-\d+: expected a prompt of at most 12 tokens",
        ),
    ):
        open_run(store, study, study.generator.models[0])


def test_an_unknown_format_is_refused():
    with pytest.raises(UserError, match=r"unknown generator\.format 'prose'"):
        small_study(generator={"format": "prose"})


def test_both_sizes_of_a_model_and_its_commit_stand_with_its_version(tmp_path):
    study = small_study()
    with Store.open(tmp_path / "w") as store:
        open_run(store, study, study.generator.models[0])
        columns = "parameters, all_parameters, revision"
        known = store.read(f"SELECT {columns} FROM model_versions WHERE kind = 'generator'")
    assert known.rows() == [(492416, 492416, None)]


def test_a_context_above_a_models_own_is_refused_before_the_run_opens(tmp_path):
    study = small_study(engine={"max_model_len": 4096})
    words = "max_model_len of at most 1024, .* got 4096; lower it"
    with Store.open(tmp_path / "w") as store, pytest.raises(UserError, match=words):
        open_run(store, study, study.generator.models[0])
