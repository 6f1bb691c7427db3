"""From the words of a sentence to vectors."""

import torch
from torch import Tensor, nn


class WordPooling(nn.Linear):
    """Pools the words of a sentence into M vectors, one per stream, each with its own weights.

    A linear map without bias: its (M, D) weight holds one vector per stream that says which words matter.
    """

    def __init__(self, width: int, streams: int) -> None:
        super().__init__(width, streams, bias=False)

    def weights(self, words: Tensor, mask: Tensor) -> Tensor:
        """words (N, L, D), mask (N, L) bool with a real word per row -> (N, L, M), sums to 1 over words."""
        logits = super().forward(words).float().masked_fill(~mask[:, :, None], -torch.inf)  # (N, L, M)
        return logits.softmax(dim=1)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """words (N, L, D), mask (N, L) -> (N, M, D)."""
        return torch.einsum("nlm,nld->nmd", self.weights(words, mask), words.float())
