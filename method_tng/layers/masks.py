"""Masks and what is done under them.  Boolean, True = real, everywhere."""

import torch
from torch import Tensor


def mask_of_lengths(lengths: Tensor, size: int) -> Tensor:
    """The mask of items that are real up to their length: lengths (N,) -> (N, size) bool."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def masked_log_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Log-probabilities over the real places of the last axis, in float32, -inf elsewhere.

    Args:
        logits: (..., T), any float type.
        mask: (..., T) bool, with at least one real place per row.
    """
    return logits.float().masked_fill(~mask, -torch.inf).log_softmax(dim=-1)
