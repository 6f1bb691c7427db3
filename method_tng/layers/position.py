"""Where in its sequence a row stands."""

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
