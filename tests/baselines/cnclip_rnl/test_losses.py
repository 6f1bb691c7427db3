"""Targets and losses by hand."""

import math

import pytest
import torch

from baselines.cnclip_rnl.losses import border_loss, proposal_targets, score_loss
from baselines.cnclip_rnl.proposals import legal_proposals, proposal_table

TABLE = proposal_table(4, (1, 3))  # 0-0 -1-1 1-1 0-2 2-2 1-3 3-3 2-4


def test_the_best_proposal_is_worth_one_and_the_rest_a_share_of_it() -> None:
    legal = legal_proposals(TABLE, torch.tensor([4]))
    targets = proposal_targets(TABLE, legal, torch.tensor([[0, 1]]), 0.6)
    overlaps = [1 / 2, 0, 1 / 2, 2 / 3, 0, 1 / 4, 0, 0]  # the second and the last are illegal
    assert targets.scores[0].tolist() == pytest.approx([value * 3 / 2 for value in overlaps])
    assert targets.positive[0].tolist() == [True, False, True, True, False, False, False, False]


def test_a_window_without_a_legal_proposal_wants_nothing() -> None:
    none = torch.zeros(1, len(TABLE), dtype=torch.bool)
    targets = proposal_targets(TABLE, none, torch.tensor([[0, 1]]), 0.45)
    assert not targets.scores.any() and not targets.positive.any()
    boxes = torch.zeros(1, len(TABLE), 2, requires_grad=True)
    loss = border_loss(boxes, torch.tensor([[0, 1]]), targets.positive)
    loss.backward()
    assert loss.item() == 0 and not boxes.grad.any()


def test_illegal_proposals_count_in_the_mean_and_cost_nothing() -> None:
    logits, wanted = torch.tensor([[0.0, 7.0]]), torch.tensor([[0.25, 0.0]])
    loss = score_loss(logits, torch.tensor([[True, False]]), wanted)
    assert loss.item() == pytest.approx(math.log(2) / 2)


def test_border_distances_are_square_when_small() -> None:
    boxes = torch.tensor([[[1.5, 4.0], [9.0, 9.0]]])
    chosen = torch.tensor([[True, False]])
    loss = border_loss(boxes, torch.tensor([[1, 2]]), chosen)
    assert loss.item() == pytest.approx((0.5 * 0.25 + (2 - 0.5)) / 2)
