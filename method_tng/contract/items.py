"""The things everybody talks about: films, narrations, windows, moments, rankings.

Unit: all times are seconds from the film's start, as floats, unless a name says otherwise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Movie:
    """A video of the corpus."""

    movie_id: str
    duration: float  # seconds


@dataclass(frozen=True, slots=True)
class Narration:
    """A query: one sentence, and where it happens when that is known."""

    query_id: str
    text: str
    movie_id: str  # "" when unknown (a split without ground truth)
    spans: tuple[Interval, ...] = ()  # its moments in film seconds; empty when unknown
    kind: str = ""  # TVR's type of a query ("v", "t", "vt"), kept for tables by type
    sources: tuple[str, ...] = ()  # ids of the narrations that a caption is joined from; empty = none


@dataclass(frozen=True, slots=True)
class Window:
    """The unit that is retrieved: a stretch of a film, or a whole short video."""

    window_id: str
    movie_id: str
    start: float  # film seconds
    end: float  # film seconds, end > start


@dataclass(frozen=True, slots=True)
class Moment:
    """One answer."""

    movie_id: str
    start: float
    end: float
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answers to one query, best first."""

    query_id: str
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class RankingTable:
    """The rankings of many queries as columns: what `Ranking` says, without an object per row.

    Rows of query i are `offset[i]:offset[i + 1]`, best first.  A place is a film or a window; its time
    axis starts at the place's own start.  Attributes:

        query_ids: Q ids, in the order of the queries.
        offset:    (Q + 1,) int64.
        place:     (R,) int64, index into `names`.
        times:     (R, 2) float64 start and end in seconds of the place.
        score:     (R,) float64.
        names:     the places' ids.
    """

    query_ids: Sequence[str]
    offset: np.ndarray
    place: np.ndarray
    times: np.ndarray
    score: np.ndarray
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.query_ids)

    def take(self, queries: Sequence[int]) -> "RankingTable":
        """The rankings of some queries, in this order."""
        counts = np.diff(self.offset)[list(queries)]
        offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.repeat(self.offset[list(queries)] - offset[:-1], counts) + np.arange(offset[-1])
        ids = [self.query_ids[query] for query in queries]
        return RankingTable(ids, offset, self.place[rows], self.times[rows], self.score[rows], self.names)

    def rankings(self) -> Iterator[Ranking]:
        """The same as objects, one query at a time."""
        for index, query_id in enumerate(self.query_ids):
            rows = range(int(self.offset[index]), int(self.offset[index + 1]))
            yield Ranking(query_id, tuple(self._moment(row) for row in rows))

    def _moment(self, row: int) -> Moment:
        start, end = self.times[row].tolist()
        return Moment(self.names[int(self.place[row])], start, end, float(self.score[row]))
