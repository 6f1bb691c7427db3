"""Items of similar length handled together, so that few pay for the padding of the longest.

Exact: whatever a group computes must not depend on its padding or on the other items.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor


def length_groups(lengths: Tensor, most: int) -> list[Tensor]:
    """Splits items into at most `most` groups of neighbouring lengths with the least padding of all splits.

    Args:
        lengths: (N,) int64 on the CPU, N at least 1.
        most: number of groups that is allowed.

    Returns:
        Rows of each group, (n,) int64, shortest group first.
    """
    order = lengths.argsort(stable=True)
    count, ordered = len(order), lengths[order].double()
    first, behind = torch.arange(count), torch.arange(1, count + 1)
    cost = (behind - first[:, None]) * ordered  # (N, N) places of one group first .. behind - 1
    cost = cost.masked_fill(behind <= first[:, None], torch.inf)
    best, cuts = cost[0], []  # (N,) least places for the items before `behind`
    for _ in range(min(most, count) - 1):
        with_cut = best[:-1, None] + cost[1:]  # (N - 1, N) the last group begins after the cut
        least, cut = with_cut.min(dim=0)
        better = least < best
        cuts.append(torch.where(better, cut + 1, behind))  # items before the last group; all = no cut here
        best = torch.where(better, least, best)
    bounds = [count]
    for before in reversed(cuts):
        bounds.append(int(before[bounds[-1] - 1]))
    bounds = sorted({0, *bounds})
    return [order[low:high] for low, high in pairwise(bounds)]


def encode_in_groups(
    encode: Callable[[Tensor, int], dict[str, Tensor]], mask: Tensor, most: int
) -> dict[str, Tensor]:
    """What `encode` makes of all items, computed for groups of similar length and put together again.

    Args:
        encode: (rows (n,) int64, longest length among them) -> tensors, item axis first.
        mask: (N, T) bool, real places first.
        most: number of groups that is allowed; 1 = one call with everything.

    Returns:
        The tensors of all items in their order, every other axis padded with zeros to the largest group's.
    """
    lengths = mask.sum(1).cpu()
    groups = length_groups(lengths, most)
    if len(groups) == 1:
        return encode(torch.arange(len(mask), device=mask.device), int(lengths.max()))
    parts = [encode(rows.to(mask.device), int(lengths[rows].max())) for rows in groups]
    back = torch.cat(groups).argsort().to(mask.device)
    return {name: _joined([part[name] for part in parts])[back] for name in parts[0]}


def _joined(parts: list[Tensor]) -> Tensor:
    """(n, ...) tensors below one another, padded to the largest."""
    shape = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    padded = []
    for part in parts:
        room = [side for size, most in zip(part.shape[1:], shape, strict=True) for side in (most - size, 0)]
        padded.append(F.pad(part, room[::-1]) if any(room) else part)
    return torch.cat(padded)
