"""How much of a draw is thinking, as the recorder writes it down."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tasks.asking.recorder import Recorder
from tasks.models.thinking import Marks, Share, Thinking

FORMAT = SimpleNamespace(thinking=Thinking((Marks("<think>", "</think>"),)))
RUN: Any = SimpleNamespace(format_of=lambda _model: FORMAT)


@pytest.mark.parametrize("counted", [None, 0, 1_024])
def test_what_a_server_counts_and_does_not_show_stays_counted(counted: int | None) -> None:
    steps = ["A first step.\n", "The answer is 5."]
    new: Any = SimpleNamespace(
        node=SimpleNamespace(text="".join(steps), own_steps=steps),
        draw=SimpleNamespace(token_ids=None, thinking_tokens=counted),
    )
    recorder = Recorder(store=RUN, run=RUN)
    assert recorder._thinking(RUN, new) == Share(counted, 0)
