"""BertAdam by hand, its state, and the optimisers that options name."""

import copy
import math

import pytest
import torch

from method_tng.contract.recipe import Objective, ParameterGroup
from method_tng.contract.settings import TrainSettings
from method_tng.training.optim import Adam, BertAdam, make_optimizer


def weights() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(4))]


def step(
    optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], seed: int, size: float = 1.0
) -> None:
    draw = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.grad = size * torch.randn(parameter.shape, generator=draw)
    optimizer.step()


def test_the_first_step_worked_by_hand() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    weight.grad = torch.tensor([3.0, 4.0])  # norm 5, clipped to 1
    optimizer = BertAdam([weight], lr=0.1, weight_decay=0.01)
    optimizer.step()
    for found, start, gradient in zip(weight.tolist(), (1.0, -2.0), (0.6, 0.8), strict=True):
        change = 0.1 * gradient / (math.sqrt(0.001) * gradient + 1e-6) + 0.01 * start
        assert found == pytest.approx(start - 0.1 * change, rel=1e-5)


def test_two_steps_of_adam_worked_by_hand() -> None:
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer, eps, mean, square, expected = Adam([weight], 0.1, 0.5, eps=0.2), 0.2, 0.0, 0.0, 2.0
    for steps, gradient in ((1, 3.0), (2, -1.0)):
        weight.grad = torch.tensor([gradient])
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        size = 0.1 * math.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        expected = expected * (1 - 0.1 * 0.5) - size * mean / (math.sqrt(square) + eps)
        assert weight.item() == pytest.approx(expected, rel=1e-5)


def test_adam_without_eps_and_decay_is_torchs() -> None:
    ours, theirs = weights(), weights()
    pairs = ((Adam(ours, 0.1, eps=1e-30), ours), (torch.optim.Adam(theirs, 0.1, eps=1e-30), theirs))
    for optimizer, parameters in pairs:
        for seed in range(4):
            step(optimizer, parameters, seed)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_every_tensor_is_clipped_on_its_own() -> None:
    small, large = weights(), weights()
    for parameters, size in ((small, 1.0), (large, 1000.0)):
        optimizer = BertAdam(parameters, lr=0.1)
        for seed in range(3):
            step(optimizer, parameters, seed, 10 * size)
    for one, other in zip(small, large, strict=True):
        torch.testing.assert_close(one, other)


def test_a_parameter_without_gradient_stays() -> None:
    moved, still = weights()
    before = still.detach().clone()
    optimizer = BertAdam([moved, still], lr=0.1)
    moved.grad = torch.ones(3, 2)
    optimizer.step()
    assert torch.equal(still, before)


@pytest.mark.parametrize("kind", [BertAdam, Adam])
def test_a_restored_state_goes_on_bit_for_bit(kind: type) -> None:
    parameters = weights()
    optimizer = kind(parameters, lr=0.1)
    step(optimizer, parameters, 0)
    others = [torch.nn.Parameter(value.detach().clone()) for value in parameters]
    restored = kind(others, lr=0.7)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for seed in (1, 2):
        step(optimizer, parameters, seed)
        step(restored, others, seed)
    assert all(torch.equal(one, other) for one, other in zip(parameters, others, strict=True))


@pytest.mark.parametrize(
    ("name", "kind"), [("bertadam", BertAdam), ("adamw", torch.optim.AdamW), ("adam", Adam)]
)
def test_groups_keep_their_scale_and_decay(name: str, kind: type) -> None:
    first, second = weights()
    groups = [
        ParameterGroup([first], lr_scale=0.3),
        ParameterGroup([second], decay=False),
        ParameterGroup([]),
    ]
    objective = Objective("any", groups, lambda *_: {})
    optimizer = make_optimizer(objective, TrainSettings(optimizer=name, lr=0.1, wd=0.05))
    assert type(optimizer) is kind
    told = [(group["lr_scale"], group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert told == [(0.3, pytest.approx(0.03), 0.05), (1.0, 0.1, 0.0)]
