"""What the README shows is written from a run of the demo, and nothing else of it is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_runs import run_all, small_study

from flows.cli.showcase import BEGIN, END, showcase
from tasks.publication.first_lines import first_lines
from tasks.publication.summary import load_summary
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot

PAGE = f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe rest.\n"


def test_a_run_of_the_demo_stands_between_the_marks(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    run_id = run_all(folder, small_study(name="demo", questions=40))
    readme = tmp_path / "README.md"
    readme.write_text(PAGE, encoding="utf-8")
    figure = tmp_path / "demo.svg"
    time = tmp_path / "demo_time.json"
    assert showcase(folder, readme, figure, time) == run_id
    assert json.loads(time.read_text(encoding="utf-8"))["seconds"] >= 0
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n\n{BEGIN}\n") and text.endswith(f"{END}\n\nThe rest.\n")
    assert "\nold\n" not in text
    reader = Snapshot(folder)
    for line in first_lines(load_summary(reader, run_id)):
        assert f"- {line}\n" in text
    assert figure.read_text(encoding="utf-8").startswith("<svg")
    example = text.partition("```text\n")[2].partition("\n```")[0].splitlines()
    words = [line[:11].strip() for line in example if line[:11].strip()]
    assert words == ["question", "wrong", "correct", "target"]
    asked = example[0][11:]
    target = example[-1][11:]
    (row,) = reader.read("SELECT question, target FROM questions").filter(target=target).to_dicts()
    assert row["question"].startswith(asked)
    # Every step of both completions stands before the verifier's score of it.
    scores = [float(line.rsplit(" ", 1)[1]) for line in example[2:-1]]
    assert all(0.0 <= score <= 1.0 for score in scores) and len(scores) >= 4


def test_without_a_demo_it_says_what_to_do(tmp_path: Path) -> None:
    run_all(tmp_path / "warehouse", small_study(questions=10))
    with pytest.raises(UserError, match="run `ttc demo` first"):
        showcase(tmp_path / "warehouse", tmp_path / "README.md")
