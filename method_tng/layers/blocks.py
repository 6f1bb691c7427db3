"""Blocks of the TVR family: input projection, perceptron, self-attention without a feed-forward part."""

from itertools import pairwise

from torch import Tensor, nn

from method_tng.layers.attention import MultiHeadAttention
from method_tng.layers.dropout import Dropout


class InputProjection(nn.Module):
    """Brings rows of a feature file to the model's width: normalise, drop, map, rectify.

    Args:
        features: width of the rows.
        width: D.
        drop: dropout on the normalised rows.
        rectify: whether negative results become 0.
    """

    def __init__(self, features: int, width: int, drop: float, rectify: bool = True) -> None:
        super().__init__()
        self.rectify = rectify
        self.LayerNorm = nn.LayerNorm(features)
        self.net = nn.Sequential(Dropout(drop), nn.Linear(features, width))

    def forward(self, rows: Tensor) -> Tensor:
        """rows (N, L, features) -> (N, L, D)."""
        mapped = self.net(self.LayerNorm(rows))
        return mapped.relu() if self.rectify else mapped


class Perceptron(nn.Module):
    """Linear maps with a rectifier between them.

    Args:
        widths: of the input, of every hidden layer and of the result; at least two numbers.
    """

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))

    def forward(self, rows: Tensor) -> Tensor:
        """(..., first width) -> (..., last width)."""
        for layer in self.layers[:-1]:
            rows = layer(rows).relu()
        return self.layers[-1](rows)


class ResidualOutput(nn.Module):
    """Maps what attention found, adds it to what was there, normalises."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.LayerNorm = nn.LayerNorm(width)
        self.dropout = Dropout(drop)

    def forward(self, found: Tensor, rows: Tensor) -> Tensor:
        """found, rows (N, L, D) -> (N, L, D)."""
        return self.LayerNorm(rows + self.dropout(self.dense(found)))


class SelfAttentionBlock(nn.Module):
    """The rows of a sequence read each other.

    Args:
        width: D.
        heads: attention heads.
        drop: dropout on attention weights and on the output.
        lowered: see `MultiHeadAttention`.
    """

    def __init__(self, width: int, heads: int, drop: float, lowered: bool = False) -> None:
        super().__init__()
        self.self = MultiHeadAttention(width, heads, drop, lowered)
        self.output = ResidualOutput(width, drop)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """rows (N, L, D), mask (N, L) bool -> (N, L, D); padded rows read but are not read."""
        return self.output(self.self(rows, rows, mask), rows)
