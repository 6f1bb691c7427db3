"""Intervals, assignment and the losses of a set of proposals, by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from method_tng.layers.assignment import AssignmentCosts, assign
from method_tng.layers.intervals import borders_of, centres_of, generalised_iou
from method_tng.layers.set_losses import chosen_targets, distance_loss, label_loss, overlap_loss

COSTS = AssignmentCosts()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_both_forms_of_an_interval_say_the_same(pairs: list[tuple[float, float]]) -> None:
    spans = torch.tensor(pairs, dtype=torch.float64)
    assert torch.allclose(centres_of(borders_of(spans)), spans, atol=1e-12)


def test_generalised_iou_by_hand() -> None:
    ours = torch.tensor([[0.0, 2.0]])
    theirs = torch.tensor([[0.0, 2.0], [1.0, 3.0], [3.0, 4.0], [2.0, 2.0]])
    assert generalised_iou(ours, theirs).tolist() == pytest.approx([1, 1 / 3, -1 / 4, 0])
    assert generalised_iou(torch.zeros(2), torch.zeros(2)) == 0  # two points, no 0 / 0


def test_every_moment_gets_the_proposal_that_lies_on_it() -> None:
    spans = torch.tensor([[[0.1, 0.1], [0.5, 0.2], [0.9, 0.1]]]).expand(2, -1, -1)
    targets = [torch.tensor([[0.9, 0.1], [0.12, 0.1]]), torch.zeros(0, 2)]
    pairs = assign(spans, torch.full((2, 3), 0.5), targets, COSTS)
    assert torch.stack((pairs.item, pairs.proposal, pairs.target), 1).tolist() == [[0, 0, 1], [0, 2, 0]]
    assert chosen_targets(targets, pairs).tolist() == torch.stack((targets[0][1], targets[0][0])).tolist()


def test_of_two_proposals_at_one_place_the_likelier_is_assigned() -> None:
    spans = torch.tensor([[[0.5, 0.2], [0.5, 0.2]]])
    pairs = assign(spans, torch.tensor([[0.2, 0.7]]), [torch.tensor([[0.5, 0.2]])], COSTS)
    assert pairs.proposal.tolist() == [1]


def test_the_three_losses_by_hand() -> None:
    spans = torch.tensor([[[0.5, 0.2], [0.3, 0.2]]])
    targets = [torch.tensor([[0.5, 0.4]])]
    pairs = assign(spans, torch.full((1, 2), 0.5), targets, COSTS)
    wanted = chosen_targets(targets, pairs)
    assert distance_loss(spans, wanted, pairs) == pytest.approx(0.1)
    assert overlap_loss(spans, wanted, pairs) == pytest.approx(0.5)
    assert label_loss(torch.zeros(1, 2, 2), pairs, 0.1) == pytest.approx(math.log(2) * 1.1 / 2)
