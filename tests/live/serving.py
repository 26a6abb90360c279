"""Serve the stream with the real server, as the Procfile does."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from releasetrain.live.routing import stream


@contextmanager
def served(port: int = 0) -> Iterator[int]:
    """Run uvicorn on a port of its own (or on that one) for the length of a block; yields the port."""
    listener = socket.create_server(("127.0.0.1", port), reuse_port=True)
    server = uvicorn.Server(
        uvicorn.Config(
            stream,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="on",
            log_level="warning",
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="uvicorn")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
