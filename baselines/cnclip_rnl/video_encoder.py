"""What the frames of a window become: read with their neighbours, then in order, the faces in them added.

Parameter names are the published ones.
Source: Yue et al. 2023 (Movie101, ACL), section 5.2.
"""

import torch
from torch import Tensor, nn

from baselines.cnclip_rnl.recurrent import BidirectionalGRU
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.layers.dropout import Dropout
from method_tng.layers.transformer import PackedAttention

FAR = -1e10  # added where a frame is no neighbour


class VideoEncoder(nn.Module):
    """Frames and the faces in them -> one row per frame.

    Args:
        settings: of the system.
        frame_dim: width of a frame without its faces; divisible by `num_heads`.
    """

    def __init__(self, settings: CnclipRnlSettings, frame_dim: int) -> None:
        super().__init__()
        self.neighbours = settings.neighbours
        if settings.face_dim:
            self.tran = nn.Linear(settings.face_dim, settings.hidden_size)
        self.attn_layers = nn.ModuleList(
            PackedAttention(frame_dim, settings.num_heads, 0.0) for _ in range(settings.num_attn_layers)
        )
        for layer in self.attn_layers:
            nn.init.xavier_uniform_(layer.out_proj.weight)
        self.rnn = BidirectionalGRU(frame_dim, settings.hidden_size)
        self.dropout = Dropout(settings.drop)

    def forward(self, frames: Tensor, mask: Tensor, faces: Tensor | None = None) -> Tensor:
        """frames (M, T, F), mask (M, T) bool with real rows first, faces (M, T, face_dim) -> (M, T, D)."""
        bias = neighbour_bias(mask, self.neighbours)  # (M, 1, T, T)
        for layer in self.attn_layers:
            frames = frames + self.dropout(layer(frames, frames, frames, bias))  # (M, T, F)
        rows = self.dropout(self.rnn(frames, mask))  # (M, T, D)
        return rows if faces is None else rows + self.tran(faces)


def neighbour_bias(mask: Tensor, neighbours: int) -> Tensor:
    """What is added to the logits so that a frame reads only real frames near it.

    Args:
        mask: (M, T) bool.
        neighbours: largest distance that is read.

    Returns:
        (M or 1, 1, T, T) float.
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    near = (places[:, None] - places).abs() <= neighbours  # (T, T)
    seen = near[None] if bool(mask.all()) else near & mask[:, None]  # (M or 1, T, T)
    return torch.zeros_like(seen, dtype=torch.float32).masked_fill_(~seen, FAR)[:, None]
