"""Average precision of short ranked lists against several windows, all queries at once.

Greedy one-to-one matching (Moment-DETR's): every row takes the untaken window of highest IoU, the one with
the higher index on ties, if that IoU reaches the threshold; otherwise it is a false positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows
from .iou import overlap
from .matching import Listing, Pairing

QUERIES_AT_ONCE = 4096


@dataclass
class Lists:
    """The rows of every query that AP looks at, padded: best score first, ties in file order."""

    window: np.ndarray  # (N, P, 2), NaN at padding
    right: np.ndarray  # (N, P) bool: of the right video
    count: np.ndarray  # (N,) rows used
    video: Any = None  # (N, P) video index, -1 at padding; None without videos


def padded_lists(
    rows: Rows, gt: GroundTruth, pairing: Pairing, listing: Listing, keep: int, cut_first: int | None = None
) -> Lists:
    """The best ``keep`` rows of each query by score, of its first ``cut_first`` in the file if given."""
    owner = np.repeat(pairing.owner, rows.lengths)  # (R,)
    rank = np.arange(len(owner)) - np.repeat(rows.offset[:-1], rows.lengths)
    right = np.ones(len(owner), dtype=bool)
    if listing.own_video is not None and rows.video is not None:
        right = rows.video == listing.own_video[owner]
    use = (owner >= 0) & (rank < (cut_first or listing.cut))
    if listing.rerank:
        use &= right
    at = np.flatnonzero(use)
    if rows.score is not None and len(at):
        score = np.nan_to_num(rows.score[at], nan=-np.inf)
        at = at[np.lexsort((-score, owner[at]))]
    else:
        at = at[np.argsort(owner[at], kind="stable")]
    query = owner[at]
    begin = np.searchsorted(query, np.arange(len(gt)))
    place = np.arange(len(at)) - begin[query]
    at, query, place = (column[place < keep] for column in (at, query, place))
    window = np.full((len(gt), keep, 2), np.nan)
    inside = np.zeros((len(gt), keep), dtype=bool)
    window[query, place] = rows.window[at] if rows.window is not None else 0.0
    inside[query, place] = right[at]
    video = None
    if rows.video is not None:
        video = np.full((len(gt), keep), -1)
        video[query, place] = rows.video[at]
    return Lists(window, inside, np.bincount(query, minlength=len(gt)), video)


def average_precision(
    lists: Lists, gt: GroundTruth, thresholds: Sequence[float] | np.ndarray, undefined: float = 0.0
) -> np.ndarray:
    """(N, T) interpolated average precision per query and threshold.

    Args:
        lists: the rows, N queries.
        gt: the windows of the same N queries.
        thresholds: (T,) IoU a match must reach.
        undefined: IoU of two empty windows; NaN reproduces Moment-DETR, where it matches at any threshold.
    """
    result = np.zeros((len(gt), len(thresholds)))
    order = np.argsort(gt.num_windows, kind="stable")  # queries with equally many windows together
    for start in range(0, len(order), QUERIES_AT_ONCE):
        some = order[start : start + QUERIES_AT_ONCE]
        right = _match(lists, gt, some, np.asarray(thresholds, dtype=np.float64), undefined)
        result[some] = interpolated(right, np.maximum(gt.num_windows[some], 1), lists.count[some])
    return result


def _match(
    lists: Lists, gt: GroundTruth, some: np.ndarray, thresholds: np.ndarray, undefined: float
) -> np.ndarray:
    """(n, T, P) whether each row is a true positive."""
    counts = gt.num_windows[some]
    width = int(counts.max()) if len(counts) else 0
    slot = np.arange(width)
    there = slot < counts[:, None]  # (n, G)
    truth = np.full((len(some), width, 2), np.nan)
    truth[there] = gt.window[(gt.offset[:-1][some][:, None] + slot)[there]]
    window = lists.window[some]  # (n, P, 2)
    with np.errstate(invalid="ignore"):
        pair, wanted = window[:, :, None], truth[:, None]
        iou = overlap(
            pair[..., 0], pair[..., 1], wanted[..., 0], wanted[..., 1], "true", undefined
        )  # (n, P, G)
    if np.isnan(undefined):
        iou = np.where(np.isnan(iou), np.inf, iou)  # before every number, never below a threshold
    usable = there[:, None, :] & lists.right[some][:, :, None]
    iou = np.where(usable, iou, -1.0)
    places = iou.shape[1]
    right = np.zeros((len(some), len(thresholds), places), dtype=bool)
    taken = np.zeros((len(some), len(thresholds), width), dtype=bool)
    for place in range(places if width else 0):
        open_iou = np.where(taken, -1.0, iou[:, None, place, :])  # (n, T, G)
        pick = width - 1 - open_iou[:, :, ::-1].argmax(axis=2)  # highest index on ties
        value = np.take_along_axis(open_iou, pick[:, :, None], axis=2)[:, :, 0]
        hit = (value >= thresholds) & (value >= 0)
        right[:, :, place] = hit
        taken |= hit[:, :, None] & (np.arange(width) == pick[:, :, None])
    return right


def interpolated(right: np.ndarray, positives: np.ndarray, count: np.ndarray) -> np.ndarray:
    """(n, T) area under the interpolated precision of lists ``right`` (n, T, P) with that many positives.

    Rows beyond ``count`` are padding.  Each rise of recall counts with the best precision from there on.
    """
    places = right.shape[2]
    cumulative = right.cumsum(axis=2)
    precision = cumulative / np.arange(1, places + 1)
    precision = np.where(np.arange(places) < count[:, None, None], precision, 0.0)
    precision = np.maximum.accumulate(precision[:, :, ::-1], axis=2)[:, :, ::-1]
    recall = cumulative / positives[:, None, None]
    area = np.diff(recall, axis=2, prepend=0.0) * precision
    total = np.zeros(area.shape[:2])
    for place in range(places):  # in rank order, as published: a last bit can decide a second decimal
        total += area[:, :, place]
    return total
