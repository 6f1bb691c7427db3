"""The main system's losses on a batch: who counts as whose negative, and what every process computes."""

from dataclasses import replace

import pytest
import torch

from method_tng.contract.batch import Batch, take_windows
from method_tng.contract.settings import TrainSettings
from method_tng.reloclnet import losses
from method_tng.reloclnet.model import ReLoCLNet
from method_tng.reloclnet.objective import encode, loss_terms, margin_scores
from method_tng.reloclnet.recipe import RECIPE, objectives, parameter_groups
from method_tng.training.optim import make_optimizer
from tests.reloclnet.clip_world import FRAMES, SUBTITLES, make_batch, make_model, progress

TERMS = {"loss_st_ed", "loss_fcl", "loss_vcl", "loss_neg_ctx", "loss_neg_q"}


def terms_of(model: ReLoCLNet, batch: Batch, **where: int) -> dict[str, torch.Tensor]:
    (objective,) = objectives(model, model.settings)
    return objective.loss(batch, progress(**where))


def one_window_each(batch: Batch) -> Batch:
    """The same queries with a copy of its window for each."""
    windows = take_windows(batch.windows, batch.positive, batch.windows.mask.shape[1])
    return replace(batch, windows=windows, positive=torch.arange(len(batch.positive)))


@pytest.mark.parametrize("masked", [True, False])
def test_windows_encoded_once_give_what_copies_of_them_give(masked: bool) -> None:
    model, batch = make_model(mask_related=masked), make_batch()
    once, each = terms_of(model, batch), terms_of(model, one_window_each(batch))
    assert set(once) == TERMS
    for name, value in once.items():
        torch.testing.assert_close(value, each[name], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("buckets", [2, 4])
def test_buckets_change_nothing(buckets: int) -> None:
    model, batch = make_model(), make_batch()
    whole, grouped = terms_of(model, batch), terms_of(model, batch, length_buckets=buckets)
    for name, value in whole.items():
        torch.testing.assert_close(grouped[name], value, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("widths", [(FRAMES, SUBTITLES), (FRAMES, 0), (0, SUBTITLES)])
def test_every_parameter_learns(widths: tuple[int, int]) -> None:
    model = make_model(*widths, margin=2.0).train()
    sum(terms_of(model, make_batch()).values()).backward()
    still = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert not still


@pytest.mark.parametrize("masked", [True, False])
def test_a_batch_of_one_query_has_finite_losses_and_no_negatives(masked: bool) -> None:
    model, batch = make_model(mask_related=masked), make_batch(lengths=(4,), own=(0,))
    terms = terms_of(model, batch)
    assert all(value.isfinite() for value in terms.values())
    assert terms["loss_neg_ctx"] == terms["loss_neg_q"] == 0


def test_sentences_of_one_window_are_no_negatives_of_each_other() -> None:
    batch = make_batch(lengths=(4, 4), own=(0, 0, 0))
    terms = terms_of(make_model(), batch)
    assert terms["loss_neg_ctx"] == terms["loss_neg_q"] == 0
    assert terms_of(make_model(mask_related=False), batch)["loss_neg_ctx"] > 0


def test_bfloat16_losses_are_finite_and_close() -> None:
    model, batch = make_model(), make_batch()
    exact = terms_of(model, batch)
    with torch.autocast("cpu", torch.bfloat16):
        rough = terms_of(model, batch)
    for name, value in exact.items():
        assert rough[name].isfinite() and abs(rough[name] - value) < 0.05 * (1 + abs(value))


def test_terms_come_and_go_with_the_epoch_and_their_weights() -> None:
    batch = make_batch()
    late = make_model(train_span_start_epoch=2)
    assert set(terms_of(late, batch, epoch=1)) == TERMS - {"loss_st_ed"}
    assert set(terms_of(late, batch, epoch=2)) == TERMS
    never = make_model(train_span_start_epoch=-1, lw_vcl=0.0, lw_neg_q=0.0)
    assert set(terms_of(never, batch, epoch=9)) == {"loss_fcl", "loss_neg_ctx"}


def test_hard_negatives_start_with_their_epoch() -> None:
    model, batch = make_model(hard_pool_size=1, hard_negative_start_epoch=3, margin=5.0), make_batch()
    encoded = encode(model, batch)
    scores = margin_scores(model, encoded)
    hardest = (~encoded.related).any(1).long()
    expected = losses.margin_loss(scores, encoded.related, hardest, 5.0, "hinge")
    torch.testing.assert_close(loss_terms(model, encoded, progress(epoch=3))["loss_neg_ctx"], expected)
    easier = [loss_terms(model, encoded, progress(2, seed))["loss_neg_ctx"].item() for seed in range(5)]
    assert min(easier) < expected.item() - 1e-4 and max(easier) <= expected.item() + 1e-6


def test_draws_come_from_the_generator_alone() -> None:
    model, batch = make_model(), make_batch()
    first = terms_of(model, batch)
    torch.manual_seed(99)
    assert all(torch.equal(value, first[name]) for name, value in terms_of(model, batch).items())


def test_biases_and_layer_norms_do_not_decay_but_those_of_the_cross_attention_do() -> None:
    model = make_model()
    decayed, kept = parameter_groups(model)
    names = {id(value): name for name, value in model.named_parameters()}
    free = {names[id(value)] for value in kept.parameters}
    assert not kept.decay and "query_encoder.output.LayerNorm.weight" in free
    assert all("bias" in name or "LayerNorm" in name for name in free)
    assert {"video_cross_layernorm.weight", "sub_cross_layernorm.weight"}.isdisjoint(free)
    assert len(decayed.parameters) + len(free) == len(names)


def test_a_small_batch_can_be_learned_by_heart() -> None:
    model, batch = make_model(drop=0.0, input_drop=0.0, lw_st_ed=1.0, margin=0.3).train(), make_batch()
    apart = replace(batch.windows, movies=torch.arange(5))  # none is related to another
    batch, now = replace(batch, windows=apart), progress()
    (objective,) = objectives(model, model.settings)
    optimizer = make_optimizer(objective, TrainSettings(lr=3e-3))
    for _ in range(60):
        optimizer.zero_grad()
        sum(objective.loss(batch, now).values()).backward()
        optimizer.step()
    model.eval()
    asked, kept = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    assert torch.equal(model.match(asked, kept).argmax(1), batch.positive)
    pairs = torch.stack((torch.arange(7), batch.positive), dim=1)
    start, end = model.span_logits(asked, kept, pairs)
    assert torch.equal(torch.stack((start.argmax(1), end.argmax(1)), dim=1), batch.targets.clips)


def test_the_joint_score_is_the_window_times_the_span() -> None:
    spans = {"span": torch.tensor([[[0.0, -1.0], [0.5, -2.0]]])}
    joint = RECIPE.fusion(torch.tensor([[1.0, 2.0]]), spans, None)
    assert joint.tolist() == [[[1.0, 0.0], [2.5, 0.0]]]
