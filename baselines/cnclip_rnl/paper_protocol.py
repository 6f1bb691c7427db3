"""The locator's answers and recalls by the protocol of the publication, for many queries at once.

Boxes are whole rows of a window.  The recall at every overlap has a suppression of its own, whose overlap
counts ends as points, while a hit counts them as rows.  The evaluator of this project scores the saved list.
Source: the code of Yue et al. 2023 (Movie101, ACL).
"""

import torch
from torch import Tensor

from baselines.cnclip_rnl.proposals import overlap_of_rows

SAVED, SAVED_OVERLAP = 5, 0.25
SURVIVORS = 7  # of a suppression
TOP = (1, 5)
OVERLAPS = (0.1, 0.3, 0.5, 0.7)
CLOSER = 0.05  # by so much a suppression is stricter than the recall it is for


def whole_rows(boxes: Tensor, num_rows: int) -> Tensor:
    """Boxes (..., 2) on whole rows: starts not before the first row, ends not behind the last."""
    start, end = boxes.round().unbind(-1)
    return torch.stack((start.clamp(min=0), end.clamp(max=num_rows - 1)), dim=-1).double()


def survivors(scores: Tensor, boxes: Tensor, most: float, limit: int = SURVIVORS) -> Tensor:
    """The boxes that suppression leaves, best first.

    Args:
        scores: (B, N); of equal ones the last comes first.
        boxes: (B, N, 2) whole rows.
        most: overlap with a better one with which a box stays; an overlap 0 / 0 does not.

    Returns:
        (B, limit) int64 columns, -1 where fewer are left.
    """
    left, rows = torch.ones_like(scores, dtype=torch.bool), torch.arange(len(scores), device=scores.device)
    start, end = boxes.double().unbind(-1)  # (B, N) each
    picked = []
    for _ in range(limit):
        reversed_scores = scores.masked_fill(~left, -torch.inf).flip(1)
        best = scores.shape[1] - 1 - reversed_scores.argmax(1)  # (B,)
        picked.append(torch.where(left.any(1), best, -1))
        first, last = start[rows, best, None], end[rows, best, None]  # (B, 1)
        shared = (torch.minimum(end, last) - torch.maximum(start, first)).clamp(min=0)
        left &= shared / ((end - start) + (last - first) - shared) <= most
        left[rows, best] = False
    return torch.stack(picked, dim=1)


def saved_answers(scores: Tensor, boxes: Tensor) -> Tensor:
    """Columns of the boxes that are written for each query: (B, 5) int64, -1 where there are fewer."""
    return survivors(scores, boxes, SAVED_OVERLAP)[:, :SAVED]


def hits(scores: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """Whether one of the first answers overlaps the label (B, 2) enough: (B, TOP, OVERLAPS) bool."""
    columns = []
    for wanted in OVERLAPS:
        picked = survivors(scores, boxes, wanted - CLOSER)  # (B, 7)
        found = boxes.gather(1, picked.clamp(min=0)[..., None].expand(-1, -1, 2))  # (B, 7, 2)
        enough = (overlap_of_rows(found, labels[:, None].to(boxes)) >= wanted) & (picked >= 0)
        columns.append(torch.stack([enough[:, :top].any(1) for top in TOP], dim=1))  # (B, TOP)
    return torch.stack(columns, dim=2)


def recalls(scores: Tensor, boxes: Tensor, labels: Tensor) -> dict[str, float]:
    """Shares of queries with a hit, by the names of the publication."""
    shares = hits(scores, boxes, labels).double().mean(0)  # (TOP, OVERLAPS)
    return {
        f"R{top}@{overlap}": float(shares[i, j])
        for i, top in enumerate(TOP)
        for j, overlap in enumerate(OVERLAPS)
    }
