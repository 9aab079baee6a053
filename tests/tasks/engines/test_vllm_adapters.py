"""What vLLM is given of a model folder, and that an adapter draws what its merged weights draw."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from adapters import adapter, merged
from checkpoints import DENSE, checkpoint, sharded, write_tensors
from replies import all_of

from tasks.benchmarks.bundled import questions
from tasks.engines.vllm_adapters import plain_folder
from tasks.models.formats import load_format
from tasks.models.version import BUNDLED, load_model
from tasks.protocols import Sampling
from tasks.study.tables import EngineOptions

BASE = "bundled/congruences-generator"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_folder_with_its_own_weights_alone_is_served_itself(tmp_path):
    for folder in (checkpoint(tmp_path / "a", DENSE), sharded(tmp_path / "b", DENSE, 2)):
        assert plain_folder(folder) == folder


def test_weights_that_do_not_count_are_not_served(tmp_path):
    folder = sharded(tmp_path / "model", DENSE, 2)
    wanted = sorted(path.name for path in folder.iterdir())
    write_tensors(folder / "consolidated.safetensors", DENSE)
    write_tensors(folder / "adapter_model.safetensors", DENSE)
    served = plain_folder(folder)
    assert sorted(path.name for path in served.iterdir()) == wanted
    assert all((served / name).read_bytes() == (folder / name).read_bytes() for name in wanted)
    # Once made, it is found again; and it follows what happens to the originals.
    assert plain_folder(folder) == served
    shutil.copy(folder / wanted[-1], folder / "spare")
    (folder / "config.json").write_text("{}")
    assert (served / "config.json").read_text() == "{}"


async def drawn(name: str, temperature: float) -> list[tuple[int, ...]]:
    """Token ids of four draws by the model of that name."""
    from tasks.engines.vllm_generator import VllmGenerator

    model = load_model(name, "congruences")
    format = load_format("congruences", model.folder)
    options = EngineOptions(max_model_len=256, dtype="float32")
    engine = VllmGenerator(model.folder, format, options, adapter=model.adapter)
    (question, *_) = questions("test", 10)
    sampling = Sampling(temperature, 1.0, 0, 60, "end")
    try:
        reply = await all_of(engine.draw(format.prompt(question), 4, sampling=sampling, seed=3))
    finally:
        engine.close()
    return [draw.token_ids for draw in reply.draws]


@pytest.mark.slow
async def test_an_adapter_draws_what_its_merged_weights_draw(tmp_path):
    added = adapter(tmp_path / "added", 0.05)
    base = await drawn(BASE, 1.0)
    moved = await drawn(str(added), 1.0)
    assert moved != base
    assert await drawn(str(merged(tmp_path / "merged", added)), 1.0) == moved


@pytest.mark.slow
async def test_an_adapter_of_zeros_draws_what_its_base_draws(tmp_path):
    zeros = adapter(tmp_path / "zeros", 0.0)
    assert await drawn(f"{BASE}+{zeros}", 1.0) == await drawn(BASE, 1.0)


async def likelihoods(name: str, text: str) -> list[float]:
    """Log-probabilities of the tokens of a text by the model of that name."""
    from tasks.engines.vllm_served import VllmServed

    model = load_model(name, "congruences")
    format = load_format("congruences", model.files)
    options = EngineOptions(max_model_len=256, dtype="float32")
    served = VllmServed(model.files, options, head=False, adapter=model.adapter)
    try:
        return await served.token_logprobs(format.tokenizer.encode(text))
    finally:
        served.close()


@pytest.mark.slow
async def test_an_adapter_finds_a_text_as_likely_as_its_merged_weights(tmp_path):
    added = adapter(tmp_path / "added", 0.05)
    (question, *_) = questions("test", 10)
    text = load_format("congruences", BUNDLED / "congruences-generator").render(question.text)
    moved = await likelihoods(str(added), text)
    whole = await likelihoods(str(merged(tmp_path / "merged", added)), text)
    assert moved == pytest.approx(whole, abs=1e-3)
    assert moved != pytest.approx(await likelihoods(BASE, text), abs=1e-2)


@pytest.mark.slow
async def test_a_checkpoint_with_files_beside_its_weights_draws_as_without(tmp_path):
    folder = Path(shutil.copytree(BUNDLED / "congruences-generator", tmp_path / "model"))
    write_tensors(folder / "consolidated.safetensors", DENSE)
    write_tensors(folder / "spare.safetensors", DENSE)
    assert await drawn(str(folder), 1.0) == await drawn(BASE, 1.0)
