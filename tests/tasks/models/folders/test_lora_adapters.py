"""Adapters as models: their base, their own parameters, their version, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest
from adapters import BASE, PARAMETERS, adapter
from checkpoints import write_tensors

from tasks.models.folders.adapters import RANKS, load_adapter
from tasks.models.verifiers import load_verifier_format
from tasks.models.version import find_model, load_model, locate
from tasks.runs.lengths import check_adapter
from warehouse.errors import UserError


@pytest.fixture
def added(tmp_path):
    return adapter(tmp_path / "added", 1.0)


def restate(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_an_adapter_alone_is_on_the_base_that_it_states(added):
    place = find_model(str(added))
    assert place.folder == BASE
    assert place.adapter == load_adapter(added)
    model, base = load_model(str(added), "x"), load_model(str(BASE), "x")
    assert model.parameters == base.parameters + PARAMETERS
    assert model.all_parameters == base.parameters + PARAMETERS
    assert model.context == base.context


@pytest.mark.parametrize("base", ["bundled/congruences-generator", str(BASE)])
def test_base_plus_adapter_is_the_same_version_as_the_adapter_alone(added, base):
    restate(added, base_model_name_or_path="/where/it/was/trained")
    joined = load_model(f"{base}+{added}", "x")
    restate(added, base_model_name_or_path=str(BASE))
    assert joined.folder == BASE
    assert joined.adapter and joined.adapter.folder == added
    # The config is part of the version, so it is compared with what it says now.
    assert load_model(f"{base}+{added}", "x").fingerprint == load_model(str(added), "x").fingerprint


def test_base_adapter_and_each_of_two_adapters_are_four_versions(tmp_path, added):
    other = adapter(tmp_path / "other", 0.5)
    half = "bundled/congruences-generator-half"
    names = [str(BASE), str(added), str(other), f"{half}+{added}", half]
    assert len({load_model(name, "x").fingerprint for name in names}) == 5


def test_a_folder_with_a_plus_in_its_name_is_a_folder(tmp_path):
    folder = shutil.copytree(BASE, tmp_path / "base+more")
    assert find_model(str(folder)) == (folder, None, None)


def test_a_merged_model_with_the_config_of_its_adapter_beside_it_is_whole(tmp_path, added):
    folder = shutil.copytree(BASE, tmp_path / "merged")
    for path in added.iterdir():
        shutil.copy(path, folder)
    assert find_model(str(folder)).adapter is None
    assert load_model(str(folder), "x").fingerprint == load_model(str(BASE), "x").fingerprint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "IA3"}, "peft_type = 'IA3'"),
        ({"use_dora": True}, "use_dora = True"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save = \['lm_head'\]"),
        ({"bias": "all"}, "bias = 'all'"),
        ({"lora_bias": True}, "lora_bias"),
        ({"layer_replication": [[0, 2]]}, "layer_replication"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights = 'pissa'"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"r": 0}, "ranks of 1 to 512 as r .* got 0"),
        ({"r": 513}, "got 513"),
        ({"r": "8"}, "got '8'"),
        ({"r": None}, "got None"),
        ({"rank_pattern": {"q_proj": 1000}}, "got 1000"),
        ({"base_model_name_or_path": None}, r"base of the adapter .*, found none; write <base>\+"),
        ({"base_model_name_or_path": "/no/such"}, r"'/no/such', got: .*or write <base>\+"),
    ],
)
def test_an_adapter_that_vllm_would_not_serve_is_refused_by_a_sentence(added, changes, words):
    restate(added, **changes)
    with pytest.raises(UserError, match=words):
        load_model(str(added), "x")


@pytest.mark.parametrize("init", [True, False, "gaussian", "eva", "orthogonal"])
def test_adapters_that_only_began_otherwise_are_plain(added, init):
    restate(added, init_lora_weights=init, use_rslora=True, rank_pattern={"q_proj": 20})
    assert load_adapter(added).rank == 20
    assert load_adapter(added).room == 32


@pytest.mark.parametrize("path", ["lm_head", "model.layers.0.mlp.experts.3.up_proj"])
def test_what_an_adapter_moves_is_read_from_its_matrices(added, path):
    assert load_adapter(added).modules == {"q_proj", "v_proj", "o_proj"}
    assert load_adapter(added).reads_prompts
    stem = f"base_model.model.{path}"
    shapes = {f"{stem}.lora_A.weight": ("F32", (4, 8)), f"{stem}.lora_B.weight": ("F32", (8, 4))}
    write_tensors(added / "adapter_model.safetensors", shapes)
    assert load_adapter(added).modules == {path.rpartition(".")[2]}
    assert not load_adapter(added).reads_prompts


def test_a_verifier_that_is_an_adapter_is_refused_where_vllm_cannot_read_it(added):
    model = load_model(str(added), "x")
    likelihood = load_verifier_format("likelihood")
    check_adapter(model, likelihood)
    with pytest.raises(UserError, match="expected a whole model for format 'qwen-math-prm'"):
        check_adapter(model, load_verifier_format("qwen-math-prm"))
    head = "base_model.model.lm_head.lora_A.weight"
    write_tensors(added / "adapter_model.safetensors", {head: ("F32", (4, 8))})
    with pytest.raises(UserError, match="merge it into its base"):
        check_adapter(load_model(str(added), "x"), likelihood)


def test_room_is_made_in_vllms_steps(added):
    for rank in range(1, RANKS[-1] + 1):
        restate(added, r=rank)
        room = load_adapter(added).room
        assert room in RANKS and room >= rank
        assert not any(rank <= step < room for step in RANKS)


def test_pickled_and_missing_matrices_are_refused(added):
    (added / "adapter_model.safetensors").rename(added / "adapter_model.bin")
    with pytest.raises(UserError, match=r"adapter_model\.bin is pickled"):
        load_model(str(added), "x")
    (added / "adapter_model.bin").unlink()
    with pytest.raises(UserError, match=r"expected adapter_model\.safetensors in .*, found none;"):
        load_model(str(added), "x")


def test_a_cut_adapter_is_refused(added):
    path = added / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match=r"should have .* bytes"):
        load_model(str(added), "x")


def test_adapters_do_not_stand_on_adapters_and_whole_models_are_none(tmp_path, added):
    other = adapter(tmp_path / "other", 0.5)
    with pytest.raises(UserError, match="expected a whole model as the base"):
        find_model(f"{other}+{added}")
    with pytest.raises(UserError, match=r"expected an adapter with adapter_config\.json"):
        find_model(f"{BASE}+{BASE}")
    with pytest.raises(UserError, match="expected a whole model, got the adapter"):
        locate(str(added))
