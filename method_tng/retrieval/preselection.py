"""The windows that another system would open: only those are scored and opened by ours.

Both systems read the same queries and films.  Where they cut films alike, a window is the same window for
both; elsewhere a window of ours may be opened when it shares time with one that was chosen, and is as
relevant as the best of those.  Windows that are widened count as they were before: a found shot opens the
window around it, not one that ends with it.  In a system of two stages the first is such another one, whose
windows are the second's before they were widened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from method_tng.contract.batch import QueryBatch, to_device
from method_tng.contract.items import Window
from method_tng.contract.protocols import Matcher
from method_tng.dataset.windows import touched_windows
from method_tng.retrieval.codes import CorpusCodes
from method_tng.retrieval.moments import top
from method_tng.retrieval.ranking import match_corpus


@dataclass(frozen=True)
class Preselection:
    """Another system with its V windows of the same films.

    Attributes:
        matcher: the other system.
        codes: its windows, encoded.
        read: rows of queries -> what it reads of them.
        window_movies: (V,) int64, film of each of its windows in our numbers.
        shared: (P, 2) int64, rows of one of its windows and one of ours that share time.
        keep: how many of its windows it chooses for a query.
    """

    matcher: Matcher
    codes: CorpusCodes
    read: Callable[[Sequence[int]], QueryBatch]
    window_movies: Tensor
    shared: Tensor
    keep: int

    def relevance(self, rows: Tensor) -> Tensor:
        """(B, V) what the other system thinks of all its windows; rows (B,) int64 of queries."""
        queries = to_device(self.read(rows.tolist()), self.codes.device)
        return match_corpus(self.matcher, self.matcher.encode_queries(queries), self.codes)

    def chosen(self, relevance: Tensor, films: Tensor | None, num_windows: int) -> Tensor:
        """(B, M) the other system's relevance of our windows, -inf where none of its choice shares time.

        Args:
            relevance: (B, V) of its own windows.
            films: (B,) int64, the only film that is looked at, -1 = none; None = all films.
            num_windows: M, ours.
        """
        if films is not None:
            relevance = relevance.masked_fill(self.window_movies != films.unsqueeze(1), -torch.inf)
        score, place = top(relevance, self.keep)
        kept = torch.full_like(relevance, -torch.inf).scatter_(1, place, score)  # (B, V)
        ours = relevance.new_full((len(relevance), num_windows), -torch.inf)
        theirs, own = self.shared.unbind(1)
        return ours.scatter_reduce_(1, own.expand(len(ours), -1), kept[:, theirs], "amax")


def shared_windows(theirs: Sequence[Window], ours: Sequence[Window]) -> Tensor:
    """(P, 2) int64 rows of windows that share time; of equal lists, each window with itself alone."""
    if [_place(window) for window in theirs] == [_place(window) for window in ours]:
        return same_windows(theirs, ours)
    rows_of: dict[str, list[int]] = {}
    for row, window in enumerate(theirs):
        rows_of.setdefault(window.movie_id, []).append(row)
    windows_of = {film: [theirs[row] for row in rows] for film, rows in rows_of.items()}
    pairs = []
    for own, window in enumerate(ours):
        first, last = touched_windows((window.start, window.end), windows_of[window.movie_id])
        pairs += [(rows_of[window.movie_id][place], own) for place in range(first, last + 1)]
    return torch.tensor(pairs, dtype=torch.int64)


def same_windows(theirs: Sequence[Window], ours: Sequence[Window]) -> Tensor:
    """(P, 2) int64 rows of windows that bear the same id, wherever they reach."""
    row = {window.window_id: index for index, window in enumerate(theirs)}
    pairs = [(row[one.window_id], index) for index, one in enumerate(ours) if one.window_id in row]
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)


def _place(window: Window) -> tuple[str, float, float]:
    return window.movie_id, window.start, window.end
