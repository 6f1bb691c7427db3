"""The losses of the spans scorer, by hand, and that they teach."""

import math

import torch

from method_tng.contract.batch import Batch
from method_tng.reloclnet.span_losses import (
    parameter_groups,
    span_loss,
    span_losses,
    span_objectives,
    span_targets,
    window_loss,
)
from method_tng.reloclnet.span_scores import spans_inside
from tests.reloclnet.span_world import SETTINGS, make_batch, make_model, sizes


def test_targets_are_shared_by_the_spans_that_overlap_enough() -> None:
    """Moment of clips 1 and 2 in 4 clips: IoU 1 for itself, 2/3 for three clips, 1/2 for one or all four."""
    inside = spans_inside(torch.ones(1, 4, dtype=torch.bool), 4)
    targets = span_targets(torch.tensor([[1, 2]]), inside, 0.5)[0]
    share = {1.0: [(1, 2)], 2 / 3: [(0, 3), (1, 3)], 0.5: [(1, 1), (2, 1), (0, 4)]}
    total = sum(math.exp((iou - 1) / 0.5) * len(spans) for iou, spans in share.items())
    expected = torch.zeros(4, 4)
    for iou, spans in share.items():
        for first, length in spans:
            expected[first, length - 1] = math.exp((iou - 1) / 0.5) / total
    torch.testing.assert_close(targets, expected)


def test_a_moment_too_long_for_any_span_is_taught_by_the_best_ones() -> None:
    inside = spans_inside(torch.ones(1, 9, dtype=torch.bool), 2)
    targets = span_targets(torch.tensor([[0, 8]]), inside, 0.1)[0]
    torch.testing.assert_close(targets[:, 1], torch.tensor([1 / 8] * 8 + [0.0]))
    assert targets[:, 0].sum() == 0


def test_the_loss_of_a_span_is_a_cross_entropy() -> None:
    scores = torch.zeros(2, 2, 2)
    targets = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.5, 0.0], [0.5, 0.0]]])
    assert abs(span_loss(scores, targets).item() - math.log(4)) < 1e-6


def test_overlapping_windows_are_no_negatives() -> None:
    scores = torch.tensor([[1.0, 50.0, 1.0]])
    near = torch.tensor([[True, True, False]])
    assert abs(window_loss(scores, torch.tensor([0]), near).item() - math.log(2)) < 1e-6


def test_every_parameter_gets_a_gradient_and_one_group() -> None:
    model = make_model(sizes(), attention_branch=True).train()
    sum(span_losses(model, make_batch(), 0.1).values()).backward()
    idle = [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert not idle
    groups = parameter_groups(model, 0.3)
    grouped = [id(parameter) for group in groups for parameter in group.parameters]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())
    slow = [group for group in groups if group.lr_scale == 0.3]
    assert [group.decay for group in slow] == [False]
    assert {id(model.query.words.table), id(model.query.lexicon.table)} < {id(p) for p in slow[0].parameters}


def own_first(batch: Batch, model: torch.nn.Module) -> tuple[float, float]:
    """Shares of queries whose own window, and whose own moment in it, come first."""
    with torch.no_grad():
        queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
        right = model.match(queries, windows).argmax(dim=1) == batch.positive
        pairs = torch.stack([torch.arange(len(batch.positive)), batch.positive], 1)
        spans = model.localize(queries, windows, pairs)
        times = spans.times[0, spans.scores["span"].argmax(dim=1)]
        moments = (batch.targets.clips + torch.tensor([0, 1])) * 2.0
        return right.float().mean().item(), (times == moments).all(dim=1).float().mean().item()


def test_eight_narrations_can_be_learned_by_heart() -> None:
    batch, model = make_batch(), make_model(sizes())
    before = own_first(batch, model)
    (objective,) = span_objectives(model, SETTINGS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(40):
        loss = sum(objective.loss(batch, None).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert min(before) < 1 and own_first(batch, model) == (1.0, 1.0)
