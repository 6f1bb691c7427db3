"""What contrastive losses share: who is no negative of whom, and the rows of other processes."""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor


def related(movies: Tensor, seconds: Tensor, positive: Tensor) -> Tensor:
    """Which windows are no negatives of a query, because they show what its own window shows.

    Args:
        movies: (M,) int64, equal numbers = the same film.
        seconds: (M, 2) start and end of each window in its film.
        positive: (N,) int64, the row of each query's own window.

    Returns:
        (N, M) bool, True where a window lies in the film of the query's window and overlaps it in time, the
        own window included.  Windows that only touch do not overlap.
    """
    start, end = seconds.unbind(1)  # (M,) each
    meets = (start[:, None] < end) & (start < end[:, None])  # (M, M)
    alike = (movies[:, None] == movies) & meets
    return alike.fill_diagonal_(True)[positive]


def window_contrast(logits: Tensor, positive: Tensor, ignored: Tensor, temperature: float) -> Tensor:
    """Which window belongs to a query, and which query to its window.

    Args:
        logits: (N, M).
        positive: (N,) int64, column of each query's own window; several queries may share one.
        ignored: (N, M) bool, True where a window is no negative of a query.

    Returns:
        Mean of both cross-entropies.
    """
    own = F.one_hot(positive, logits.shape[1]).bool()  # (N, M)
    scaled = (logits / temperature).masked_fill(ignored & ~own, -torch.inf)
    rows = torch.arange(len(logits), device=logits.device)
    columns = scaled[:, positive].T  # (N, N) row n: all queries for n's window
    shared = (ignored[:, positive].T | own[:, positive].T) & ~torch.eye(
        len(rows), dtype=torch.bool, device=rows.device
    )
    ours = F.cross_entropy(scaled, positive)
    return (ours + F.cross_entropy(columns.masked_fill(shared, -torch.inf), rows)) / 2


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of all processes, in the order of their ranks, with gradient; one process gets its own.

    Processes may have differently many rows, and rows of different size: these are padded with zeros.
    When every process computes the same loss from gathered rows and gradients are averaged over processes,
    the result is the gradient of one process that holds all rows.

    Args:
        rows: (n, ...), of the same number of axes in every process.

    Returns:
        (sum of n, ...).
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    shape = torch.tensor(rows.shape, device=rows.device)
    shapes = [torch.empty_like(shape) for _ in range(dist.get_world_size())]
    dist.all_gather(shapes, shape)
    largest = torch.stack(shapes).amax(0).tolist()
    room = [side for size, most in zip(rows.shape, largest, strict=True) for side in (most - size, 0)]
    parts = _GatherAll.apply(F.pad(rows, room[::-1]))  # (processes, most rows, ...)
    return torch.cat([part[: int(size[0])] for part, size in zip(parts, shapes, strict=True)])


def rows_before(count: int, device: torch.device) -> int:
    """How many rows the processes before this one hold, when this one holds `count`."""
    counts = gather_rows(torch.tensor([count], device=device))  # (processes,)
    return int(counts[: dist.get_rank()].sum()) if len(counts) > 1 else 0


def share_of_mean(count: int, device: torch.device) -> float:
    """The factor that makes the average over processes of their means the mean over all rows.

    Args:
        count: rows of this process; 1 is returned where all have equally many.
    """
    counts = gather_rows(torch.tensor([count], device=device))  # (processes,)
    return count * len(counts) / int(counts.sum())


class _GatherAll(torch.autograd.Function):
    """Equal tensors of all processes, stacked; a gradient returns to where its rows came from."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.as_bytes = rows.dtype == torch.bool  # not every back end moves booleans
        sent = rows.to(torch.uint8) if ctx.as_bytes else rows.contiguous()
        parts = [torch.empty_like(sent) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, sent)
        gathered = torch.stack(parts)
        return gathered.bool() if ctx.as_bytes else gathered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous()
        dist.all_reduce(total)
        return total[dist.get_rank()]
