"""Which files of a folder are the model's weights, and which folders are refused by a sentence."""

from __future__ import annotations

import json
import struct

import pytest
from checkpoints import DENSE, DENSE_PARAMETERS, checkpoint, sharded, write_tensors
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.folders.parameters import count_parameters
from tasks.models.folders.weights import INDEX, tensors, uncounted_files, weight_files
from tasks.models.version import fingerprint
from warehouse.errors import UserError

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
SPARE = {"model.layers.0.mlp.up_proj.weight": ("F32", (64, 64))}
BESIDE = (
    "consolidated.safetensors",
    "consolidated-00001-of-00002.safetensors",
    "adapter_model.safetensors",
    "optimizer.safetensors",
    "scheduler.safetensors",
    "ema.safetensors",
    "spare.safetensors",
)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_model_in_shards_counts_as_the_same_in_one_file(tmp_path, parts):
    folder = sharded(tmp_path, DENSE, parts)
    assert len(weight_files(folder)) == parts
    assert count_parameters(folder) == (DENSE_PARAMETERS, DENSE_PARAMETERS)


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("make", [checkpoint, lambda *given: sharded(*given, 2)])
def test_what_lies_beside_the_weights_neither_counts_nor_makes_another_version(
    tmp_path, make, name
):
    folder = make(tmp_path, DENSE)
    before = fingerprint(folder, "x")
    write_tensors(folder / name, SPARE)
    assert count_parameters(folder).all == DENSE_PARAMETERS
    assert fingerprint(folder, "x") == before
    assert uncounted_files(folder) == [folder / name]


@given(missing=st.sets(st.integers(1, 6), min_size=1, max_size=6))
def test_missing_shards_are_named_with_and_without_an_index(tmp_path_factory, missing):
    folder = sharded(tmp_path_factory.mktemp("model"), DENSE, 6)
    names = [f"model-{number:05d}-of-00006.safetensors" for number in sorted(missing)]
    for name in names:
        (folder / name).unlink()
    with pytest.raises(UserError, match="expected the 6 shards") as said:
        weight_files(folder)
    assert all(name in str(said.value) for name in names[:3])
    assert names[-1] in str(said.value) or len(names) > 3
    (folder / INDEX).unlink()
    # All of them gone: nothing in the folder tells that there were any.
    words = "found none" if len(missing) == 6 else names[0]
    with pytest.raises(UserError, match=words):
        weight_files(folder)


@given(cut=st.integers(1, 200))
def test_a_shard_that_is_cut_short_is_named(tmp_path_factory, cut):
    folder = sharded(tmp_path_factory.mktemp("model"), DENSE, 2)
    path = folder / "model-00002-of-00002.safetensors"
    content = path.read_bytes()
    # Into the tensors, into the header, into the length of the header.
    for rest in (content[:-cut], content[: 8 + cut], content[: cut % 8]):
        path.write_bytes(rest)
        with pytest.raises(UserError, match=r"model-00002-of-00002.*fetch it again"):
            tensors(folder)


def test_a_shard_without_a_tensor_of_the_index_is_another_models(tmp_path):
    folder = sharded(tmp_path, DENSE, 2)
    write_tensors(folder / "model-00001-of-00002.safetensors", SPARE)
    with pytest.raises(UserError, match=r"expected tensor .* in .*model-00001-of-00002"):
        tensors(folder)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "{", "\ufeff{}", '{"weight_map": {}}', '{"weight_map": []}'),
        *('{"weight_map": {"a": 1}}', '{"weight_map": {"a": ""}}'),
        '{"weight_map": {"a": "../other.safetensors"}}',
    ],
)
def test_an_index_that_cannot_be_read_is_refused_by_a_sentence(tmp_path, text):
    folder = checkpoint(tmp_path, DENSE)
    (folder / INDEX).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"model\.safetensors\.index\.json"):
        weight_files(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", INDEX])
def test_pointers_of_git_lfs_say_how_to_fetch_them(tmp_path, name):
    folder = checkpoint(tmp_path, DENSE)
    (folder / name).write_text(POINTER)
    with pytest.raises(UserError, match=r"pointer of Git LFS; run `git lfs pull` in"):
        count_parameters(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pytorch_model.bin", "pickled .*save_pretrained"),
        ("pytorch_model-00001-of-00002.bin", "pickled"),
        ("consolidated.00.pth", "pickled"),
        ("model-q4.gguf", "GGUF"),
        ("consolidated.safetensors", r"only consolidated\.safetensors, which no engine"),
        ("adapter_model.safetensors", r"only adapter_model\.safetensors, .*merge"),
        ("README.md", "found none; fetch them again"),
    ],
)
def test_folders_without_weights_say_what_to_do(tmp_path, name, words):
    folder = checkpoint(tmp_path, DENSE)
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(UserError, match=words):
        weight_files(folder)


@pytest.mark.parametrize(
    "header",
    [
        *(b"[]", b"{", b"[" * 5000, b"\xff\xfe", b'{"a": 1}'),
        b'{"a": {"dtype": "F32", "shape": 3, "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1]}}',
    ],
)
def test_a_header_that_is_no_header_is_refused(tmp_path, header):
    folder = checkpoint(tmp_path, DENSE)
    content = struct.pack("<Q", len(header)) + header + bytes(4)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="not a readable safetensors"):
        tensors(folder)


def test_a_header_longer_than_any_is_not_read(tmp_path):
    folder = checkpoint(tmp_path, DENSE)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(UserError, match="not a readable safetensors"):
        tensors(folder)


def test_every_byte_of_every_shard_and_the_index_is_in_the_fingerprint(tmp_path):
    folder = sharded(tmp_path, DENSE, 2)
    known = {fingerprint(folder, "x")}
    for path in sorted(folder.glob("*.safetensors")):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        known.add(fingerprint(folder, "x"))
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | {"metadata": {"total_size": 1}}))
    known.add(fingerprint(folder, "x"))
    assert len(known) == 4
