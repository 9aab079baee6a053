"""After every run a part of the journal is read again, so that rot in it shows by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_runs import run_all, small_study

from tasks.evaluation import publish
from tasks.settings import Settings


@pytest.mark.slow
def test_rot_in_a_merged_segment_is_told_with_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = Settings(home=tmp_path, mlflow_uri="http://127.0.0.1:9")
    study = small_study(questions=10, budgets=[1, 2], strategies=["majority", "weighted"])
    run_id = run_all(now.warehouse, study)
    assert publish.run(now, run_id) is None
    assert "damaged" not in capsys.readouterr().err
    segment = next((now.warehouse / "journal" / "draws").glob("*.parquet"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    publish.run(now, run_id)
    said = capsys.readouterr().err
    assert segment.name in said and "damaged" in said
