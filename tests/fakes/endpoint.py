"""A solver's endpoint without a server: whoever asks it is given what it replies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from scripted_runs import ScriptedEngines

from flows.answers.application import application
from tasks.serving.solver import open_solver

Ask = Callable[[httpx.AsyncClient], Awaitable[Any]]


def served(
    home: tuple[Path, str], ask: Ask, *, engines: type = ScriptedEngines, seconds: float = 60
) -> Any:
    """What asking the endpoint gave."""
    app = application(lambda: open_solver(*home, engines=engines), hosts={"x"}, seconds=seconds)

    async def everything() -> Any:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://x", timeout=60)
        async with app.router.lifespan_context(app), client:
            return await ask(client)

    return asyncio.run(everything())
