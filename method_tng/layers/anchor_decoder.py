"""Queries that are intervals: each layer reads a sequence around its intervals and moves them.

Parameter names are those of the published decoders, so that their weights load by name.
Source: Liu et al. 2022 (DAB-DETR), section 4, with centre and width in place of boxes.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from method_tng.layers.blocks import Perceptron
from method_tng.layers.dropout import Dropout
from method_tng.layers.position import sine_code
from method_tng.layers.transformer import ProjectedAttention

ANCHOR_TEMPERATURE = 10000.0
EDGE = 1e-3  # an interval's numbers are kept so far from 0 and 1 before their logit is taken


@dataclass(frozen=True)
class SequenceRows:
    """What a decoder reads."""

    rows: Tensor  # (N, T, D)
    position: Tensor  # (N, T, D)
    bias: Tensor  # (N, 1, 1, T), -inf at padding


def logit(values: Tensor) -> Tensor:
    """The inverse of the sigmoid, finite at 0 and 1."""
    values = values.clamp(0, 1)
    return values.clamp(min=EDGE).log() - (1 - values).clamp(min=EDGE).log()


class AnchorBlock(nn.Module):
    """One layer: the queries read each other, then the sequence, then each is changed on its own.

    Args:
        width: D.
        heads: attention heads.
        inner: width of the feed-forward part.
        drop: dropout on attention weights, inside the feed-forward part and on all results.
    """

    def __init__(self, width: int, heads: int, inner: int, drop: float) -> None:
        super().__init__()
        self.heads = heads
        for name in ("qcontent", "qpos", "kcontent", "kpos", "v"):
            self.add_module(f"sa_{name}_proj", nn.Linear(width, width))
        self.self_attn = ProjectedAttention(width, heads, drop)
        self.norm1 = nn.LayerNorm(width)
        for name in ("qcontent", "qpos", "kcontent", "kpos", "v", "qpos_sine"):
            self.add_module(f"ca_{name}_proj", nn.Linear(width, width))
        self.cross_attn = ProjectedAttention(width, heads, drop)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = Dropout(drop)

    def forward(self, rows: Tensor, position: Tensor, place: Tensor, sequence: SequenceRows) -> Tensor:
        """rows (N, Q, D), their position and the code of their interval, both (N, Q, D) -> (N, Q, D)."""
        rows = self.norm1(rows + self.dropout(self._among_queries(rows, position)))
        rows = self.norm2(rows + self.dropout(self._from_sequence(rows, position, place, sequence)))
        inner = self.dropout(self.linear1(rows).relu())
        return self.norm3(rows + self.dropout(self.linear2(inner)))

    def _among_queries(self, rows: Tensor, position: Tensor) -> Tensor:
        query = self.sa_qcontent_proj(rows) + self.sa_qpos_proj(position)
        key = self.sa_kcontent_proj(rows) + self.sa_kpos_proj(position)
        return self.self_attn(
            query,
            key,
            self.sa_v_proj(rows),
            rows.new_zeros(1, 1, 1, 1).expand(len(rows), 1, 1, rows.shape[1]),
        )

    def _from_sequence(self, rows: Tensor, position: Tensor, place: Tensor, sequence: SequenceRows) -> Tensor:
        key_position = self.ca_kpos_proj(sequence.position)  # (N, T, D)
        query = self.ca_qcontent_proj(rows) + self.ca_qpos_proj(position)  # (N, Q, D)
        key = self.ca_kcontent_proj(sequence.rows) + key_position  # (N, T, D)
        query = self._beside(query, self.ca_qpos_sine_proj(place))  # (N, Q, 2 D)
        key = self._beside(key, key_position)  # (N, T, 2 D)
        return self.cross_attn(query, key, self.ca_v_proj(sequence.rows), sequence.bias)

    def _beside(self, content: Tensor, place: Tensor) -> Tensor:
        """Content and place (N, L, D), head by head beside each other -> (N, L, 2 D)."""
        parts = [values.unflatten(-1, (self.heads, -1)) for values in (content, place)]
        return torch.cat(parts, dim=-1).flatten(2)


class AnchorDecoder(nn.Module):
    """A stack of layers that refine Q intervals; every layer's result is normalised and kept.

    Args:
        width: D.
        heads: attention heads.
        inner: width of the feed-forward parts.
        layers: number of layers; there is one update of the intervals fewer.
        drop: as of `AnchorBlock`.
    """

    def __init__(self, width: int, heads: int, inner: int, layers: int, drop: float) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(AnchorBlock(width, heads, inner, drop) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.query_scale = Perceptron(width, width, width)
        self.ref_point_head = Perceptron(width, width, width)
        self.ref_anchor_head = Perceptron(width, width, 1)
        self.bbox_embed = nn.ModuleList(Perceptron(width, width, width, 2) for _ in range(layers - 1))

    def forward(self, anchors: Tensor, sequence: SequenceRows) -> tuple[Tensor, Tensor]:
        """Intervals (N, Q, 2) as centre and width in [0, 1] -> what the layers made of them.

        Returns:
            (layers, N, Q, D) results, and (layers, N, Q, 2) the intervals each layer started from.
        """
        rows = anchors.new_zeros(*anchors.shape[:2], self.width)
        results, started = [], [anchors]
        for number, layer in enumerate(self.layers):
            code = self._code(anchors)  # (N, Q, D)
            position = self.ref_point_head(code)
            place = code * self.query_scale(rows) if number else code
            place = place * self.ref_anchor_head(rows).sigmoid() / anchors[..., 1:]
            rows = layer(rows, position, place, sequence)
            results.append(self.norm(rows))
            if number + 1 < len(self.layers):
                moved = (self.bbox_embed[number](rows) + logit(anchors)).sigmoid()
                started.append(moved)
                anchors = moved.detach()
        return torch.stack(results), torch.stack(started)

    def _code(self, anchors: Tensor) -> Tensor:
        """(N, Q, 2) -> (N, Q, D), the centre's code first."""
        return sine_code(2 * math.pi * anchors, self.width // 2, ANCHOR_TEMPERATURE).flatten(-2)
