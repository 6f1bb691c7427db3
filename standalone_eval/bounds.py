"""What could be reached at best: oracles over a submission's own rows, and limits of grids and shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from .columns import GroundTruth
from .errors import task_rows
from .evaluator import Result
from .iou import TOLERANCE, Judge, overlap
from .matching import rank_table


def oracles(result: Result, task: str) -> dict[str, dict[str, float]]:
    """Upper bounds of R@K,IoU>=thr for a task, by the rule of the profile; all at least R itself.

    Returns:
        ``reached``: R itself; ``video_oracle``: only rows of the right video count, ranked anew;
        ``moment_oracle``: a row of the right video within K is enough; ``rerank_oracle``: a right row at any
        rank.
    """
    settings, gt = result.settings, result.gt
    rows, pairing, listing = task_rows(result, task)
    judge = settings.profile.judge
    plain, _ = rank_table(rows, gt, pairing, listing, judge, settings.iou)
    right, _ = rank_table(rows, gt, pairing, replace(listing, rerank=True), judge, settings.iou)
    video, _ = rank_table(rows, gt, pairing, listing, None, ())
    found: dict[str, dict[str, float]] = {
        "reached": {}, "video_oracle": {}, "moment_oracle": {}, "rerank_oracle": {}
    }  # fmt: skip
    for t, iou in enumerate(settings.iou):
        for k in settings.topk:
            key = f"R@{k},IoU={iou}"
            found["reached"][key] = float((plain[:, t] <= k).mean())
            found["video_oracle"][key] = float((right[:, t] <= k).mean())
            found["moment_oracle"][key] = float((video[:, 0] <= k).mean())
            found["rerank_oracle"][key] = float(np.isfinite(plain[:, t]).mean())
    return found


def grid_iou(windows: np.ndarray, clip: float, most: int) -> np.ndarray:
    """(W,) best IoU of (W, 2) windows with a moment of 1 ... ``most`` whole clips of ``clip`` seconds."""
    low, high = windows[:, 0] / clip, windows[:, 1] / clip
    starts = [np.floor(low), np.ceil(low), np.floor(high) - most, np.ceil(high) - most]
    best = np.zeros(len(windows))
    for start, kind in product(starts, range(4)):
        start = np.maximum(start, 0)
        end = (np.floor(high), np.ceil(high), start + 1, start + most)[kind]
        fits = (end > start) & (end <= start + most)
        iou = overlap(start * clip, end * clip, windows[:, 0], windows[:, 1])
        best = np.maximum(best, np.where(fits, iou, 0.0))
    return best


def grid_bound(gt: GroundTruth, clip: float, most: int, thresholds: Sequence[float]) -> dict[str, float]:
    """R at each threshold, and mean IoU, that the best grid-aligned moment per query reaches."""
    best = np.maximum.reduceat(grid_iou(gt.window, clip, most), gt.offset[:-1])
    judge = Judge(tolerance=TOLERANCE)
    found = {f"R,IoU={iou}": float(judge.hits(best, iou).mean()) for iou in thresholds}
    return {**found, "mIoU": float(best.mean())}


def own_shots(gt: GroundTruth, shot: float) -> np.ndarray:
    """(N, 2) the shot of fixed length that holds the centre of each query's first window."""
    number = np.floor(gt.window[gt.offset[:-1]].mean(axis=1) / shot)
    return np.stack([number * shot, (number + 1) * shot], axis=1)


def first_rows(result: Result, task: str) -> np.ndarray:
    """(N, 2) window of each query's first row, NaN when it is of another video."""
    rows, pairing, listing = task_rows(result, task)
    windows = np.full((len(result.gt), 2), np.nan)
    known = np.flatnonzero((pairing.owner >= 0) & (rows.lengths > 0))
    row, owner = rows.offset[:-1][known], pairing.owner[known]
    right = np.ones(len(known), dtype=bool)
    if listing.own_video is not None and rows.video is not None:
        right = rows.video[row] == listing.own_video[owner]
    windows[owner[right]] = rows.window[row[right]]
    return windows


def shot_bound(
    gt: GroundTruth, shots: np.ndarray, expand: float, thresholds: Sequence[float]
) -> dict[str, float]:
    """Share of the queries whose first window lies inside the expanded shot: wholly, or by at least a share.

    Args:
        gt: N queries.
        shots: (N, 2) retrieved shots in seconds, NaN when the video is wrong.
        expand: seconds added on both sides.
        thresholds: shares of the window's length.
    """
    truth = gt.window[gt.offset[:-1]]
    start, end = shots[:, 0] - expand, shots[:, 1] + expand
    length = truth[:, 1] - truth[:, 0]
    with np.errstate(invalid="ignore"):
        inside = np.clip(np.minimum(end, truth[:, 1]) - np.maximum(start, truth[:, 0]), 0, None)
        whole = (start <= truth[:, 0] + TOLERANCE) & (truth[:, 1] <= end + TOLERANCE)
    share = np.where(length > 0, np.nan_to_num(inside) / np.where(length > 0, length, 1), whole)
    found = {"wholly": float(whole.mean())}
    found.update({f"at least {level:g}": float((share + TOLERANCE >= level).mean()) for level in thresholds})
    return found
