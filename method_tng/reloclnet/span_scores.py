"""Sums over spans: what the span cosine of the `movies` preset is made of.

A span is n neighbouring clips.  Both of its sums, of similarities and of clips, are differences of prefix
sums, so that a corpus can be encoded once and every span of it scored from the similarity of its clips:

    C(q, a, n) = sum of q.h over the span / (|sum of h over the span| + |eps| sqrt(n))

Letters: N queries, M windows, P pairs of them, T clips, n = 1..R clips of a span, S streams, H width.
Spans are laid out as [first clip, clips - 1]; one that leaves its window counts to the window's end and is
told apart by `spans_inside`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from method_tng.layers.similarity import pair_products

SMALLEST = 1e-6  # of a squared norm, where prefix sums cancel


def prefix_sums(values: Tensor, longest: int) -> Tensor:
    """Sums of the first 0, 1, ... T values, the last one repeated: (..., T) -> (..., T + R)."""
    return F.pad(values, (1, longest - 1)).cumsum(dim=-1)


def sums_of_length(sums: Tensor, length: int, longest: int, out: Tensor | None = None) -> Tensor:
    """Sums over the spans of one length, from prefix sums: (..., T + R) -> (..., T)."""
    num_clips = sums.shape[-1] - longest
    return torch.sub(sums[..., length : length + num_clips], sums[..., :num_clips], out=out)


def span_sums(values: Tensor, longest: int) -> Tensor:
    """Sums over all spans: (..., T) -> (..., T, R)."""
    ends = prefix_sums(values, longest).unfold(-1, longest + 1, 1)  # (..., T, R + 1)
    return ends[..., 1:] - ends[..., :1]


def spans_inside(mask: Tensor, longest: int) -> Tensor:
    """Whether a span lies in its window: mask (M, T) -> (M, T, R) bool."""
    places = torch.arange(mask.shape[1], device=mask.device)  # (T,)
    missing = (
        torch.where(mask, mask.shape[1], places).flip(1).cummin(dim=1).values.flip(1)
    )  # next one, (M, T)
    return (missing - places)[:, :, None] >= torch.arange(1, longest + 1, device=mask.device)


def span_norms(content: Tensor, longest: int) -> Tensor:
    """Length of the summed clips of every span: no sum of clips is ever written down.

    The square of a span's sum is the sum of a square of the Gram matrix, read from its 2-D prefix sums.

    Args:
        content: (M, T, H), zero at padding.
        longest: R.

    Returns:
        (M, T, R)
    """
    num_clips = content.shape[1]
    with torch.autocast(content.device.type, enabled=False):  # differences of large numbers
        gram = content.float() @ content.float().transpose(1, 2)  # (M, T, T)
    area = F.pad(gram.cumsum(dim=1).cumsum(dim=2), (1, 0, 1, 0))  # (M, T + 1, T + 1)
    first = torch.arange(num_clips, device=content.device)[:, None]  # (T, 1)
    end = (first + torch.arange(1, longest + 1, device=content.device)).clamp(max=num_clips)  # (T, R)
    corner = area.diagonal(dim1=1, dim2=2)  # (M, T + 1)
    squared = corner[:, end] - 2 * area[:, first, end] + corner[:, first]  # (M, T, R)
    return squared.clamp(min=SMALLEST).sqrt()


def curves(query: Tensor, content: Tensor) -> Tensor:
    """Similarity of every query with every clip: (N, S, H), (M, T, S, H) -> (S, N, M, T)."""
    clips = content.flatten(0, 1).permute(1, 2, 0)  # (S, H, M*T)
    return (query.transpose(0, 1) @ clips).unflatten(2, content.shape[:2]).float()


def pair_curves(query: Tensor, content: Tensor, pairs: Tensor) -> Tensor:
    """The same for chosen pairs: (N, S, H), (M, T, S, H), pairs (P, 2) rows of both -> (S, P, T)."""
    streams = zip(query.unbind(dim=1), content.unbind(dim=2), strict=True)
    return torch.stack([pair_products(vectors, clips, pairs).float() for vectors, clips in streams])
