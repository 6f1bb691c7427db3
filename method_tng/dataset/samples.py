"""Queries and windows one by one, read from the feature stores: torch datasets of views, nothing copied."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from method_tng.contract.errors import DataError
from method_tng.contract.items import Narration, Window
from method_tng.dataset.feature_store import FeatureStore, RowCache
from method_tng.dataset.pictures import PictureFolder
from method_tng.dataset.portraits import portraits_in
from method_tng.dataset.rows import normalize_rows, pool_rows
from method_tng.dataset.text import Vocabulary


@dataclass(frozen=True, slots=True)
class QuerySample:
    """One sentence."""

    query_id: str
    text: str
    words: np.ndarray  # (L, Dq)
    token_ids: Sequence[int] | None
    sentence: np.ndarray | None = None  # (Dc,)
    sources: Sequence[int] = ()  # numbers of the narrations it is joined from
    portraits: np.ndarray | None = None  # (P, Dp), P may be 0


@dataclass(frozen=True, slots=True)
class WindowSample:
    """One window."""

    window: Window
    movie: int  # number of its film
    clip_seconds: float
    num_clips: int
    frames: np.ndarray | None  # (T, Dv)
    subtitles: np.ndarray | None  # (T, Ds)
    pictures: np.ndarray | None = None  # (F, 3, S, S) uint8


def sentence_vector(store: FeatureStore, query_id: str) -> np.ndarray:
    """The one vector of a whole sentence, (Dc,) float32.

    Raises:
        DataError: the file holds several rows of it, as a file of word vectors does.
    """
    rows = store.read(query_id)
    if len(rows) != 1:
        raise DataError(
            f"{store.path}, {query_id!r}: found several rows; expected one vector of the whole sentence, "
            "give the file of sentence vectors with --sentence_features"
        )
    return rows[0]


class QuerySamples(Dataset[QuerySample]):
    """The queries of a split, in its order."""

    def __init__(
        self,
        narrations: Sequence[Narration],
        store: FeatureStore,
        vocabulary: Vocabulary | None = None,
        limit: int | None = None,
        sentences: FeatureStore | None = None,
        portraits: FeatureStore | None = None,
    ) -> None:
        self.narrations = narrations
        self.store = store
        self.sentences = sentences
        self.portraits = portraits
        self.limit = limit
        joined = dict.fromkeys(source for one in narrations for source in one.sources)
        self._numbers = {source: number for number, source in enumerate(joined)}
        self._token_ids = [vocabulary.ids(one.text, limit) for one in narrations] if vocabulary else None

    def __len__(self) -> int:
        return len(self.narrations)

    def __getitem__(self, index: int) -> QuerySample:
        narration = self.narrations[index]
        token_ids = self._token_ids[index] if self._token_ids else None
        ids = features_of(narration)
        words = [self.store.read(one) for one in ids]
        sentences = [sentence_vector(self.sentences, one) for one in ids] if self.sentences else []
        return QuerySample(
            narration.query_id,
            narration.text,
            words[0] if len(words) == 1 else np.concatenate(words)[: self.limit],
            token_ids,
            np.mean(sentences, axis=0) if sentences else None,
            [self._numbers[source] for source in narration.sources],
            portraits_in(self.portraits, narration.query_id) if self.portraits else None,
        )


def features_of(narration: Narration) -> Sequence[str]:
    """Names of the feature rows of a query; those of a caption are joined from its narrations'."""
    return narration.sources or (narration.query_id,)


class Stream:
    """The rows of one kind (video or subtitles) of any window, at most `limit` of them.

    A window that is longer is pooled from the raw rows and normalised afterwards, as published; only there is
    the raw file read again, and the pooled rows are kept.
    """

    def __init__(self, store: FeatureStore, limit: int, cache: RowCache) -> None:
        self.store = store
        self.limit = limit
        self._raw = FeatureStore(store.path)
        self._pooled = cache

    def rows(self, window: Window, first: int, behind: int) -> np.ndarray:
        """Rows first .. behind - 1 of the window's film, (T, D) float32, T <= limit."""
        if behind - first <= self.limit:
            return self.store.read(window.movie_id, (first, behind))
        key = (self.store.path, "pooled", window.window_id)
        pooled = self._pooled.get(key)
        if pooled is None:
            pooled = pool_rows(self._raw.read(window.movie_id, (first, behind)), self.limit)
            if self.store.normalize:  # each part on its own, as in windows that are not pooled
                parts = np.split(pooled, np.cumsum(self.store.widths)[:-1], axis=1)
                pooled = np.concatenate([normalize_rows(part) for part in parts], axis=1)
            pooled = self._pooled.put(key, pooled)
        return pooled


class Places:
    """A stream of rows without numbers, for clips of which the place in the window is all that is known."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def rows(self, _window: Window, first: int, behind: int) -> np.ndarray:
        """As of a `Stream`, (T, 0)."""
        return np.zeros((min(behind - first, self.limit), 0), np.float32)


class WindowSamples(Dataset[WindowSample]):
    """The windows of a split, in the order of films and starts.

    Args:
        windows: M windows.
        movies: (M,) int64, number of the film of each.
        ranges: (M, 2) int64, first row in the film's features and the row behind the last.
        clip_length: seconds that a row covers.
        video: the stream; None = not used.
        subtitles: the stream; None = not used.
        pictures: of films; None = not used.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        movies: np.ndarray,
        ranges: np.ndarray,
        clip_length: float,
        video: Stream | Places | None,
        subtitles: Stream | None,
        pictures: PictureFolder | None = None,
    ) -> None:
        self.windows = windows
        self.movies = movies
        self.ranges = ranges
        num_rows = ranges[:, 1] - ranges[:, 0]
        limits = [stream.limit for stream in (video, subtitles) if stream]
        self.lengths = np.minimum(num_rows, min(limits))
        self.clip_seconds = clip_length * num_rows / self.lengths
        self.video = video
        self.subtitles = subtitles
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> WindowSample:
        window = self.windows[index]
        first, behind = self.ranges[index].tolist()
        return WindowSample(
            window,
            int(self.movies[index]),
            float(self.clip_seconds[index]),
            int(self.lengths[index]),
            self.video.rows(window, first, behind) if self.video else None,
            self.subtitles.rows(window, first, behind) if self.subtitles else None,
            self.pictures.read(window) if self.pictures else None,
        )
