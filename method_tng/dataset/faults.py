"""What is wrong with somebody's files: raised at once, or gathered for a report."""

from collections.abc import Iterator
from contextlib import contextmanager

from method_tng.contract.errors import DataError, TngError


class Faults:
    """Where readers put every fault they find.

    A run wants to stop at the first one; a check wants all of them.  A reader calls `add` and goes on with
    the next record: in the first case `add` does not return.
    """

    def __init__(self, gather: bool = False) -> None:
        self.gather = gather
        self.sentences: list[str] = []

    def add(self, sentence: str) -> None:
        """Raises `DataError(sentence)`, or keeps the sentence when faults are gathered."""
        if not self.gather:
            raise DataError(sentence)
        self.sentences.append(sentence)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """A block whose error ends it; the error's sentence is kept when faults are gathered."""
        try:
            yield
        except TngError as error:
            if not self.gather:
                raise
            self.sentences.append(str(error))
