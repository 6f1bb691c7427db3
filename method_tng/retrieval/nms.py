"""Greedy suppression of overlapping moments, for many queries at once.

Order: best first, earlier row first on ties.  A row is dropped when its overlap with a kept row of the same
place is strictly above the threshold.  Overlap = intersection / (latest end - earliest start), 0 when that
is 0: the TVR family's measure, equal to the true IoU whenever the two meet.
"""

import numpy as np
import torch
from torch import Tensor

TABLE = 1 << 17  # pairs of rows up to which all are compared at once
CHECK_EVERY = 20  # rows between two looks whether all queries have enough


def overlap(one: Tensor, others: Tensor) -> Tensor:
    """Overlap of intervals: one (..., 2), others (..., 2), broadcast -> (...) in [0, 1]."""
    start, end = one.unbind(-1)
    other_start, other_end = others.unbind(-1)
    shared = torch.minimum(end, other_end).sub_(torch.maximum(start, other_start)).clamp_(min=0)
    hull = torch.maximum(end, other_end).sub_(torch.minimum(start, other_start))
    return shared.div_(hull.clamp_(min=torch.finfo(hull.dtype).tiny))  # an empty hull shares 0


def suppress(place: Tensor, times: Tensor, valid: Tensor, threshold: float, keep: int) -> Tensor:
    """Marks the rows that survive.

    Row by row, all queries together: of many queries a table of all pairs would be 200 times the memory and
    slower.  Of few it is faster.

    Args:
        place: (B, R) int64, film or window of each row; moments of different places never suppress.
        times: (B, R, 2) float64 seconds, rows best first.
        valid: (B, R) bool, False at filler rows.
        threshold: overlap above which the worse row goes.
        keep: the first so many survivors are wanted; rows behind them may be marked wrongly.

    Returns:
        (B, R) bool, True = kept.
    """
    kept = valid.clone()
    num_rows = place.shape[1]
    if len(place) * num_rows**2 <= TABLE and place.device.type == "cpu":
        near = _near(place, times, slice(0, num_rows), 0, threshold)  # (B, R, R)
        for left, apart in zip(kept.numpy(), (~near).numpy(), strict=True):
            _drop(left, apart)
        return kept
    for row in range(num_rows - 1):
        if row and row % CHECK_EVERY == 0 and bool((kept[:, :row].sum(1) >= keep).all()):
            break
        near = _near(place, times, slice(row, row + 1), row + 1, threshold)[:, 0] & kept[:, row, None]
        kept[:, row + 1 :] &= ~near
    return kept


def _drop(left: np.ndarray, apart: np.ndarray) -> None:
    """Takes suppressed rows out of left (R,) bool; apart (R, R) bool, rows that leave each other alone."""
    for row in range(len(left) - 1):  # a suppressed row suppresses nothing
        if left[row]:
            left[row + 1 :] &= apart[row, row + 1 :]


def _near(place: Tensor, times: Tensor, rows: slice, behind: int, threshold: float) -> Tensor:
    """(B, r, R - behind) whether rows overlap too much with those from `behind` on."""
    near = overlap(times[:, rows, None], times[:, None, behind:]) > threshold
    return near.logical_and_(place[:, rows, None] == place[:, None, behind:])


def compact(kept: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Gathers kept rows to the front.

    Returns:
        (B, limit') int64 row numbers in their old order, and (B, limit') bool which of them are real;
        limit' = min(limit, R).
    """
    order = (~kept).to(torch.int8).argsort(dim=1, stable=True)[:, :limit]  # (B, limit')
    return order, kept.gather(1, order)
