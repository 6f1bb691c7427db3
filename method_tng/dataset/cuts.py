"""The films of a split cut into windows, and which of them a narration belongs to."""

import logging
from collections.abc import Sequence

import numpy as np

from method_tng.contract.errors import DataError
from method_tng.contract.items import Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split
from method_tng.dataset.windows import (
    clip_range,
    cut,
    holding_windows,
    own_window,
    touched_windows,
    widened,
    without_unseen,
)

logger = logging.getLogger(__name__)


class Cuts:
    """All windows of a split, in the order of films and starts.

    Args:
        data: how films are cut.
        split: the films.
        num_rows: feature rows of each.

    Attributes:
        windows: M windows as they are searched.
        of_films: the windows of each film before they were widened, by which narrations belong to them.
        movies: (M,) int64, row of each window's film in the split.
        rows: (M, 2) int64, first feature row of each window, and the row behind its last.

    Raises:
        ConfigError: settings that cut no windows.
        DataError: features that end before a window begins.
    """

    def __init__(self, data: DataSettings, split: Split, num_rows: Sequence[int]) -> None:
        self._data, self._split = data, split
        self.of_films = [
            without_unseen(cut(movie, data), data.clip_length, rows)
            for movie, rows in zip(split.movies, num_rows, strict=True)
        ]
        shown = self.of_films
        if data.window_margin:
            pairs = zip(self.of_films, split.movies, strict=True)
            shown = [widened(windows, movie, data) for windows, movie in pairs]
        counts = [len(windows) for windows in shown]
        self.windows: list[Window] = [window for windows in shown for window in windows]
        self.movies = np.repeat(np.arange(len(counts)), counts)
        self.rows = self._rows(num_rows)
        starts = np.cumsum([0, *counts])[:-1].tolist()
        films = (movie.movie_id for movie in split.movies)
        self._of_film = dict(zip(films, zip(starts, self.of_films, strict=True), strict=True))

    @property
    def unwidened(self) -> list[Window]:
        """The M windows before they were widened."""
        return [window for windows in self.of_films for window in windows]

    def own(self, narration: Narration) -> int:
        """Row of a narration's own window, -1 where its moment is not known."""
        if not narration.spans:
            return -1
        first, windows = self._of_film[narration.movie_id]
        return first + own_window(narration, windows, self._data.window_seconds / 2)

    def touched(self, narrations: Sequence[Narration]) -> np.ndarray:
        """(N, 2, 2) int64: first and last row of the windows that a narration's first moment touches, and of
        those that its moments touch from the first to the last of them; -1 where no moment is known."""
        return np.array([self._touched(one) for one in narrations], dtype=np.int64)

    def holding(self, narrations: Sequence[Narration]) -> np.ndarray:
        """(N, 2) int64: first and last row of the windows that hold a narration's first moment as a whole,
        -1 where no moment is known.  Of one that is longer than a window, the window that starts with it."""
        found = np.full((len(narrations), 2), -1)
        longer = 0
        for row, narration in enumerate(narrations):
            if narration.spans:
                first, windows = self._of_film[narration.movie_id]
                found[row] = holding_windows(narration.spans[0], windows)
                longer += windows[found[row, 1]].end < narration.spans[0][1]
                found[row] += first
        if longer:
            logger.warning(
                "%s: %d narrations are longer than a window, and end with it", self._split.name, longer
            )
        return found

    def _touched(self, narration: Narration) -> list[list[int]]:
        if not narration.spans:
            return [[-1, -1], [-1, -1]]
        first, windows = self._of_film[narration.movie_id]
        together = min(narration.spans)[0], max(end for _, end in narration.spans)
        ranges = (touched_windows(span, windows) for span in (narration.spans[0], together))
        return [[first + row for row in rows] for rows in ranges]

    def _rows(self, num_rows: Sequence[int]) -> np.ndarray:
        rows = np.array(
            [
                clip_range(window, self._data.clip_length, num_rows[movie])
                for window, movie in zip(self.windows, self.movies.tolist(), strict=True)
            ],
            dtype=np.int64,
        ).reshape(-1, 2)
        empty = np.flatnonzero(rows[:, 0] >= rows[:, 1])
        if len(empty):
            window, movie = self.windows[empty[0]], int(self.movies[empty[0]])
            raise DataError(
                f"the features of film {window.movie_id!r} end before {window.start:g} seconds "
                f"({num_rows[movie]} rows of {self._data.clip_length:g} s), "
                f"its duration is {self._split.movies[movie].duration:g}; extract all of it, or correct "
                "clip_length or the duration"
            )
        self._warn_of_short_features(num_rows)
        return rows

    def _warn_of_short_features(self, num_rows: Sequence[int]) -> None:
        clip = self._data.clip_length
        short = [
            movie.movie_id
            for movie, rows in zip(self._split.movies, num_rows, strict=True)
            if rows * clip < movie.duration - 1.5 * clip
        ]
        if short:
            logger.warning(
                "%s: the features of %d films end before the film does, of %r first; the check of "
                "the data set lists all",
                self._split.name,
                len(short),
                short[0],
            )
