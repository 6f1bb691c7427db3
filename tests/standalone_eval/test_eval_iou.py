"""Temporal IoU: the properties P1-P7, and values worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import temporal_iou
from tests.standalone_eval.strategies import windows

KINDS = st.sampled_from(("true", "hull"))


@given(windows(4), windows(3), KINDS)
def test_iou_lies_between_zero_and_one_and_is_symmetric(a: np.ndarray, b: np.ndarray, kind: str) -> None:
    iou = temporal_iou(a, b, kind)
    assert iou.shape == (4, 3)
    assert (iou >= 0).all() and (iou <= 1).all()
    assert np.array_equal(iou, temporal_iou(b, a, kind).T)


@given(windows(3, empty=False), KINDS)
def test_a_window_overlaps_itself_wholly(a: np.ndarray, kind: str) -> None:
    assert np.allclose(np.diag(temporal_iou(a, a, kind)), 1)


@given(windows(3), windows(3), st.integers(-50, 50), st.integers(1, 50))
def test_shift_and_scale_change_nothing(a: np.ndarray, b: np.ndarray, shift: int, scale: int) -> None:
    moved = temporal_iou(a * scale + shift, b * scale + shift)
    assert np.allclose(moved, temporal_iou(a, b), atol=1e-9)


@given(windows(3, empty=False), windows(3, empty=False))
def test_both_unions_agree_on_windows_that_meet(a: np.ndarray, b: np.ndarray) -> None:
    meet = temporal_iou(a, b) > 0
    assert np.allclose(temporal_iou(a, b)[meet], temporal_iou(a, b, "hull")[meet])
    assert not temporal_iou(a, b, "hull")[~meet].any()


@given(windows(1), st.integers(0, 100), st.integers(0, 100))
def test_disjoint_and_touching_windows_do_not_overlap(a: np.ndarray, gap: int, length: int) -> None:
    b = np.array([[a[0, 1] + gap, a[0, 1] + gap + length]])
    assert temporal_iou(a, b) == 0


@given(windows(3), windows(3))
def test_reversing_time_changes_nothing(a: np.ndarray, b: np.ndarray) -> None:
    assert np.allclose(temporal_iou(100 - a[:, ::-1], 100 - b[:, ::-1]), temporal_iou(a, b), atol=1e-9)


def test_two_empty_windows_at_one_place_do_not_overlap() -> None:
    point = np.array([[3.0, 3.0]])
    assert temporal_iou(point, point) == 0
    assert temporal_iou(point, point, "hull") == 0


@pytest.mark.parametrize(("b", "expected"), [([5, 15], 1 / 3), ([0, 5], 0.5), ([2, 8], 0.6), ([20, 30], 0)])
def test_values_worked_by_hand(b: list[float], expected: float) -> None:
    assert temporal_iou(np.array([[0, 10]]), np.array([b]))[0, 0] == pytest.approx(expected)


def test_single_precision_rounds_every_step() -> None:
    a, b = np.array([[0.1, 2.2]]), np.array([[0.1, 3.1]])
    assert temporal_iou(a, b, dtype=np.float32).dtype == np.float32
    assert temporal_iou(a, b, dtype=np.float32)[0, 0] != temporal_iou(a, b)[0, 0]
