"""Work that would block the event loop, one piece after the other in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from method_tng.web.faults import refusal

Result = TypeVar("Result")


class Lane:
    """One thread and the queue before it.

    Args:
        name: what is done there.
        room: pieces of work that may be in it, the one that is done included.
    """

    def __init__(self, name: str, room: int) -> None:
        self.name, self.room, self.held = name, room, 0
        self._counting = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, when its turn has come.

        Raises:
            HTTPException: 503, the queue is full.
        """
        with self._counting:
            if self.held >= self.room:
                told = f"{self.held} {self.name} are waiting already; try again in a few seconds"
                raise refusal(503, "busy", told, {"Retry-After": "2"})
            self.held += 1
        future = self._thread.submit(work)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Lets the work at hand end and drops what waits."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Future) -> None:
        with self._counting:
            self.held -= 1
