"""Suppression of overlapping windows, in the variants of the public code.  All return indices, best first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .iou import overlap

RNL_SURVIVORS = 7


def tvr(rows: np.ndarray, threshold: float, max_after: int = 100) -> np.ndarray:
    """TVRetrieval's (also Moment-DETR's and CONE's): drop what overlaps a kept row too much.

    Args:
        rows: (N, 3) start, end, score.
        threshold: a row goes when its hull IoU with a kept row is above it.
        max_after: rows kept at most.

    Returns:
        (K,) indices into rows.
    """
    rows = np.asarray(rows, dtype=np.float64).reshape(-1, 3)
    if len(rows) == 1:
        return np.zeros(1, dtype=np.int64)
    order = np.argsort(-rows[:, 2], kind="stable")
    return _greedy(rows[:, 0], rows[:, 1], order, threshold, max_after)


def tvr_corpus(rows: np.ndarray, threshold: float, max_before: int = 200, max_after: int = 100) -> np.ndarray:
    """TVRetrieval's for rows of several videos: suppressed per video, joined, sorted by score, cut.

    Args:
        rows: (N, 4) video index, start, end, score.
        threshold: as for :func:`tvr`.
        max_before: rows looked at.
        max_after: rows kept at most, per video and in all.
    """
    rows = np.asarray(rows, dtype=np.float64).reshape(-1, 4)[:max_before]
    _, first, inverse = np.unique(rows[:, 0], return_index=True, return_inverse=True)
    kept = []
    for group in np.argsort(first):
        members = np.flatnonzero(inverse == group)
        kept.append(members[tvr(rows[members, 1:], threshold, max_after)])
    joined = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    return joined[np.argsort(-rows[joined, 3], kind="stable")][:max_after]


def mad(windows: np.ndarray, scores: np.ndarray, threshold: float, max_after: int) -> np.ndarray:
    """MAD's: the same greedy rule in single precision, where 0/0 never suppresses.

    Args:
        windows: (N, 2).
        scores: (N,).
        threshold: as for :func:`tvr`, rounded to single.
        max_after: rows kept at most.
    """
    windows = np.asarray(windows, dtype=np.float32).reshape(-1, 2)
    order = np.argsort(-np.asarray(scores), kind="stable")
    return _greedy(windows[:, 0], windows[:, 1], order, np.float32(threshold), max_after)


def _greedy(
    start: np.ndarray, end: np.ndarray, order: np.ndarray, threshold: Any, max_after: int
) -> np.ndarray:
    """The greedy rule with the hull union on windows visited in ``order``; 0/0 suppresses nothing."""
    start, end = start[order], end[order]
    kept: list[int] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        while len(order) and len(kept) < max_after:
            kept.append(order[0])
            first_start, first_end = start[0], end[0]
            order, start, end = order[1:], start[1:], end[1:]
            inter = np.minimum(end, first_end) - np.maximum(start, first_start)
            hull = np.maximum(end, first_end) - np.minimum(start, first_start)
            gone = np.maximum(inter, 0, out=inter) / hull > threshold  # 0/0 never is
            if gone.any():
                stay = ~gone
                order, start, end = order[stay], start[stay], end[stay]
    return np.array(kept, dtype=np.int64)


def rnl(windows: np.ndarray, scores: np.ndarray, limit: float, max_after: int = RNL_SURVIVORS) -> np.ndarray:
    """Movie101's: visited from the highest score, the later row first on ties; 0/0 drops a row.

    Args:
        windows: (N, 2).
        scores: (N,).
        limit: a row stays when its true IoU with every kept row is at most this.
        max_after: rows kept at most.
    """
    windows = np.asarray(windows, dtype=np.float64).reshape(-1, 2)
    kept = rnl_padded(windows[None], np.asarray(scores)[None], np.array([len(windows)]), limit, max_after)[0]
    return kept[kept >= 0]


def rnl_padded(
    windows: np.ndarray, scores: np.ndarray, count: np.ndarray, limit: float, max_after: int = RNL_SURVIVORS
) -> np.ndarray:
    """:func:`rnl` for Q queries at once.

    Args:
        windows: (Q, P, 2).
        scores: (Q, P).
        count: (Q,) rows used of the P.
        limit: as there.
        max_after: rows kept at most.

    Returns:
        (Q, max_after) indices, -1 where a query keeps fewer.
    """
    queries, places = scores.shape
    there = np.arange(places) < count[:, None]
    order = np.argsort(np.where(there, scores, -np.inf), axis=1, kind="stable")[:, ::-1]
    alive = np.take_along_axis(there, order, axis=1)
    window = np.take_along_axis(windows, order[:, :, None], axis=1)
    start, end = np.ascontiguousarray(window[..., 0]), np.ascontiguousarray(window[..., 1])
    kept = np.full((queries, max_after), -1, dtype=np.int64)
    line = np.arange(queries)
    for place in range(max_after if places else 0):
        pick = alive.argmax(axis=1)
        found = alive[line, pick]
        if not found.any():
            break
        kept[found, place] = order[found, pick[found]]
        alive[line, pick] = False
        lap = overlap(start, end, start[line, pick][:, None], end[line, pick][:, None], "true", np.nan)
        alive &= lap <= limit
    return kept
