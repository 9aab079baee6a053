"""Prefect's server as `ttc up` starts it: `python -m flows.servers.prefect_server HOST PORT NAMES`.

It is the application that `prefect server start` serves, behind a check of who asks, for which
Prefect has no setting. Password and origins are settings of Prefect, given in the environment.
"""

from __future__ import annotations

import sys

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from flows.servers.visitors import OwnOnly, own_hosts


def main(host: str, port: int, further: str) -> None:
    """Serve until a signal ends it; `further` as `own_hosts` takes it."""
    server = get_current_settings().server
    app = OwnOnly(create_app(final=True), own_hosts(host, port, further))
    uvicorn.run(
        app,
        host=host,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
