"""Dropout: shares, scale, gradient."""

import pytest
import torch

from method_tng.layers.dropout import Dropout, draw_factors


@pytest.mark.parametrize("drop", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_one_asked_for(drop: float) -> None:
    torch.manual_seed(0)
    factors = draw_factors(torch.empty(1001, 999), drop)
    assert abs((factors == 0).float().mean().item() - drop) < 0.002
    assert abs(factors.mean().item() - 1) < 0.01
    assert len(factors.unique()) == 2


def test_neighbouring_values_are_dropped_independently() -> None:
    torch.manual_seed(0)
    kept = (draw_factors(torch.empty(1 << 20), 0.5) > 0).float()
    for distance in range(1, 9):  # four values share one random number
        assert abs((kept[distance:] * kept[:-distance]).mean().item() - 0.25) < 0.003


def test_the_gradient_goes_where_the_values_went() -> None:
    values = torch.randn(50, 3, requires_grad=True)
    dropped = Dropout(0.4).train()(values)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad * values.detach(), dropped.detach())


def test_nothing_is_dropped_outside_training() -> None:
    values = torch.randn(4, 4)
    assert Dropout(0.9).eval()(values) is values
    assert Dropout(0.0).train()(values) is values


def test_the_seed_decides() -> None:
    layer, values = Dropout(0.5).train(), torch.ones(100, dtype=torch.bfloat16)
    torch.manual_seed(3)
    first = layer(values)
    torch.manual_seed(3)
    assert torch.equal(first, layer(values)) and first.dtype == torch.bfloat16


def test_a_tiny_share_drops_next_to_nothing() -> None:
    factors = draw_factors(torch.ones(10_000), 1e-6)
    assert (factors == 0).sum() < 5 and factors.max() < 1.001
