"""Feature rows: unit length, pooling, the place in the window."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.dataset.rows import endpoint_feature, normalize_rows, pool_rows

GOLDEN = np.load(Path(__file__).parents[1] / "golden/reloclnet/data.npz")


def random_rows(num_rows: int, width: int = 3) -> np.ndarray:
    return np.random.default_rng(num_rows).standard_normal((num_rows, width)).astype(np.float32)


def test_normalised_rows_have_length_one_and_zero_stays_zero() -> None:
    rows = random_rows(5)
    rows[2] = 0
    lengths = np.linalg.norm(normalize_rows(rows), axis=1)
    assert lengths == pytest.approx([1, 1, 0, 1, 1], abs=1e-4)
    assert not normalize_rows(rows)[2].any()


def test_normalising_is_the_same_row_by_row() -> None:
    rows = random_rows(9)
    order = np.random.default_rng(0).permutation(9)
    assert np.array_equal(normalize_rows(rows)[order], normalize_rows(rows[order]))


def test_short_windows_are_not_pooled() -> None:
    rows = random_rows(10)
    assert pool_rows(rows, 10) is rows


@given(num_rows=st.integers(2, 200), limit=st.integers(1, 64))
def test_pooled_rows_are_means_of_rows_in_their_order(num_rows: int, limit: int) -> None:
    numbers = np.arange(num_rows, dtype=np.float64)[:, None]
    pooled = pool_rows(numbers, limit)[:, 0]
    assert len(pooled) == min(num_rows, limit)
    assert (np.diff(pooled) > 0).all()
    middles = (np.arange(len(pooled)) + 0.5) * num_rows / len(pooled) - 0.5
    assert np.abs(pooled - middles).max() <= 1  # a pooled row stands where its share of the time is


def test_pooling_by_hand() -> None:
    rows = np.arange(5, dtype=np.float32)[:, None]
    # shares start at 0, round(2.5) = 2, 5 -> 4: rows 0 and 1, rows 2 and 3; row 4 counts nowhere
    assert pool_rows(rows, 2)[:, 0].tolist() == [0.5, 2.5]


def test_the_place_of_clips_runs_from_zero_to_one() -> None:
    place = endpoint_feature(4)
    assert place.tolist() == [[0, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1]]


@pytest.mark.parametrize("case", range(6))
def test_pooling_equals_the_published_computation(case: int) -> None:
    pooled = pool_rows(GOLDEN[f"us{case}_in"], int(GOLDEN[f"us{case}_max"]))
    np.testing.assert_allclose(pooled, GOLDEN[f"us{case}_out"], rtol=1e-6, atol=1e-6)


def test_normalising_equals_the_published_computation() -> None:
    np.testing.assert_allclose(normalize_rows(GOLDEN["l2_in"]), GOLDEN["l2_out"], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("num_clips", [1, 7, 128])
def test_the_place_of_clips_equals_the_published_computation(num_clips: int) -> None:
    np.testing.assert_allclose(endpoint_feature(num_clips), GOLDEN[f"tef_{num_clips}"], atol=1e-6)
