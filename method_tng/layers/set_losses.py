"""Losses of a set of proposals against the moments that were assigned to them.

Source: Lei et al. 2021 (Moment-DETR), section 4.2.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from method_tng.layers.assignment import Assignment
from method_tng.layers.intervals import borders_of, generalised_iou


def chosen_targets(targets: Sequence[Tensor], assignment: Assignment) -> Tensor:
    """(R, 2) centre and width of the moment of each pair; targets N tensors (S, 2)."""
    sizes = torch.tensor([0, *(len(moments) for moments in targets)], device=assignment.item.device)
    first = sizes.cumsum(0)[assignment.item]  # (R,) where the item's moments begin among all
    return torch.cat(list(targets))[first + assignment.target]


def distance_loss(spans: Tensor, wanted: Tensor, assignment: Assignment) -> Tensor:
    """Mean distance of centre and width: spans (N, Q, 2), wanted (R, 2) -> scalar."""
    return F.l1_loss(spans[assignment.item, assignment.proposal], wanted)


def overlap_loss(spans: Tensor, wanted: Tensor, assignment: Assignment) -> Tensor:
    """Mean of 1 - generalised IoU: spans (N, Q, 2), wanted (R, 2), centre and width both -> scalar."""
    ours = borders_of(spans[assignment.item, assignment.proposal])  # (R, 2)
    return (1 - generalised_iou(ours, borders_of(wanted))).mean()


def label_loss(logits: Tensor, assignment: Assignment, background: float) -> Tensor:
    """Cross-entropy of every proposal: a moment when it was assigned one, background otherwise.

    Args:
        logits: (N, Q, 2) of moment and background.
        background: weight of a proposal that is background; a moment's is 1.

    Returns:
        The mean over all proposals; the weights do not divide it.
    """
    label = torch.ones(logits.shape[:2], dtype=torch.int64, device=logits.device)
    label[assignment.item, assignment.proposal] = 0
    weight = torch.tensor([1.0, background], device=logits.device)
    return F.cross_entropy(logits.transpose(1, 2).float(), label, weight, reduction="none").mean()
