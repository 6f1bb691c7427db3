"""Dropout that does not dominate a training step on a CPU.

Torch draws one 53-bit number per value to decide about it.  Here one 64-bit number decides about four
values, 16 bits each: the share that is dropped is right to 1/65,536, and a step at the published size of
the main system spends a third of the time on it.  On an accelerator torch's own fused dropout is taken.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 1 << 16


def draw_kept(shape: torch.Size, share: float) -> Tensor:
    """A bool tensor on the CPU, True with probability `share` (to 1/65,536); from torch's global seed."""
    count = shape.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(1 << 63), None)
    return (words.view(torch.int16)[:count] < round(share * LEVELS) - LEVELS // 2).view(shape)


class _Drop(torch.autograd.Function):
    """Zero what is not kept and enlarge the rest; the backward pass needs the bits only."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, kept: Tensor, share: float) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.share = share
        return torch.where(kept, values, 0.0).div_(share)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (kept,) = ctx.saved_tensors
        return torch.where(kept, gradient, 0.0).div_(ctx.share), None, None


class Dropout(nn.Module):
    """Drops each value with probability `drop` while training and enlarges the rest by 1 / (1 - drop)."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop

    @property
    def active(self) -> bool:
        """Whether anything is dropped now."""
        return self.training and self.drop > 0

    def forward(self, values: Tensor) -> Tensor:
        """Any float tensor -> the same shape."""
        if not self.active:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.drop)
        share = round((1 - self.drop) * LEVELS) / LEVELS
        return _Drop.apply(values, draw_kept(values.shape, share), share)
