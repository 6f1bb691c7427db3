"""Dot products of query vectors with the clips of windows, without building what nobody asked for."""

from itertools import pairwise

import torch
from torch import Tensor

BLOCK = (
    1 << 19
)  # numbers of one block of products: stays in a core's cache on its way from product to maximum
DENSE_BLOCK = 1 << 26  # the same on an accelerator, where only its memory matters


def best_clip(queries: Tensor, clips: Tensor, mask: Tensor) -> Tensor:
    """The largest dot product of every query with the real clips of every window.

    Args:
        queries: (Nq, D).
        clips: (Nw, T, D).
        mask: (Nw, T) bool, at least one real clip per window.

    Returns:
        (Nq, Nw) float32.
    """
    size = DENSE_BLOCK if clips.is_cuda else BLOCK
    step = max(1, size // max(1, len(queries) * clips.shape[1]))
    parts = []
    for block, hidden in zip(clips.split(step), (~mask).split(step), strict=True):  # (B, T, D), (B, T)
        products = (queries @ block.flatten(0, 1).T).float().unflatten(1, hidden.shape)  # (Nq, B, T)
        parts.append(products.masked_fill_(hidden, -torch.inf).amax(dim=2))
    return torch.cat(parts, dim=1) if parts else queries.new_zeros(len(queries), 0)


def pair_products(queries: Tensor, clips: Tensor, pairs: Tensor) -> Tensor:
    """The dot products of chosen queries with all clips of chosen windows.

    On a CPU the pairs of a window are multiplied together, one small matrix product per window: a product
    of all queries with all windows would be 20 times the work at 100 windows of 2,000 per query, and a
    row-aligned copy of the windows would move gigabytes.  On an accelerator thousands of small products wait
    for one another, so the whole grid is multiplied in blocks of windows.

    Args:
        queries: (Nq, D).
        clips: (Nw, T, D).
        pairs: (P, 2) int64, row of the query and row of the window.

    Returns:
        (P, T), of the type of the product.
    """
    if 2 * len(pairs) >= len(queries) * len(clips):  # most of the grid is asked for
        rows, columns = pairs.unbind(1)
        return (queries @ clips.flatten(0, 1).T).unflatten(1, clips.shape[:2])[rows, columns]
    order = pairs[:, 1].argsort(stable=True)
    multiply = _by_window if clips.device.type == "cpu" else _by_block
    return multiply(queries, clips, pairs[order])[order.argsort()]


def _by_window(queries: Tensor, clips: Tensor, pairs: Tensor) -> Tensor:
    """One product per window; pairs ordered by window."""
    rows, columns = pairs.unbind(1)
    windows, counts = columns.unique_consecutive(return_counts=True)
    each = clips.unbind()  # one backward pass for all, not one of full size per window
    groups = zip(queries[rows].split(counts.tolist()), windows.tolist(), strict=True)
    parts = [group @ each[window].T for group, window in groups]
    return torch.cat(parts) if parts else queries.new_zeros(0, clips.shape[1])


def _by_block(queries: Tensor, clips: Tensor, pairs: Tensor) -> Tensor:
    """The whole grid in blocks of windows, of which the pairs are picked; pairs ordered by window."""
    rows, columns = pairs.unbind(1)
    step = max(1, DENSE_BLOCK // max(1, len(queries) * clips.shape[1]))
    blocks = clips.split(step)
    edges = step * torch.arange(len(blocks) + 1, device=columns.device)
    bounds = torch.searchsorted(columns.contiguous(), edges).tolist()
    parts = []
    for number, (block, (first, last)) in enumerate(zip(blocks, pairwise(bounds), strict=True)):
        grid = torch.einsum("qd,btd->qbt", queries, block)
        parts.append(grid[rows[first:last], columns[first:last] - number * step])
    return torch.cat(parts)
