"""Where in its sequence a row stands."""

import math

import torch
from torch import Tensor, nn

from method_tng.layers.dropout import Dropout


class LearnedPositions(nn.Module):
    """Adds a learned vector of the place to every row, then normalises: the k-th row gets the k-th vector.

    Args:
        places: longest sequence.
        width: D.
        drop: dropout on the result.
    """

    def __init__(self, places: int, width: int, drop: float) -> None:
        super().__init__()
        self.position_embeddings = nn.Embedding(places, width)
        self.LayerNorm = nn.LayerNorm(width)
        self.dropout = Dropout(drop)

    def forward(self, rows: Tensor) -> Tensor:
        """rows (N, L, D), L at most `places` -> (N, L, D)."""
        return self.dropout(self.LayerNorm(rows + self.position_embeddings.weight[: rows.shape[1]]))


def sine_code(angles: Tensor, width: int, temperature: float) -> Tensor:
    """Sines and cosines of angles at falling frequencies, one after the other.

    Args:
        angles: any shape, in radians.
        width: W, numbers per angle.
        temperature: the last frequency is about one so-many-th of the first.

    Returns:
        (*angles.shape, W): sine at even places, cosine at odd ones.

    Source: Vaswani et al. 2017, section 3.5.
    """
    places = torch.arange(width, device=angles.device)
    slowed = angles[..., None] / temperature ** (2 * (places // 2) / width)  # (..., W)
    return torch.where(places % 2 == 0, slowed.sin(), slowed.cos())


def sine_positions(mask: Tensor, width: int, temperature: float) -> Tensor:
    """A code of how far each row stands in its own sequence: mask (N, L) bool -> (N, L, width)."""
    count = mask.cumsum(1).float()
    return sine_code(count / (count[:, -1:] + 1e-6) * (2 * math.pi), width, temperature)
