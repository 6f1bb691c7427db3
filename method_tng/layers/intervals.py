"""Intervals as tensors: two forms, and how well one covers another.

Form A: start and end.  Form B: centre and width.  Any unit.
Source: Rezatofighi et al. 2019 (generalised IoU), on a line.
"""

import torch
from torch import Tensor


def borders_of(spans: Tensor) -> Tensor:
    """Centre and width (..., 2) -> start and end (..., 2)."""
    centre, width = spans.unbind(-1)
    return torch.stack((centre - width / 2, centre + width / 2), dim=-1)


def centres_of(borders: Tensor) -> Tensor:
    """Start and end (..., 2) -> centre and width (..., 2)."""
    start, end = borders.unbind(-1)
    return torch.stack(((start + end) / 2, end - start), dim=-1)


def generalised_iou(ours: Tensor, theirs: Tensor) -> Tensor:
    """Generalised IoU of intervals, broadcast: start and end (..., 2) each -> (...) in [-1, 1].

    It falls on below 0 with the gap between two that do not meet.  Two empty intervals at one place score 0.
    """
    tiny = torch.finfo(ours.dtype).tiny
    start, end = ours.unbind(-1)
    other_start, other_end = theirs.unbind(-1)
    shared = (torch.minimum(end, other_end) - torch.maximum(start, other_start)).clamp(min=0)
    union = (end - start) + (other_end - other_start) - shared
    hull = torch.maximum(end, other_end) - torch.minimum(start, other_start)
    return shared / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)
