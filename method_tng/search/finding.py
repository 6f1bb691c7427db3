"""Which windows are looked at for a sentence.

A finder names candidates; what is shown and ranked is always `Matcher.match` on them.  So whatever a finder
does (all windows, approximate neighbours, a server that scores the clips of a window together), the rest of
a search stays as it is.
"""

from typing import Protocol

from torch import Tensor

from method_tng.contract.protocols import Code


class Finder(Protocol):
    """Names windows that may be relevant."""

    name: str

    def find(self, query: Code, allowed: Tensor) -> Tensor:
        """Rows (m,) int64 in order of the windows that are matched; allowed (M,) bool, query of one."""
        ...


class Everything:
    """Every window that may be: the search is exact."""

    name = "exact"

    def find(self, query: Code, allowed: Tensor) -> Tensor:
        """All rows that are allowed."""
        return allowed.nonzero().flatten()
