"""One stream of a window: raw feature rows -> unit clips -> the model's own space.

A clip's direction says what happens in it, so every clip gets length 1 after the corpus mean is taken off;
its magnitude is kept as a side channel.  Clips of zeros (nothing was said) stay zero all the way.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TINY = 1e-5  # added to the norm of a clip before division


class Content(nn.Module):
    """The linear tower of one stream: identity-like at its start, moved to the data by `span_start`.

    Args:
        width: D, of the raw rows.
        hidden: H, of the tower's output.
        drop: share of the D columns dropped while training, the same ones in all clips of a window.
        magnitude: whether the side channel is the clip's magnitude; else it says whether the clip is
            anything but zeros.
    """

    mean: Tensor
    loudness: Tensor

    def __init__(self, width: int, hidden: int, drop: float, magnitude: bool) -> None:
        super().__init__()
        self.drop, self.magnitude = drop, magnitude
        self.register_buffer("mean", torch.zeros(width))  # of the training clips that are not zero
        self.register_buffer("loudness", torch.ones(()))  # mean norm of these clips
        self.linear = nn.Linear(width, hidden)
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(hidden, width))
            self.linear.bias.zero_()

    def unit(self, rows: Tensor) -> Tensor:
        """Clips of length 1 without the corpus mean, zero where the rows are zero: (..., D) -> (..., D)."""
        centred = torch.where(sounding(rows)[..., None], rows - self.mean, 0.0)
        return centred / (centred.norm(dim=-1, keepdim=True) + TINY)

    def side(self, rows: Tensor) -> Tensor:
        """What the unit clips do not tell, about 1 for a typical clip: (M, T, D) -> (M, T)."""
        if self.magnitude:
            return rows.norm(dim=-1) / self.loudness
        return sounding(rows).to(rows.dtype)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """rows (M, T, D), mask (M, T) True at real clips -> (M, T, H), zero at padding."""
        columns = F.dropout(rows.new_ones(len(rows), 1, rows.shape[-1]), self.drop, self.training)
        hidden = self.linear(self.unit(rows) * columns)  # (M, T, H)
        return hidden * mask[:, :, None]


def sounding(rows: Tensor) -> Tensor:
    """Whether a clip is anything but zeros: (..., D) -> (...) bool."""
    return rows.norm(dim=-1) > 0
