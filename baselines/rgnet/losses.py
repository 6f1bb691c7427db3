"""What RGNet minimises, unweighted; every draw is an argument.

N queries, each with its own window of T frames; M windows of the batch.
Source: Hannan et al. 2024 (RGNet, ECCV), section 3.4; Moon et al. 2023 (QD-DETR), section 3.4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from method_tng.layers.assignment import Assignment
from method_tng.layers.set_losses import distance_loss, label_loss, overlap_loss


def margin_loss(negative: Tensor, positive: Tensor, margin: float) -> Tensor:
    """Twice the mean of what a negative (N,) lacks to lie `margin` below its positive (N,)."""
    return 2 * (margin + negative - positive).clamp(min=0).mean()


def background_loss(saliency: Tensor, mask: Tensor, summed: bool) -> Tensor:
    """No frame of a negative window is salient.

    Args:
        saliency, mask: (N, T) of the negative windows.
        summed: over frames, as published, instead of averaged.
    """
    each = F.softplus(saliency).masked_fill(~mask, 0).sum(1)  # (N,)
    return each.mean() if summed else (each / mask.sum(1)).mean()


def gate_loss(logits: Tensor, inside: Tensor, mask: Tensor) -> Tensor:
    """The gate is open inside the moment and shut outside: (N, T) each, every window counts alike."""
    each = F.binary_cross_entropy_with_logits(logits, inside.to(logits.dtype), reduction="none")
    return (each.masked_fill(~mask, 0).sum(1) / mask.sum(1)).mean()


def adapter_loss(similarity: Tensor, temperature: float) -> Tensor:
    """Symmetric cross-entropy of moments and sentences: similarity (N, N) -> scalar."""
    own = torch.arange(len(similarity), device=similarity.device)
    logits = similarity / temperature
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def draw_frames(inside: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """One frame of each moment and one outside it, (N, 2) int64; 0 where there is none."""
    chance = torch.rand(inside.shape, generator=generator).to(inside.device)
    kinds = (inside & mask, ~inside & mask)
    drawn = [(chance + 1).masked_fill(~kind, 0) for kind in kinds]  # at least 1 where allowed
    return torch.stack([values.argmax(1) for values in drawn], dim=1)


def shows_moment(movies: Tensor, seconds: Tensor, own: Tensor, moments: list[Tensor]) -> Tensor:
    """Which windows show a part of a query's moments and so are no negatives of it.

    Args:
        movies: (M,) int64, equal numbers = the same film.
        seconds: (M, 2) start and end of each window in its film.
        own: (N,) int64, film of each query.
        moments: N tensors (S, 2), start and end in film seconds.

    Returns:
        (N, M) bool.
    """
    count = max(len(one) for one in moments)
    filler = torch.tensor([[torch.inf, -torch.inf]], dtype=seconds.dtype, device=seconds.device)
    padded = torch.stack(
        [torch.cat([one.to(seconds), filler.expand(count - len(one), 2)]) for one in moments]
    )
    start, end = padded.unbind(-1)  # (N, S) each
    meets = (start[:, :, None] < seconds[:, 1]) & (end[:, :, None] > seconds[:, 0])  # (N, S, M)
    return meets.any(1) & (own[:, None] == movies)


def proposal_losses(
    logits: Tensor, spans: Tensor, wanted: Tensor, assignment: Assignment, background: float
) -> dict[str, Tensor]:
    """The three terms of one decoder layer.

    Args:
        logits: (N, Q + more, 2) of moment and background; proposals behind the Q are background.
        spans: (N, Q, 2) centre and width.
        wanted: (R, 2) the assigned moments.
        background: weight of a background proposal.
    """
    return {
        "loss_span": distance_loss(spans, wanted, assignment),
        "loss_giou": overlap_loss(spans, wanted, assignment),
        "loss_label": label_loss(logits, assignment, background),
    }
