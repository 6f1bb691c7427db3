"""A recurrent network in both directions over sequences of different length, under the published names."""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BidirectionalGRU(nn.Module):
    """One layer of gated recurrent units, half of the width in each direction.

    Args:
        features: width of the input.
        width: D of the result, even.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(features, width // 2, batch_first=True, bidirectional=True)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """rows (N, L, features), mask (N, L) bool with real rows first, at least one -> (N, L, D).

        Padding is not read and gives zeros.
        """
        if bool(mask.all()):
            return self.gru(rows)[0]
        lengths = mask.sum(1).cpu()
        packed = pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=rows.shape[1])[0]
