"""A service on a port of its own."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from method_tng.web.api import make_app


@contextlib.contextmanager
def serving(searcher: Any) -> Iterator[str]:
    """The address of the service over a searcher."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(make_app(searcher), log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:  # else a test that fails would wait for ever
            server.should_exit = True
            thread.join()
