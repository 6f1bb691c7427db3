"""Which proposal answers for which moment: the cheapest one-to-one assignment of each item.

Source: Carion et al. 2020 (DETR), section 3.1, with intervals in place of boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from method_tng.layers.intervals import borders_of, generalised_iou


@dataclass(frozen=True)
class AssignmentCosts:
    """What a bad pair of proposal and moment costs."""

    distance: float = 10.0  # times the L1 distance of centre and width
    overlap: float = 1.0  # times minus the generalised IoU
    foreground: float = 4.0  # times minus the proposal's probability to be a moment


@dataclass(frozen=True)
class Assignment:
    """R pairs of a proposal and a moment, of all items together, in the order of the items."""

    item: Tensor  # (R,) int64
    proposal: Tensor  # (R,) int64, among the item's proposals
    target: Tensor  # (R,) int64, among the item's moments


@torch.no_grad()
def assign(
    spans: Tensor, foreground: Tensor, targets: Sequence[Tensor], costs: AssignmentCosts
) -> Assignment:
    """Assigns every moment of every item a proposal of its own, or as many as there are proposals.

    Args:
        spans: (N, Q, 2) centre and width of the proposals.
        foreground: (N, Q) probability that a proposal is a moment.
        targets: N tensors (S, 2), centre and width of the moments; S may be 0.
    """
    rows: list[tuple[int, int, int]] = []
    for item, moments in enumerate(targets):
        table = _costs(spans[item], foreground[item], moments.to(spans), costs)  # (Q, S)
        pairs = zip(*linear_sum_assignment(table.cpu().numpy()), strict=True)
        rows += [(item, int(proposal), int(target)) for proposal, target in pairs]
    columns = torch.tensor(rows, dtype=torch.int64, device=spans.device).reshape(-1, 3)
    return Assignment(*columns.unbind(1))


def _costs(spans: Tensor, foreground: Tensor, moments: Tensor, costs: AssignmentCosts) -> Tensor:
    distance = (spans[:, None] - moments).abs().sum(-1)  # (Q, S)
    overlap = generalised_iou(borders_of(spans)[:, None], borders_of(moments))  # (Q, S)
    return costs.distance * distance - costs.overlap * overlap - costs.foreground * foreground[:, None]
