"""Shapes of the learning rate."""

import pytest

from method_tng.contract.settings import TrainSettings
from method_tng.training.schedules import inverse_sqrt, learning_rate, multiplier


def test_the_linear_shape_starts_at_nothing_peaks_after_the_warm_up_and_ends_at_nothing() -> None:
    factors = [multiplier("warmup_linear", step, 100, 0.1) for step in range(102)]
    assert factors[0] == 0 and factors[5] == pytest.approx(0.5) and factors[10] == pytest.approx(1)
    assert factors[55] == pytest.approx(0.5) and factors[100] == factors[101] == 0


def test_the_cosine_shape_never_sinks_below_a_hundredth() -> None:
    factors = [multiplier("warmup_cosine", step, 200, 0.1) for step in range(200)]
    assert factors[0] == pytest.approx(1 / 20) and factors[19] == factors[20] == 1
    assert factors[110] == pytest.approx(0.5) and min(factors) == 0.01 == factors[-1]
    assert factors[20:] == sorted(factors[20:], reverse=True)


def test_no_warm_up_starts_at_the_top() -> None:
    for name in ("warmup_linear", "warmup_cosine", "constant"):
        assert multiplier(name, 0, 10, 0.0) == 1


def test_a_constant_rate_and_an_unknown_end_give_one() -> None:
    assert multiplier("constant", 7, 10, 0.5) == 1
    assert multiplier("warmup_linear", 7, -1, -1) == 1


def test_the_root_shape_rises_straight_and_falls_with_the_root() -> None:
    rates = [inverse_sqrt(step, 8e-4, 1e-6, 300) for step in range(1201)]
    assert rates[0] == 1e-6 and rates[150] == pytest.approx((8e-4 + 1e-6) / 2)
    assert rates[300] == 8e-4 and rates[1200] == pytest.approx(4e-4)
    assert max(rates) == rates[300]


def test_the_rate_of_a_step_follows_the_options() -> None:
    root = TrainSettings(lr=4.0, lr_schedule="inverse_sqrt", lr_warmup_steps=2, lr_start=1.0)
    assert [learning_rate(root, step, 9) for step in (0, 1, 2, 8)] == [1, 2.5, 4, 2]
    line = TrainSettings(lr=4.0, lr_warmup_proportion=0.0)
    assert [learning_rate(line, step, 8) for step in (0, 4)] == [4, 2]
