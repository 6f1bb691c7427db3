"""What the locator minimises, unweighted.  Labels are rows (first, last), both included.

Source: Yue et al. 2023 (Movie101, ACL), section 5.2; Liu et al. 2021 (IA-Net, EMNLP), section 3.5.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.cnclip_rnl.proposals import overlap_of_rows


@dataclass(frozen=True)
class ProposalTargets:
    """What is wanted of N proposals for each of B labels."""

    scores: Tensor  # (B, N) overlap with the label, as a share of the best proposal's
    positive: Tensor  # (B, N) bool, whose borders are learned


def proposal_targets(table: Tensor, legal: Tensor, labels: Tensor, positive_share: float) -> ProposalTargets:
    """Sets every proposal against the label.

    Args:
        table: (N, 2) the exact proposals.
        legal: (B, N) bool; an illegal one overlaps nothing.
        labels: (B, 2).
        positive_share: of the best proposal's overlap.
    """
    overlap = overlap_of_rows(table, labels[:, None].to(table)).masked_fill(~legal, 0)  # (B, N)
    best = overlap.amax(1, keepdim=True).clamp(min=torch.finfo(overlap.dtype).tiny)
    positive = (overlap >= positive_share * best) & (overlap > 0)
    return ProposalTargets(overlap / best, positive)


def score_loss(logits: Tensor, legal: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of each proposal's score and its wanted one, mean over (B, N); illegal ones cost 0."""
    each = F.binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none")
    return (each * legal).mean()


def border_loss(boxes: Tensor, labels: Tensor, chosen: Tensor) -> Tensor:
    """Smooth distance of the borders of chosen boxes and their label's.

    Args:
        boxes: (B, N, 2).
        labels: (B, 2).
        chosen: (B, N) bool; none gives 0.
    """
    wanted = labels[:, None].to(boxes).expand_as(boxes)
    each = F.smooth_l1_loss(boxes, wanted, reduction="none") * chosen[..., None]  # (B, N, 2)
    return each.sum() / (2 * chosen.sum()).clamp(min=1)
