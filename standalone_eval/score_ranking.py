"""TVR-Ranking: NDCG@K at IoU > threshold with graded relevance.

Per query, in rank order, every row looks at the not yet taken gt moments of its video and at the one of
highest IoU among them (the first on ties); if that IoU is above the threshold the moment is taken and the row
gains 2^relevance - 1, else 0.  Discount log2(rank + 1); ideal: the K highest relevances of the query.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .iou import overlap
from .matching import Listing, Pairing
from .precision import Lists, padded_lists
from .profiles import Settings

Tables = dict[str, np.ndarray]
QUERIES_AT_ONCE = 256


def tables(submission: Submission, gt: GroundTruth, settings: Settings) -> Tables:
    """``ndcg`` (N, K, T)."""
    depth = max(settings.topk)
    rows = submission.tasks["pred"]
    ranked = type(rows)(rows.query, rows.offset, rows.window, rows.video)  # without scores: file order
    lists = padded_lists(ranked, gt, Pairing.of(rows, gt), Listing(depth), depth)
    result = np.zeros((len(gt), len(settings.topk), len(settings.iou)))
    names = {name: number for number, name in enumerate(submission.video_name.tolist())}
    numbers = dict(zip(names, submission.video_index.tolist(), strict=True))
    video = np.array([numbers.get(name, -1) for name in gt.window_video.tolist()], dtype=np.int64)
    for start in range(0, len(gt), QUERIES_AT_ONCE):
        some = np.arange(start, min(start + QUERIES_AT_ONCE, len(gt)))
        result[some] = _discounted(lists, gt, video, some, settings)
    return {"ndcg": result}


def _discounted(
    lists: Lists, gt: GroundTruth, video: np.ndarray, some: np.ndarray, settings: Settings
) -> np.ndarray:
    """(n, K, T) NDCG of some queries."""
    counts = gt.num_windows[some]
    slot = np.arange(int(counts.max()))
    there = slot < counts[:, None]  # (n, G)
    at = (gt.offset[:-1][some][:, None] + slot)[there]
    truth = np.zeros((*there.shape, 2))
    owner, grade = np.full(there.shape, -1), np.zeros(there.shape)
    truth[there], owner[there], grade[there] = gt.window[at], video[at], 2.0 ** gt.relevance[at] - 1
    gains = _gains(lists, some, truth, owner, grade, settings)  # (n, T, D)
    discount = np.log2(np.arange(2, gains.shape[2] + 2))
    reached = (gains / discount).cumsum(axis=2)
    best = -np.sort(-grade, axis=1)[:, : gains.shape[2]]
    ideal = (best / discount[: best.shape[1]]).cumsum(axis=1)
    found = np.zeros((len(some), len(settings.topk), len(settings.iou)))
    for number, k in enumerate(settings.topk):
        limit = ideal[:, min(k, ideal.shape[1]) - 1]
        found[:, number] = np.where(
            limit[:, None] > 0, reached[:, :, k - 1] / np.where(limit > 0, limit, 1)[:, None], 0
        )
    return found


def _gains(
    lists: Lists,
    some: np.ndarray,
    truth: np.ndarray,
    owner: np.ndarray,
    grade: np.ndarray,
    settings: Settings,
) -> np.ndarray:
    """(n, T, D) gain of every row."""
    window, video = lists.window[some], lists.video[some]
    limits = np.asarray(settings.iou)[None, :]
    depth, width = window.shape[1], truth.shape[1]
    gains = np.zeros((len(some), len(settings.iou), depth))
    taken = np.zeros((len(some), len(settings.iou), width), dtype=bool)
    for rank in range(depth):
        mine = window[:, rank, None]
        with np.errstate(invalid="ignore"):
            iou = overlap(mine[..., 0], mine[..., 1], truth[..., 0], truth[..., 1])  # (n, G)
        iou = np.where((owner == video[:, rank, None]) & (owner >= 0), iou, -1.0)
        free = np.where(taken, -1.0, iou[:, None, :])  # (n, T, G)
        pick = free.argmax(axis=2)
        right = np.take_along_axis(free, pick[:, :, None], axis=2)[:, :, 0] > limits
        gains[:, :, rank] = np.where(right, np.take_along_axis(grade, pick, axis=1), 0.0)
        taken |= right[:, :, None] & (np.arange(width) == pick[:, :, None])
    return gains


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query NDCG by ``NDCG@K,IoU=thr``."""
    return {
        f"NDCG@{k},IoU={iou}": found["ndcg"][:, number, t]
        for number, k in enumerate(settings.topk)
        for t, iou in enumerate(settings.iou)
    }


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Means over the queries, as fractions."""
    return {key: float(values.mean()) for key, values in samples(found, settings).items()}
