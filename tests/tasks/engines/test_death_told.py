"""How vLLM says that an engine's process ended while it started."""

from __future__ import annotations

import pytest

from tasks.engines.vllm_process import was_killed

TOLD = "Engine core initialization failed. See root cause above. Failed core proc(s): "


@pytest.mark.parametrize(
    ("error", "killed"),
    [
        (RuntimeError(TOLD + "{'EngineCore': -9}"), True),
        (RuntimeError(TOLD + "{'EngineCore_DP0': 1, 'EngineCore_DP1': -15}"), True),
        (RuntimeError(TOLD + "{'EngineCore': 255}"), True),
        # Gone, and its status not yet to be read.
        (RuntimeError(TOLD + "{}"), True),
        (BrokenPipeError(32, "Broken pipe"), True),
        (RuntimeError(TOLD + "{'EngineCore': 1}"), False),
        (ValueError("the model's architecture is not known"), False),
    ],
)
def test_what_was_killed_is_told_from_what_ended_by_itself(error: Exception, killed: bool) -> None:
    assert was_killed(error) is killed
