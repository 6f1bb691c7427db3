"""The loss terms by hand, and which pairs the objective makes of a batch."""

import math
from dataclasses import replace

import pytest
import torch

from baselines.rgnet import losses
from baselines.rgnet.objective import Draws, encode, loss_terms, retrieval_term
from method_tng.contract.errors import ConfigError
from tests.baselines.rgnet.rgnet_world import make_batch, make_model, progress


def test_a_window_that_shows_the_moment_is_found_in_its_film_only() -> None:
    movies, seconds = torch.tensor([0, 0, 1, 0]), torch.tensor([[0.0, 10], [5, 15], [5, 15], [15, 25]])
    moments = [torch.tensor([[8.0, 12.0]]), torch.tensor([[1.0, 2.0], [20.0, 21.0]])]
    shown = losses.shows_moment(movies, seconds, torch.tensor([0, 0]), moments)
    assert shown.tolist() == [[True, True, False, False], [True, False, False, True]]


def test_background_is_averaged_over_frames_unless_summed() -> None:
    saliency, mask = torch.zeros(2, 4), torch.tensor([[True] * 4, [True, True, False, False]])
    assert losses.background_loss(saliency, mask, summed=False) == pytest.approx(math.log(2))
    assert losses.background_loss(saliency, mask, summed=True) == pytest.approx(3 * math.log(2))
    assert losses.background_loss(torch.full((1, 1), 200.0), mask[:1, :1], summed=True) == 200


def test_drawn_frames_lie_inside_and_outside_the_moment() -> None:
    inside = torch.tensor([[False, True, True, False, False], [True] * 5])
    mask = torch.tensor([[True, True, True, True, False], [True] * 5])
    drawn = [losses.draw_frames(inside, mask, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert {int(frames[0, 0]) for frames in drawn} == {1, 2}
    assert {int(frames[0, 1]) for frames in drawn} == {0, 3}
    assert {int(frames[1, 1]) for frames in drawn} == {0}  # there is none


def test_windows_that_show_a_querys_moment_do_not_push_it_away() -> None:
    model, batch = make_model(), make_batch()
    overlapping = replace(
        batch, windows=replace(batch.windows, seconds=batch.windows.seconds * 0 + torch.tensor([0, 9]))
    )
    encoded = encode(model, overlapping, Draws())
    assert retrieval_term(model, overlapping, encoded) == 0
    published = make_model(mask_false_negatives=False)
    assert retrieval_term(published, overlapping, encode(published, overlapping, Draws())) > 0


def test_every_term_is_weighted_and_the_gate_is_taught_on_request() -> None:
    model, batch = make_model(lw_gate=2.0, adapter="linear", lw_adapter=1.0), make_batch()
    terms = loss_terms(model, batch, progress())
    names = {"span", "giou", "label", "saliency", "adapter", "gate", "retrieval"}
    assert set(terms) == {f"loss_{name}" for name in names}
    assert all(term.isfinite() for term in terms.values())


def test_negative_windows_replace_the_contrast() -> None:
    model, batch = make_model(negatives="window"), make_batch(negative=True)
    terms = loss_terms(model, batch, progress())
    assert all(term.isfinite() for term in terms.values()) and "loss_retrieval" in terms
    published = make_model(negatives="window", negatives_compat=True)
    assert loss_terms(published, batch, progress())["loss_saliency"] > terms["loss_saliency"]


def test_negative_windows_must_be_asked_for() -> None:
    with pytest.raises(ConfigError, match="film_negatives"):
        loss_terms(make_model(negatives="window"), make_batch(), progress())
