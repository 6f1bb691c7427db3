"""Greedy suppression of overlapping moments, for many queries at once.

Order: best first, earlier row first on ties.  A row is dropped when its overlap with a kept row of the same
place is strictly above the threshold.  Overlap = intersection / (latest end - earliest start), 0 when that
is 0: the TVR family's measure, equal to the true IoU whenever the two meet.
"""

import torch
from torch import Tensor


def overlap(times: Tensor) -> Tensor:
    """Pairwise overlap of rows: times (..., R, 2) -> (..., R, R) in [0, 1]."""
    start, end = times.unbind(-1)  # (..., R)
    earliest = torch.minimum(start.unsqueeze(-1), start.unsqueeze(-2))
    latest = torch.maximum(end.unsqueeze(-1), end.unsqueeze(-2))
    shared = torch.minimum(end.unsqueeze(-1), end.unsqueeze(-2))
    shared = (shared - torch.maximum(start.unsqueeze(-1), start.unsqueeze(-2))).clamp(min=0)
    hull = latest - earliest
    return torch.where(hull > 0, shared / hull.clamp(min=torch.finfo(times.dtype).tiny), 0)


def suppress(place: Tensor, times: Tensor, valid: Tensor, threshold: float) -> Tensor:
    """Marks the rows that survive.

    Args:
        place: (B, R) int64, film or window of each row; moments of different places never suppress.
        times: (B, R, 2) seconds, rows best first.
        valid: (B, R) bool, False at filler rows.
        threshold: overlap above which the worse row goes.

    Returns:
        (B, R) bool, True = kept.
    """
    near = (overlap(times) > threshold) & (place.unsqueeze(-1) == place.unsqueeze(-2))  # (B, R, R)
    kept = valid.clone()
    for row in range(place.shape[1]):
        dropped = kept[:, row, None] & near[:, row]  # (B, R) what this row suppresses, if it stands itself
        dropped[:, : row + 1] = False
        kept &= ~dropped
    return kept


def compact(kept: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Gathers kept rows to the front.

    Returns:
        (B, limit') int64 row numbers in their old order, and (B, limit') bool which of them are real;
        limit' = min(limit, R).
    """
    order = (~kept).to(torch.int8).argsort(dim=1, stable=True)[:, :limit]  # (B, limit')
    return order, kept.gather(1, order)
