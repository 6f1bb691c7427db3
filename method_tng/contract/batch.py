"""What a model sees: queries, windows, labels, and who belongs to whom.

Masks are boolean, True = real.  Padding is zero.  Letters: N queries, M windows, L words, T clips.
A clip is one row of a feature file (1.5 s in TVR, 2 s in the tng packs); a window holds T of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

AnyBatch = TypeVar("AnyBatch", bound=Any)


@dataclass(frozen=True)
class QueryBatch:
    """What is known of N sentences."""

    ids: Sequence[str]
    words: Tensor  # (N, L, Dq) float, the rows of the query's feature file
    mask: Tensor  # (N, L) bool
    token_ids: Tensor | None = None  # (N, K) int64 into the run's vocabulary, 0 = padding, 1 = unknown word
    texts: Sequence[str] | None = None
    sentence: Tensor | None = None  # (N, Dc) float, one vector of the whole sentence
    sources: Tensor | None = None  # (N, S) int64 numbers of a caption's narrations, -1 = padding
    portraits: Tensor | None = None  # (N, P, Dp) float, faces of the roles it names; zeros = no more roles

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class WindowBatch:
    """What is known of M windows."""

    ids: Sequence[str]
    mask: Tensor  # (M, T) bool
    movies: Tensor  # (M,) int64, equal numbers = the same film; stable over processes
    seconds: Tensor  # (M, 2) float64, start and end in the film
    clip_seconds: Tensor  # (M,) float64, seconds that one row covers (longer when a window was pooled)
    frames: Tensor | None = None  # (M, T, Dv) the video stream
    subtitles: Tensor | None = None  # (M, T, Ds) the subtitle or narration stream
    images: Tensor | None = None  # (M, F, 3, S, S) uint8 RGB, only for systems that learn from pictures

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Targets:
    """Where the queries' moments lie inside their own windows; absent at inference."""

    spans: Sequence[Tensor]  # N tensors (S, 2), in [0, 1] of the window
    clips: Tensor  # (N, 2) int64 first and last clip, by the label convention of the data settings
    inside: Tensor  # (N, T) bool, clips that count as the moment


@dataclass(frozen=True)
class Batch:
    """Queries with the windows they are trained against.

    `positive[n]` is the row of query n's own window.  Every other row is a negative of n, unless it
    overlaps the own window in the same film (see `layers.contrastive.related`).  M may be smaller than N
    (several queries of one window), equal, or larger (mined negatives): one type serves every system.
    """

    queries: QueryBatch
    windows: WindowBatch
    positive: Tensor  # (N,) int64
    targets: Targets | None = None
    negative: Tensor | None = None  # (N,) int64, a window of the query's own film that it does not touch


def to_device(batch: AnyBatch, device: torch.device | str) -> AnyBatch:
    """The same batch with every tensor on a device, the parts of a batch included."""
    moved: dict[str, Any] = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, Tensor):
            moved[field.name] = value.to(device, non_blocking=True)
        elif is_dataclass(value):
            moved[field.name] = to_device(value, device)
    return replace(batch, **moved)


def take_queries(queries: QueryBatch, rows: Tensor, num_words: int) -> QueryBatch:
    """Some queries of a batch: rows (n,) int64, each cut to its first `num_words` words."""
    chosen = rows.tolist()
    known = {name: getattr(queries, name) for name in ("token_ids", "sentence", "sources", "portraits")}
    return QueryBatch(
        ids=[queries.ids[row] for row in chosen],
        words=queries.words[rows, :num_words],
        mask=queries.mask[rows, :num_words],
        texts=None if queries.texts is None else [queries.texts[row] for row in chosen],
        **{name: value[rows] for name, value in known.items() if value is not None},
    )


def take_windows(windows: WindowBatch, rows: Tensor, num_clips: int) -> WindowBatch:
    """Some windows of a batch: rows (m,) int64, each cut to its first `num_clips` clips."""
    streams = {
        name: value[rows, :num_clips]
        for name in ("frames", "subtitles")
        if (value := getattr(windows, name)) is not None
    }
    return replace(
        windows,
        ids=[windows.ids[row] for row in rows.tolist()],
        mask=windows.mask[rows, :num_clips],
        movies=windows.movies[rows],
        seconds=windows.seconds[rows],
        clip_seconds=windows.clip_seconds[rows],
        images=None if windows.images is None else windows.images[rows],
        **streams,
    )
