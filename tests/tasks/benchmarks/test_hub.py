"""Data sets of Hugging Face by name: read where the extra is installed, else a sentence."""

import json
import socket
import sys
import time
from pathlib import Path

import pytest

from tasks.benchmarks.benchmark import load_benchmark
from tasks.benchmarks.hub import Split, split_of
from warehouse.errors import UserError

ROWS = [{"id": n, "question": f"q{n}", "answer": str(n)} for n in range(3)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("hf:openai/gsm8k:main:test", Split("openai/gsm8k", None, "main", "test")),
        ("hf:a/MATH-500:test", Split("a/MATH-500", None, None, "test")),
        ("hf:a/b:x:train[:10%]", Split("a/b", None, "x", "train[:10%]")),
        ("hf:a/b@v1.0:train", Split("a/b", "v1.0", None, "train")),
        ("hf:squad@abc:plain:test", Split("squad", "abc", "plain", "test")),
    ],
)
def test_a_name_says_data_set_revision_configuration_and_split(name: str, split: Split) -> None:
    assert split_of(name) == split


def test_titles_tell_owners_configurations_and_splits_apart() -> None:
    names = ["hf:a/b:test", "hf:c/b:test", "hf:a/b:x:test", "hf:a/b:train"]
    assert len({split_of(name).title for name in names}) == len(names)
    assert split_of("hf:a/b@v1:test").title == "a/b:test"


def test_a_name_without_split_is_refused_with_an_example() -> None:
    with pytest.raises(UserError, match=r"e\.g\. hf:openai/gsm8k:test"):
        load_benchmark("hf:openai/gsm8k", count=None, seed=0)


def test_without_the_extra_the_refusal_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'ttc\[datasets\]'"):
        load_benchmark("hf:openai/gsm8k:main:test", count=None, seed=0)


def test_without_network_the_refusal_comes_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"expected split 'test' .* check the names and the net"):
        load_benchmark("hf:nobody/nothing-at-all:main:test", count=None, seed=0)
    assert time.monotonic() - begun < 10


def refuse(*_: object, **__: object) -> None:
    raise socket.gaierror("no network")


def test_a_folder_of_files_is_a_data_set(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    folder = tmp_path / "set"
    folder.mkdir()
    lines = "\n".join(map(json.dumps, ROWS))
    (folder / "test.jsonl").write_text(lines, encoding="utf-8")
    there = load_benchmark(f"hf:{folder}:test", count=None, seed=0)
    file = load_benchmark(str(folder / "test.jsonl"), count=None, seed=0)
    assert (there.name, there.content) == ("set:test", file.content)
    with pytest.raises(UserError, match=r"expected split 'dev' of the data set .* in its folder"):
        load_benchmark(f"hf:{folder}:dev", count=None, seed=0)


def test_a_saved_data_set_is_read_with_its_selection(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list(ROWS)
    splits = datasets.DatasetDict({"train": rows, "test": rows.select([2, 1])})
    splits.save_to_disk(tmp_path / "set")
    there = load_benchmark(f"hf:{tmp_path / 'set'}:test", count=None, seed=0)
    assert sorted(question.target for question in there.questions) == ["1", "2"]
