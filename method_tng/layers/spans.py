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


def span_seconds(grid: Tensor, clip_seconds: Tensor, durations: Tensor, rows: Tensor) -> Tensor:
    """Start and end of every span in seconds of its window, for P pairs.

    Where all clips are equally long, one grid serves all pairs; its last span may then reach behind the end
    of a window that is no whole number of clips.

    Args:
        grid: (K, 2) start and end in clips.
        clip_seconds: (M,) that a clip of each window covers.
        durations: (M,) seconds of each window.
        rows: (P,) int64, the window of each pair.

    Returns:
        (P or 1, K, 2) float64.
    """
    clip_seconds = clip_seconds.double()
    if len(clip_seconds) and bool((clip_seconds == clip_seconds[0]).all()):
        return (grid * clip_seconds[0])[None]
    times = grid * clip_seconds[rows, None, None]  # (P, K, 2)
    return times.minimum(durations[rows, None, None])


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
