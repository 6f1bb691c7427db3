"""One split ready for use: its narrations, the windows that are searched, batches of both, and labels.

At opening only names and sizes are read; every film and every query is known to have features then.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.errors import DataError
from method_tng.contract.items import Interval, Narration
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split, read_split
from method_tng.dataset.captions import with_captions
from method_tng.dataset.collate import collate_queries, collate_windows
from method_tng.dataset.cuts import Cuts
from method_tng.dataset.feature_store import RowCache
from method_tng.dataset.features import Features
from method_tng.dataset.samples import QuerySamples, WindowSamples, features_of
from method_tng.dataset.text import Vocabulary
from method_tng.dataset.windows import clip_span, inside_clips, label_clips, to_window_units

logger = logging.getLogger(__name__)

NOTHING_TO_LEARN = "{annotations}: no training narration has a moment; there is nothing to learn from"


@dataclass(frozen=True)
class Labels:
    """Where the moments of a narration lie in its own window."""

    seconds: tuple[Interval, ...]  # of the window
    units: Tensor  # (S, 2) float32, the same in [0, 1] of the window
    clips: np.ndarray  # (S, 2) int64 first and last clip


class Collection:
    """A split with its windows, features and labels.

    Attributes:
        data: the settings it was opened with.
        split: films and narrations.
        vocabulary: the run's, or None.
        cuts: how its films are cut.
        windows: M windows, in the order of films and starts.
        window_movies: (M,) int64, row of each window's film in `split.movies`.
        window_lengths: (M,) int64, clips after pooling.
        own_window: (N,) int64, row of each narration's window, -1 when unknown.
        own_film: (N,) int64, row of each narration's film in `split.movies`, -1 when unknown.
        own_span: N (start, end) in seconds of the own window, None when unknown.
    """

    def __init__(self, data: DataSettings, split: Split, vocabulary: Vocabulary | None = None) -> None:
        self.split = split
        self.vocabulary = vocabulary
        self.data = data
        self._features = Features(data, split.name)
        num_rows = [self._features.num_rows(movie) for movie in split.movies]
        self.cuts = Cuts(data, split, num_rows)
        if data.captions:
            self.split = split = with_captions(split, self.cuts.of_films, data.language)
        self.windows, self.window_movies = self.cuts.windows, self.cuts.movies
        features = self._features
        self._window_samples = WindowSamples(
            self.windows,
            self.window_movies,
            self.cuts.rows,
            data.clip_length,
            features.video,
            features.subtitles,
            features.pictures,
        )
        self.window_lengths = self._window_samples.lengths
        for store in features.of_queries:
            store.require([name for one in split.narrations for name in features_of(one)])
        self._query_samples = QuerySamples(
            split.narrations,
            features.queries,
            vocabulary,
            data.max_desc_l,
            features.sentences,
            features.portraits,
        )
        self.own_window = np.array([self.cuts.own(one) for one in split.narrations], dtype=np.int64)
        number = {movie.movie_id: row for row, movie in enumerate(split.movies)}
        self.own_film = np.array([number.get(one.movie_id, -1) for one in split.narrations], dtype=np.int64)
        self._labels = [
            self._labels_of(narration, row)
            for narration, row in zip(split.narrations, self.own_window.tolist(), strict=True)
        ]
        self.own_span = [labels.seconds[0] if labels else None for labels in self._labels]

    @classmethod
    def open(
        cls,
        data: DataSettings,
        split: str,
        vocabulary: Vocabulary | None = None,
        *,
        share: float = 1.0,
        seed: int = 0,
    ) -> "Collection":
        """Reads the annotations of a split and opens its features.

        Args:
            data: which files, and how films are cut.
            split: train, val, ...
            vocabulary: of the training split; None builds one of this split's texts if the settings want any.
            share: share of the narrations that is kept, a draw that `seed` decides; all films stay.

        Raises:
            DataError: a fault in the annotations, or a film or query without fitting features.
            ConfigError: settings that contradict each other or the files.
        """
        found = read_split(data, split)
        if share < 1:
            found = replace(found, narrations=_drawn(found.narrations, share, seed))
        if vocabulary is None and data.vocabulary:
            vocabulary = Vocabulary.build([one.text for one in found.narrations], data.max_desc_l)
        return cls(data, found, vocabulary)

    def query_batch(self, rows: Sequence[int]) -> QueryBatch:
        """These narrations, in this order."""
        return collate_queries([self._query_samples[row] for row in rows])

    def window_batch(self, rows: Sequence[int]) -> WindowBatch:
        """These windows, in this order, padded to the longest of them."""
        samples = [self._window_samples[row] for row in rows]
        return collate_windows(samples, self.data.with_endpoints)

    def batch(
        self,
        query_rows: Sequence[int],
        window_rows: Sequence[int] | None = None,
        positive: Sequence[int] | None = None,
        negative: Sequence[int] | None = None,
    ) -> Batch:
        """Narrations with windows and labels.

        Args:
            query_rows: rows of narrations whose window is known.
            window_rows: distinct windows, those of all narrations among them; None = the windows that are
                named here, each once, in the order of first appearance.
            positive: the window each narration is labelled in, which holds a part of it; None = its own.
            negative: for each a window that does not; None = none is given.
        """
        if positive is None:
            positive = self.own_window[np.asarray(query_rows, dtype=np.int64)].tolist()
        named = dict.fromkeys([*positive, *(negative or ())])
        rows = list(named) if window_rows is None else list(window_rows)
        place = {row: index for index, row in enumerate(rows)}
        windows = self.window_batch(rows)
        return Batch(
            queries=self.query_batch(query_rows),
            windows=windows,
            positive=torch.tensor([place[row] for row in positive], dtype=torch.int64),
            targets=self._targets(query_rows, positive, windows.mask.shape[1]),
            negative=None if negative is None else torch.tensor([place[row] for row in negative]),
        )

    def query_attributes(self) -> dict[str, str]:
        """What the file of the query features says of itself, such as the encoder that made it."""
        return self._features.queries.attributes()

    @property
    def known(self) -> list[int]:
        """Rows of the narrations whose film and moment are known."""
        return np.flatnonzero(self.own_window >= 0).tolist()

    @property
    def cache(self) -> RowCache:
        """The memory that keeps what was read from the files."""
        return self._features.cache

    def sizes(self) -> Sizes:
        """Widths, limits and word statistics that a model is built from."""
        vocabulary = self.vocabulary
        return Sizes(
            frames=self._features.width("video"),
            subtitles=self._features.width("sub"),
            words=self._features.queries.width,
            sentence=self._features.width("sentence"),
            clips=self.data.max_ctx_l,
            tokens=self.data.max_desc_l,
            document_frequency=vocabulary.document_frequency if vocabulary else (),
            num_queries=vocabulary.num_queries if vocabulary else len(self.split.narrations),
        )

    def _targets(self, query_rows: Sequence[int], windows: Sequence[int], num_clips: int) -> Targets:
        labels = [self._known_labels(*pair) for pair in zip(query_rows, windows, strict=True)]
        inside = np.stack([inside_clips(one.clips, num_clips) for one in labels])  # (N, T)
        return Targets(
            spans=[one.units for one in labels],
            clips=torch.from_numpy(np.stack([one.clips[0] for one in labels])),  # (N, 2)
            inside=torch.from_numpy(inside),
        )

    def _known_labels(self, row: int, window: int) -> Labels:
        labels = self._labels[row]
        if labels and window != self.own_window[row]:
            labels = self._labels_of(self.split.narrations[row], window)
        if labels is None:
            raise DataError(
                f"query {self.split.narrations[row].query_id!r} of split {self.split.name!r} has no moment; "
                "expected a split with ground truth, train and validate on another one"
            )
        return labels

    def log_size(self) -> None:
        """Tells how much there is of everything."""
        found = self.split
        logger.info(
            "%s: %d narrations, %d with a moment; %d films, %d windows",
            found.name,
            len(found.narrations),
            sum(bool(narration.spans) for narration in found.narrations),
            len(found.movies),
            len(self.windows),
        )

    def _labels_of(self, narration: Narration, row: int) -> Labels | None:
        if row < 0:
            return None
        window, length = self.windows[row], int(self.window_lengths[row])
        clip_seconds = float(self._window_samples.clip_seconds[row])
        inside = [span for span in (clip_span(one, window) for one in narration.spans) if span]
        clips = [label_clips(span, length, clip_seconds, self.data.label_end) for span in inside]
        units = torch.tensor([to_window_units(span, window) for span in inside], dtype=torch.float32)
        return Labels(tuple(inside), units, np.array(clips, dtype=np.int64))


def _drawn(narrations: tuple[Narration, ...], share: float, seed: int) -> tuple[Narration, ...]:
    """A share of the narrations, at least one, in their order."""
    count = max(1, round(share * len(narrations)))
    rows = sorted(random.Random(seed).sample(range(len(narrations)), count))
    return tuple(narrations[row] for row in rows)
