"""Loss terms worked by hand."""

import math

import pytest
import torch

from method_tng.reloclnet.losses import border_loss, draw_ranks, frame_contrast, margin_loss, window_contrast

SCORES = torch.tensor([[0.5, 0.4, 0.1], [0.9, 0.3, 0.2], [0.0, 0.7, 0.6]])
OWN = torch.eye(3, dtype=torch.bool)


def test_the_hinge_takes_the_negative_of_the_drawn_rank() -> None:
    ranks = torch.tensor([1, 2, 1])  # 0.4, 0.2 and 0.7
    found = margin_loss(SCORES, OWN, ranks, 0.2, "hinge")
    assert found.item() == pytest.approx((0.1 + 0.1 + 0.3) / 3)


def test_the_soft_form_has_no_margin() -> None:
    found = margin_loss(SCORES, OWN, torch.tensor([1, 1, 2]), 0.2, "lse")
    expected = sum(math.log1p(math.exp(x)) for x in (0.4 - 0.5, 0.9 - 0.3, 0.0 - 0.6)) / 3
    assert found.item() == pytest.approx(expected)


def test_related_windows_are_never_drawn() -> None:
    related = OWN.clone()
    related[1, 0] = True
    related[2] = True  # a query without negatives
    ranks = torch.stack([draw_ranks(related, 0, torch.Generator().manual_seed(s)) for s in range(20)])
    assert ranks.amax(0).tolist() == [2, 1, 0] and ranks.amin(0).tolist() == [1, 1, 0]
    found = margin_loss(SCORES, related, torch.tensor([1, 1, 0]), 0.2, "hinge")
    assert found.item() == pytest.approx((0.1 + 0.1 + 0.0) / 3)


def test_ranks_are_drawn_evenly_from_the_pool() -> None:
    related = torch.eye(4000, 9, dtype=torch.bool)
    related[9:, 0] = True
    ranks = draw_ranks(related, 4, torch.Generator().manual_seed(0))
    assert torch.bincount(ranks).tolist()[0] == 0
    assert (torch.bincount(ranks)[1:] / 4000 - 0.25).abs().max() < 0.03 and ranks.max() == 4


def test_gradients_reach_the_own_score_and_the_picked_one() -> None:
    scores = SCORES.clone().requires_grad_()
    margin_loss(scores, OWN, torch.tensor([1, 1, 1]), 0.2, "hinge").backward()
    expected = torch.tensor([[-1.0, 1, 0], [1, -1, 0], [0, 1, -1]]) / 3
    torch.testing.assert_close(scores.grad, expected)


def test_frames_contrast_moment_and_rest() -> None:
    products = torch.tensor([[2.0, -1.0, 0.5, 7.0]])
    inside = torch.tensor([[True, False, False, False]])
    mask = torch.tensor([[True, True, True, False]])

    def softplus(x: float) -> float:
        return math.log1p(math.exp(x))

    fit = math.log(2) - softplus(-2.0)
    misfit = sum(softplus(-x) + x - math.log(2) for x in (-1.0, 0.5)) / 2
    assert frame_contrast(products, inside, mask).item() == pytest.approx(misfit - fit)


def test_windows_contrast_row_and_column_with_the_own_counted_twice() -> None:
    rivals = math.log(sum(math.exp(x) for x in (0.5, 0.4, 0.1, 0.5, 0.9, 0.0))) - 0.5
    first = window_contrast(SCORES, OWN) * 3
    rest = sum(torch.cat((SCORES[i], SCORES[:, i])).logsumexp(0).item() - SCORES[i, i].item() for i in (1, 2))
    assert first.item() == pytest.approx(rivals + rest)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert window_contrast(SCORES, everything).item() == pytest.approx(math.log(2))


def test_padding_is_no_candidate_for_a_border() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    assert border_loss(logits, torch.tensor([1])).item() == pytest.approx(math.log(2))
