"""Transformer blocks whose attention takes an additive bias, with the parameter names of torch's own.

Source: Vaswani et al. 2017 (post-norm); Moon et al. 2023 (QD-DETR) for `ReadingBlock`.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from method_tng.layers.dropout import Dropout


def hidden_bias(mask: Tensor) -> Tensor:
    """mask (N, K) bool, True = real -> (N, 1, 1, K) float: 0, and -inf at padding."""
    return torch.zeros(mask.shape, device=mask.device).masked_fill_(~mask, -torch.inf)[:, None, None]


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, dropout: Dropout) -> Tensor:
    """Scaled dot-product attention.

    Args:
        query, key, value: (N, H, L, E), (N, H, K, E), (N, H, K, D).
        bias: float, added to the logits; broadcasts to (N, H, L, K).  No row may be -inf throughout.
        dropout: on the attention weights.

    Returns:
        (N, H, L, D).
    """
    if not (dropout.active and query.device.type == "cpu"):  # torch's own is slow there
        drop = dropout.drop if dropout.active else 0.0
        seen = bias.to(query.dtype).expand(-1, -1, query.shape[2], -1)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=drop)
    logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias  # (N, H, L, K)
    return dropout(logits.softmax(dim=-1)) @ value


def split_heads(rows: Tensor, heads: int) -> Tensor:
    """(N, L, D) -> (N, H, L, D / H)."""
    return rows.unflatten(-1, (heads, -1)).transpose(1, 2)


class ProjectedAttention(nn.Module):
    """Attention over rows that the caller has projected, and the map that joins the heads.

    Args:
        width: D of the values and of the result.
        heads: number of heads.
        drop: dropout on the attention weights.
    """

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(drop)
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """query (N, L, E), key (N, K, E), value (N, K, D), bias as of `attend` -> (N, L, D)."""
        parts = (split_heads(rows, self.heads) for rows in (query, key, value))
        return self.out_proj(attend(*parts, bias, self.dropout).transpose(1, 2).flatten(2))


class PackedAttention(nn.Module):
    """Attention whose three projections are one matrix.  Arguments as of `ProjectedAttention`."""

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(drop)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """query (N, L, D), key and value (N, K, D), bias as of `attend` -> (N, L, D)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        projected = zip((query, key, value), weights, biases, strict=True)
        parts = (split_heads(F.linear(*one), self.heads) for one in projected)
        return self.out_proj(attend(*parts, bias, self.dropout).transpose(1, 2).flatten(2))


class EncoderBlock(nn.Module):
    """The rows of a sequence read each other, then each is changed on its own; normalised after each.

    Args:
        width: D.
        heads: attention heads.
        inner: width of the feed-forward part.
        drop: dropout on attention weights, inside the feed-forward part and on both results.
    """

    def __init__(self, width: int, heads: int, inner: int, drop: float) -> None:
        super().__init__()
        self.self_attn = PackedAttention(width, heads, drop)
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = Dropout(drop)

    def forward(self, rows: Tensor, position: Tensor, bias: Tensor) -> Tensor:
        """rows, position (N, L, D), bias as of `attend` -> (N, L, D)."""
        placed = rows + position
        rows = self.norm1(rows + self.dropout(self.self_attn(placed, placed, rows, bias)))
        inner = self.dropout(self.linear1(rows).relu())
        return self.norm2(rows + self.dropout(self.linear2(inner)))


class ReadingBlock(nn.Module):
    """The rows of one sequence read another.  Arguments as of `EncoderBlock`.

    What the feed-forward part is added to is not normalised before.
    """

    def __init__(self, width: int, heads: int, inner: int, drop: float) -> None:
        super().__init__()
        self.self_attn = PackedAttention(width, heads, drop)
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = Dropout(drop)

    def forward(self, rows: Tensor, position: Tensor, others: Tensor, bias: Tensor) -> Tensor:
        """rows, position (N, L, D), others (N, K, D), bias as of `attend` -> (N, L, D)."""
        rows = rows + self.dropout(self.self_attn(rows + position, others, others, bias))
        inner = self.dropout(self.linear1(self.norm1(rows)).relu())
        return self.norm2(rows + self.dropout(self.linear2(inner)))
