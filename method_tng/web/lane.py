"""Work that would block the event loop, one piece after the other in a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from method_tng.web.faults import refusal

GLANCE = 0.25  # seconds after which it is looked again whether somebody waits

Result = TypeVar("Result")
Wanted = Callable[[], bool]
"""Whether a piece of work is still wanted; long work asks now and then."""


class Lane:
    """One thread and the queue before it.

    Args:
        name: what is done there.
        room: pieces of work that may be in it, the one that is done included.
    """

    def __init__(self, name: str, room: int) -> None:
        self.name, self.room, self.held = name, room, 0
        self._counting = threading.Lock()
        self._closed = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[[Wanted], Result], is_gone: Callable[[], Awaitable[bool]]) -> Result:
        """What `work` returns, when its turn has come.

        Args:
            work: is handed what tells it whether it is still wanted.
            is_gone: whether nobody waits any more, as when a browser has asked for something else.

        Raises:
            HTTPException: 503, the queue is full.
        """
        with self._counting:
            if self.held >= self.room:
                told = f"{self.held} {self.name} are waiting already; try again in a few seconds"
                raise refusal(503, "busy", told, {"Retry-After": "2"})
            self.held += 1
        gone = threading.Event()
        future = self._thread.submit(work, lambda: not (gone.is_set() or self._closed.is_set()))
        future.add_done_callback(self._leave)
        answer = asyncio.wrap_future(future)
        while not (await asyncio.wait({answer}, timeout=GLANCE))[0]:
            if await is_gone():
                gone.set()
                future.cancel()  # where its turn has not come
        if answer.cancelled():
            raise refusal(503, "busy", "nobody waits for this any more")
        return answer.result()

    def stop(self) -> None:
        """Nothing is wanted any more.  May be called in a signal's handler."""
        self._closed.set()

    def close(self) -> None:
        """Drops what waits, and returns when the work at hand has ended."""
        self.stop()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Future) -> None:
        with self._counting:
            self.held -= 1
