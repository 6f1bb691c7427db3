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
    hidden = ~mask
    parts = []
    for first in range(0, len(clips), step):
        block = clips[first : first + step]  # (B, T, D)
        products = (queries @ block.flatten(0, 1).T).float().unflatten(1, block.shape[:2])  # (Nq, B, T)
        parts.append(products.masked_fill_(hidden[first : first + step], -torch.inf).amax(dim=2))
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
    order = pairs[:, 1].argsort(stable=True)
    rows, columns = pairs[order].unbind(1)  # by window
    if clips.device.type == "cpu":
        windows, counts = columns.unique_consecutive(return_counts=True)
        groups = zip(queries[rows].split(counts.tolist()), windows.tolist(), strict=True)
        each = clips.unbind()  # one backward pass for all, not one of full size per window
        parts = [group @ each[window].T for group, window in groups]
    else:
        step = max(1, DENSE_BLOCK // max(1, len(queries) * clips.shape[1]))
        edges = torch.arange(0, len(clips) + step, step, device=clips.device)
        bounds = torch.searchsorted(columns, edges).tolist()
        parts = []
        for number, (first, last) in enumerate(pairwise(bounds)):
            block = clips[number * step : (number + 1) * step]  # (B, T, D)
            grid = torch.einsum("qd,btd->qbt", queries, block)
            parts.append(grid[rows[first:last], columns[first:last] - number * step])
    products = torch.cat(parts) if parts else queries.new_zeros(0, clips.shape[1])
    return products[order.argsort()]
