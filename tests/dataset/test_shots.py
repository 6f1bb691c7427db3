"""The grid of shots and the rule of halves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.dataset.shots import pair_shots, shots_of

GRID = np.array([[0.0, 20.0], [20.0, 40.0], [40.0, 60.0]])


def test_only_whole_shots_count() -> None:
    assert shots_of(65.0).tolist() == GRID.tolist()
    assert shots_of(60.0).tolist() == GRID.tolist()
    assert shots_of(59.9).tolist() == GRID[:2].tolist()
    assert shots_of(45.0, offset=7).tolist() == [[7, 27]]
    assert shots_of(19.0).shape == (0, 2) and shots_of(5.0, offset=30).shape == (0, 2)


@pytest.mark.parametrize(
    ("span", "told_by"),
    [
        ((2, 5), [0]),  # all of the narration
        ((18, 22), [0, 1]),  # half of it in each
        ((17, 22), [0]),  # three of five seconds
        ((10, 41), [0, 1]),  # half of the first shot, all of the second, one second of the third
        ((11, 50), [1, 2]),  # nine seconds are not half of the first
        ((60, 70), []),  # touches
    ],
)
def test_half_of_one_of_the_two_is_enough(span: tuple[int, int], told_by: list[int]) -> None:
    found = pair_shots(GRID, np.array([span], dtype=float))
    assert np.flatnonzero(found[:, 0]).tolist() == told_by


@given(st.integers(0, 79), st.integers(1, 19))
def test_a_narration_shorter_than_a_shot_always_has_one(start: int, length: int) -> None:
    found = pair_shots(shots_of(100.0), np.array([[start, start + length]], dtype=float))
    assert 1 <= found.sum() <= 2


def test_no_narrations_and_no_shots_pair_with_nothing() -> None:
    assert pair_shots(GRID, np.zeros((0, 2))).shape == (3, 0)
    assert pair_shots(np.zeros((0, 2)), GRID).shape == (0, 3)
