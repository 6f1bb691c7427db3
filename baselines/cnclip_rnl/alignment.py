"""Frames and text change each other and themselves in turn; then each frame takes up what is said of it.

Parameter names are the published ones.
Source: Liu et al. 2021 (IA-Net, EMNLP), sections 3.3 and 3.4.
"""

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from method_tng.layers.transformer import split_heads

HEADS = 4
SUMS_AT_ONCE = 1 << 26  # numbers of one block of the additive attention, 256 MB


class AlignmentBlock(nn.Module):
    """One round in which both sides read, and keep or take over what they read.

    Args:
        width: D, divisible by 4.
        crosswise: each side reads the other one; False = itself.
    """

    def __init__(self, width: int, crosswise: bool) -> None:
        super().__init__()
        self.crosswise = crosswise
        self.dense_coattn = nn.Module()
        self.dense_coattn.linears = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.linears = nn.ModuleList(nn.Sequential(nn.Linear(2 * width, width)) for _ in range(2))
        self.linears_re = nn.ModuleList(nn.Sequential(nn.Linear(2 * width, width)) for _ in range(2))

    def forward(
        self, video: Tensor, text: Tensor, masks: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """video (P, T, D), text (P, L, D) -> the same shapes.

        Args:
            masks: (P, T) and (P, L) bool; what is not real is not read.  None = all is read, as published.
        """
        sides = (video, text)
        asked = [linear(side) for linear, side in zip(self.dense_coattn.linears, sides, strict=True)]
        changed = []
        for own in (0, 1):
            read = 1 - own if self.crosswise else own
            seen = None if masks is None else masks[read]
            found = attend(asked[own], asked[read], sides[read], seen)
            changed.append(self._take_over(own, sides[own], found))
        return changed[0], changed[1]

    def _take_over(self, own: int, rows: Tensor, found: Tensor) -> Tensor:
        both = torch.cat((rows, found), dim=-1)  # (P, L, 2 D)
        keep = self.linears_re[own](both).sigmoid()
        return keep * rows + (1 - keep) * self.linears[own](both).tanh()


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention whose heads all read whole rows: query (P, L, D), key and value (P, K, D) -> (P, L, D).

    Args:
        mask: (P, K) bool, what may be read, at least one of each; None = all.
    """
    queries, keys = split_heads(query, HEADS), split_heads(key, HEADS)  # (P, H, L or K, D / H)
    logits = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])  # (P, H, L, K)
    if mask is not None:
        logits = logits.masked_fill(~mask[:, None, None], -torch.inf)
    return logits.softmax(-1).mean(1) @ value  # the heads' mean first: one product instead of four


class AdditiveAttention(nn.Module):
    """What the text says of each frame.

    Its logits come from a sum of every frame with every word, which is 34 MB for one window of the published
    size.  It is made for some frames at a time, and made again for the gradient.

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ws1 = nn.Linear(width, width)
        self.ws2 = nn.Linear(width, width, bias=False)
        self.wst = nn.Linear(width, 1, bias=False)

    def forward(self, video: Tensor, text: Tensor, mask: Tensor, at_once: int = SUMS_AT_ONCE) -> Tensor:
        """video (P, T, D), text (P, L, D), mask (P, L) bool with a real row each -> (P, T, D).

        Args:
            at_once: numbers of the sum that may exist together.
        """
        frames, words = self.ws1(video), self.ws2(text)  # (P, T, D), (P, L, D)
        blocks = frames.split(max(1, at_once // words.numel()), dim=1)
        again = len(blocks) > 1 and torch.is_grad_enabled()
        parts = [
            checkpoint(self._logits, block, words, use_reentrant=False)
            if again
            else self._logits(block, words)
            for block in blocks
        ]
        logits = torch.cat(parts, dim=1).masked_fill(~mask[:, None], -torch.inf)  # (P, T, L)
        return logits.softmax(-1) @ text

    def _logits(self, frames: Tensor, words: Tensor) -> Tensor:
        """frames (P, t, D), words (P, L, D) -> (P, t, L)."""
        return self.wst((frames[:, :, None] + words[:, None]).tanh()).squeeze(-1)
