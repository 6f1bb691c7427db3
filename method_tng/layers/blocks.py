"""Blocks of the TVR family: input projection, self-attention without a feed-forward part."""

from torch import Tensor, nn

from method_tng.layers.attention import MultiHeadAttention
from method_tng.layers.dropout import Dropout


class InputProjection(nn.Module):
    """Brings rows of a feature file to the model's width: normalise, drop, map, rectify.

    Args:
        features: width of the rows.
        width: D.
        drop: dropout on the normalised rows.
    """

    def __init__(self, features: int, width: int, drop: float) -> None:
        super().__init__()
        self.LayerNorm = nn.LayerNorm(features)
        self.net = nn.Sequential(Dropout(drop), nn.Linear(features, width))

    def forward(self, rows: Tensor) -> Tensor:
        """rows (N, L, features) -> (N, L, D), not negative."""
        return self.net(self.LayerNorm(rows)).relu()


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
