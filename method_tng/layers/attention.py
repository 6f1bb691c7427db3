"""Multi-head attention with separate projections of queries, keys and values.

Source: Vaswani et al. 2017, section 3.2, without the output projection (the caller's block has it).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from method_tng.layers.dropout import Dropout

LOWERED = -10000.0


class MultiHeadAttention(nn.Module):
    """Every query place reads the key places it may see.

    Args:
        width: D, of queries, keys, values and result; divisible by `heads`.
        heads: number of heads.
        drop: dropout on the attention weights.
        lowered: masked logits are lowered by 10,000 instead of removed, so that a place that may see nothing
            sees everything (with the rounding of logits near -10,000).  Published checkpoints of the TVR
            family read their padding that way.
    """

    def __init__(self, width: int, heads: int, drop: float, lowered: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.lowered = lowered
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.dropout = Dropout(drop)

    def forward(self, queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """queries (N, L, D), keys (N, K, D), mask (N, K) or (N, L, K) bool, True = seen -> (N, L, D)."""
        query = self._split(self.query(queries))  # (N, H, L, D/H)
        key = self._split(self.key(keys))  # (N, H, K, D/H)
        value = self._split(self.value(keys))  # (N, H, K, D/H)
        seen = mask[:, None, None] if mask.dim() == 2 else mask[:, None]  # (N, 1, 1 or L, K)
        return self._attend(query, key, value, seen).transpose(1, 2).flatten(2)  # (N, L, D)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor) -> Tensor:
        slow_drop = self.dropout.active and query.device.type == "cpu"  # torch's own costs a third of a step
        if not self.lowered and not slow_drop:
            seen = seen.expand(-1, 1, query.shape[2], -1)
            drop = self.dropout.drop if self.dropout.active else 0.0
            return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=drop)
        logits = (query @ key.transpose(-1, -2)).div_(math.sqrt(query.shape[-1]))  # (N, H, L, K)
        hidden = LOWERED if self.lowered else torch.finfo(logits.dtype).min
        logits += torch.zeros_like(seen, dtype=logits.dtype).masked_fill_(~seen, hidden)
        return self.dropout(logits.softmax(dim=-1)) @ value  # (N, H, L, D/H)

    def _split(self, values: Tensor) -> Tensor:
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (N, H, L, D/H)
