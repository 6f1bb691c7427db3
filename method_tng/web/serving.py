"""The service on a socket, over an index."""

import contextlib
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType

import uvicorn

from method_tng.contract.errors import ConfigError
from method_tng.search.opening import open_searcher
from method_tng.web.api import make_app

CONNECTIONS = 128  # at a time; one more is refused
PATIENCE = 20  # seconds an idle connection is kept


def serve(
    index: Path,
    address: tuple[str, int],
    names: Collection[str],
    results_root: str,
    tell: Callable[[str], None],
) -> None:
    """Serves an index till it is interrupted.

    Args:
        index: its folder.
        address: host and port, 0 = any that is free.
        names: host names it answers to, besides localhost and literal addresses.
        results_root: where its run is looked for.
        tell: is given the page's address when the socket listens.

    Raises:
        ConfigError: the address cannot be had.
        DataError, CheckpointError: the index cannot be opened.
    """
    listening = _listen(*address)
    try:
        app = make_app(open_searcher(index, results_root), names)
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        tell(f"http://{shown}:{port}/")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            limit_concurrency=CONNECTIONS, timeout_keep_alive=PATIENCE, timeout_graceful_shutdown=3,
        )  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):  # the usual end
            _server(config, app.state.service.cutting.stop).run(sockets=[listening])
    finally:
        listening.close()


def _server(config: uvicorn.Config, stop: Callable[[], None]) -> uvicorn.Server:
    """A server that calls `stop` as soon as it is told to end, before it waits for what is under way."""
    server = uvicorn.Server(config)
    end = server.handle_exit

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        end(number, frame)

    server.handle_exit = handle  # type: ignore[method-assign]
    return server


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise ConfigError(f"port {port} cannot be; expected 0 to 65535")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # Named as TCP: only then is an answer sent at once, not when the last part was acknowledged (40 ms).
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        told = (
            f"{host}:{port} cannot be listened at ({error.strerror or error}); choose another --port or host"
        )
        raise ConfigError(told) from error
    return listening
