"""Models of a hub: the commit of a revision, the cached copy without a network, one sentence."""

from __future__ import annotations

import socket
import time

import pytest
from adapters import adapter
from checkpoints import DENSE, DENSE_PARAMETERS, checkpoint, sharded, write_tensors
from huggingface_hub import constants
from local_hub import COMMITS, NAME, LocalHub

from tasks.models.folders import hub as room
from tasks.models.version import find_model, load_model
from warehouse.errors import UserError

MAIN, V1 = COMMITS["main"], COMMITS["v1"]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with two revisions of a model, and an empty cache."""
    main = sharded(tmp_path / "main", DENSE, 2)
    write_tensors(main / "consolidated.safetensors", DENSE)
    (main / "pytorch_model.bin").write_bytes(b"pickle")
    (main / "modeling.py").write_text("print('run me')")
    first = checkpoint(tmp_path / "v1", {"model.norm.weight": ("F32", (7,))})
    server = LocalHub({"main": main, "v1": first})
    point_to(monkeypatch, server.address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    server.server_close()


def point_to(monkeypatch, address):
    room.fetch.cache_clear()
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.usefixtures("hub")
def test_an_id_is_the_newest_commit_and_a_revision_the_one_it_names():
    newest, named = load_model(NAME, "x"), load_model(f"{NAME}@v1", "x")
    assert (newest.revision, newest.parameters) == (MAIN, DENSE_PARAMETERS)
    assert (named.revision, named.parameters) == (V1, 7)
    assert load_model(f"{NAME}@{V1}", "x").fingerprint == named.fingerprint != newest.fingerprint


@pytest.mark.usefixtures("hub")
def test_a_branch_that_moves_on_changes_no_process_under_way(monkeypatch):
    before = find_model(NAME)
    monkeypatch.setitem(COMMITS, "main", V1)
    assert find_model(NAME) == before
    room.fetch.cache_clear()
    assert find_model(NAME).revision == V1


@pytest.mark.usefixtures("hub")
def test_neither_pickles_nor_code_nor_a_second_layout_is_fetched():
    fetched = {path.name for path in find_model(NAME).folder.iterdir()}
    assert fetched == {
        "config.json",
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    }


def test_a_commit_that_is_cached_asks_nobody(hub):
    find_model(f"{NAME}@{V1}")
    hub.asked.clear()
    room.fetch.cache_clear()
    assert find_model(f"{NAME}@{V1}").revision == V1
    assert hub.asked == []


@pytest.mark.parametrize("away", ["closed", "offline", "failing", "silent"])
def test_without_a_hub_the_cached_copy_is_used_and_else_a_sentence_said_at_once(
    hub, monkeypatch, away
):
    cached = find_model(NAME)
    monkeypatch.setattr(room, "_PATIENCE", 0.5)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        if away == "closed":
            point_to(monkeypatch, closed_port())
        elif away == "offline":
            room.fetch.cache_clear()
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        elif away == "failing":
            room.fetch.cache_clear()
            hub.failure = 503
        else:
            point_to(monkeypatch, f"http://127.0.0.1:{mute.getsockname()[1]}")
        begun = time.monotonic()
        assert find_model(NAME) == cached
        with pytest.raises(UserError, match=r"copy of 'someone/model@v1' in the cache"):
            find_model(f"{NAME}@v1")
        # Twice the patience; what the package asks for itself beside it has three seconds each.
        assert time.monotonic() - begun < 9


def test_a_copy_that_is_not_whole_is_none(hub, monkeypatch):
    folder = find_model(NAME).folder
    (folder / "model-00002-of-00002.safetensors").unlink()
    point_to(monkeypatch, closed_port())
    with pytest.raises(UserError, match="found none that is whole; go online once"):
        find_model(NAME)
    point_to(monkeypatch, hub.address)
    assert load_model(NAME, "x").parameters == DENSE_PARAMETERS


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "GatedRepo", "someone/model is gated.*HF_TOKEN"),
        (403, "GatedRepo", "someone/model is gated.*HF_TOKEN"),
        (404, "RepoNotFound", r"got 'someone/model' \(\w+\); check the spelling"),
        (401, "", r"got 'someone/model' \(\w+\); check the spelling"),
        (429, "", r"got 'someone/model' \(\w+\); check the spelling"),
    ],
)
def test_a_refusal_of_the_hub_is_told_as_what_it_is(hub, status, code, words):
    hub.failure, hub.code = status, code
    with pytest.raises(UserError, match=words):
        find_model(NAME)


@pytest.mark.usefixtures("hub")
def test_a_revision_that_is_not_there_is_named():
    with pytest.raises(UserError, match="someone/model has no revision 'v9'"):
        find_model(f"{NAME}@v9")


@pytest.mark.parametrize("name", ["a/b/c", "", "@v1", "a b", "-x", "x" * 300])
def test_what_is_no_id_is_refused_without_asking(hub, name):
    with pytest.raises(UserError, match="a folder or a Hugging Face id"):
        find_model(name)
    assert not any("revision" in path for path in hub.asked)


def test_an_adapter_of_a_hub_is_known_by_both_commits(hub, tmp_path):
    hub.folders[V1] = adapter(tmp_path / "added", 1.0, base_model_name_or_path=NAME)
    both = find_model(f"{NAME}@v1")
    assert both.revision == f"{MAIN}+{V1}"
    assert both.folder.name == MAIN
    assert find_model(f"bundled/congruences-generator+{NAME}@v1").revision == V1
