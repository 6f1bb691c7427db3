"""Samples put side by side: zero padding up to the longest, masks True at what is real."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.dataset.rows import endpoint_feature
from method_tng.dataset.samples import QuerySample, WindowSample
from method_tng.dataset.text import PADDING

endpoints = lru_cache(maxsize=1024)(endpoint_feature)


def collate_queries(samples: Sequence[QuerySample]) -> QueryBatch:
    """N sentences, padded to the longest of them."""
    lengths = [len(sample.words) for sample in samples]
    words = _padded([sample.words for sample in samples], lengths)  # (N, L, Dq)
    token_ids = None
    if samples[0].token_ids is not None:
        token_ids = np.full((len(samples), max(len(sample.token_ids or ()) for sample in samples)), PADDING)
        for row, sample in zip(token_ids, samples, strict=True):
            row[: len(sample.token_ids or ())] = sample.token_ids
    return QueryBatch(
        ids=[sample.query_id for sample in samples],
        words=torch.from_numpy(words),
        mask=_mask(lengths),
        token_ids=None if token_ids is None else torch.from_numpy(token_ids),
        texts=[sample.text for sample in samples],
        sentence=_sentences(samples),
        sources=_sources(samples),
        portraits=_portraits(samples),
    )


def collate_windows(samples: Sequence[WindowSample], with_endpoints: bool = False) -> WindowBatch:
    """M windows, padded to the longest of them.

    Args:
        samples: the windows.
        with_endpoints: append to every row of every stream where it starts and ends in the window.
    """
    lengths = [sample.num_clips for sample in samples]
    return WindowBatch(
        ids=[sample.window.window_id for sample in samples],
        mask=_mask(lengths),
        movies=torch.tensor([sample.movie for sample in samples], dtype=torch.int64),
        seconds=torch.tensor([(s.window.start, s.window.end) for s in samples], dtype=torch.float64),
        clip_seconds=torch.tensor([sample.clip_seconds for sample in samples], dtype=torch.float64),
        frames=_stream([sample.frames for sample in samples], lengths, with_endpoints),
        subtitles=_stream([sample.subtitles for sample in samples], lengths, with_endpoints),
        images=_pictures(samples),
    )


def _sentences(samples: Sequence[QuerySample]) -> Tensor | None:
    """(N, Dc); None where no sentence vectors are given."""
    vectors = [sample.sentence for sample in samples if sample.sentence is not None]
    return torch.from_numpy(np.stack(vectors)) if vectors else None


def _sources(samples: Sequence[QuerySample]) -> Tensor | None:
    """(N, S) int64, -1 = padding; None where no query is joined from narrations."""
    most = max(len(sample.sources) for sample in samples)
    rows = [[*sample.sources, *[-1] * (most - len(sample.sources))] for sample in samples]
    return torch.tensor(rows, dtype=torch.int64) if most else None


def _portraits(samples: Sequence[QuerySample]) -> Tensor | None:
    """(N, P, Dp), zeros behind the last of each; None where no portraits are given."""
    rows = [sample.portraits for sample in samples if sample.portraits is not None]
    return torch.from_numpy(_padded(rows, [len(one) for one in rows])) if rows else None


def _pictures(samples: Sequence[WindowSample]) -> Tensor | None:
    """(M, F, 3, S, S) uint8; None where no pictures are read."""
    pictures = [sample.pictures for sample in samples if sample.pictures is not None]
    return torch.from_numpy(np.stack(pictures)) if pictures else None


def _stream(
    items: Sequence[np.ndarray | None], lengths: Sequence[int], with_endpoints: bool
) -> Tensor | None:
    """(M, T, D), or (M, T, D + 2) with endpoints; None when the stream is not used."""
    rows = [item for item in items if item is not None]
    if not rows:
        return None
    padded = _padded(rows, lengths, extra=2 if with_endpoints else 0)
    if with_endpoints:
        for index, length in enumerate(lengths):
            padded[index, :length, -2:] = endpoints(length)
    return torch.from_numpy(padded)


def _padded(items: Sequence[np.ndarray], lengths: Sequence[int], extra: int = 0) -> np.ndarray:
    """Items (n, D) in one array (N, longest, D + extra) of zeros."""
    width = items[0].shape[1]
    padded = np.zeros((len(items), max(lengths), width + extra), dtype=np.float32)
    for index, (item, length) in enumerate(zip(items, lengths, strict=True)):
        padded[index, :length, :width] = item[:length]
    return padded


def _mask(lengths: Sequence[int]) -> Tensor:
    """(N, longest) bool, True at the first `length` places of each row."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
