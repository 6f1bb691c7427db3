"""The fixed proposals of a window: widths around every row.

A proposal of width w around row t reaches from t - (w - 1) / 2 to t + (w - 1) / 2, both included; it is legal
when it lies inside the window.  Proposal t * A + a has the a-th of the A widths.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def proposal_table(num_frames: int, widths: Sequence[int]) -> Tensor:
    """All proposals, (num_frames * A, 2) float32 first and last row."""
    reach = (torch.tensor(widths, dtype=torch.float32) - 1) / 2  # (A,)
    rows = torch.arange(num_frames, dtype=torch.float32)[:, None]  # (T, 1)
    return torch.stack((rows - reach, rows + reach), dim=-1).flatten(0, 1)


def truncated(table: Tensor) -> Tensor:
    """The table that the released code moves: borders cut towards zero, 3.5 to 3 and -3.5 to -3."""
    return table.trunc()


def legal_proposals(table: Tensor, lengths: Tensor) -> Tensor:
    """Which proposals (N, 2) lie inside windows of `lengths` (B,) rows -> (B, N) bool."""
    start, end = table.unbind(1)
    return (start >= 0) & (end < lengths[:, None])


def overlap_of_rows(ours: Tensor, theirs: Tensor) -> Tensor:
    """IoU of spans of rows whose ends are included: (..., 2) each, broadcast -> (...), at least 0."""
    start, end = ours.unbind(-1)
    other_start, other_end = theirs.unbind(-1)
    shared = torch.minimum(end, other_end) - torch.maximum(start, other_start) + 1
    hull = torch.maximum(end, other_end) - torch.minimum(start, other_start) + 1
    return (shared / hull).clamp(min=0)
