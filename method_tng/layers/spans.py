"""Spans of a sequence of clips: which there are, and what a pair of start and end scores says of each.

A span is named by its first and last clip, both inside.  `lengths` is a range of clip counts.
Order: by start, then by length ("start-major"), so K = T * len(lengths) places are the same for scores and
grid, also where a span would leave the sequence.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def span_grid(num_clips: int, lengths: range, device: torch.device | str = "cpu") -> Tensor:
    """First and last clip of every span, (T * len(lengths), 2) int64; the last may lie beyond the end."""
    first = torch.arange(num_clips, device=device)[:, None].expand(-1, len(lengths))  # (T, n)
    last = first + torch.tensor(list(lengths), dtype=torch.int64, device=device) - 1  # (T, n)
    return torch.stack((first, last), dim=-1).flatten(0, 1)


def band_scores(start: Tensor, end: Tensor, lengths: range) -> Tensor:
    """Score of every span as start score of its first clip plus end score of its last.

    Only the band of allowed lengths is ever made, no T x T table.

    Args:
        start: (P, T), -inf at clips that do not exist.
        end: (P, T), the same.
        lengths: allowed numbers of clips, at least 1.

    Returns:
        (P, T * len(lengths)), -inf where a span leaves its sequence.
    """
    if not len(lengths):
        return start.new_empty(start.shape[0], 0)
    beyond = F.pad(end, (0, lengths[-1]), value=-torch.inf)[:, lengths[0] - 1 :]  # (P, T + ...)
    reach = lengths[-1] - lengths[0] + 1
    ends = beyond.unfold(1, reach, 1)[:, : start.shape[1], :: lengths.step]  # (P, T, n), a view
    return (start[:, :, None] + ends).flatten(1)
