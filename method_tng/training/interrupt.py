"""Ctrl-C and SIGTERM as a wish: the loop ends after the running step, saves, and says how to go on."""

import contextlib
import signal
from collections.abc import Iterator


class Wish:
    """Whether somebody asked to stop, and by which signal."""

    signal: int = 0

    def __bool__(self) -> bool:
        return self.signal != 0


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Wish]:
    """Catches SIGINT and SIGTERM while training; a second one ends the process at once, as usual."""
    wish = Wish()
    previous = {}

    def note(number: int, _frame: object) -> None:
        wish.signal = number
        for caught, handler in previous.items():
            signal.signal(caught, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, note)
    try:
        yield wish
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
