"""Average precision: the properties P21-P25, and that of an independent plain program."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import GroundTruth, Rows, Submission, evaluate, temporal_iou
from tests.standalone_eval.strategies import windows

IOU = (0.3, 0.5, 0.7)


def precision(rows: np.ndarray, truth: np.ndarray, score: np.ndarray | None = None) -> list[float]:
    score = np.arange(len(rows), 0, -1.0) if score is None else score
    submission = Submission({"pred": Rows([1], [0, len(rows)], rows, None, score)})
    metrics = evaluate(submission, GroundTruth.from_windows([1], [truth.tolist()]), iou=IOU).metrics["pred"]
    return [metrics[f"AP,IoU={iou}"] for iou in IOU]


def plain_precision(rows: np.ndarray, truth: np.ndarray, score: np.ndarray, threshold: float) -> float:
    """The definition, one row after the other."""
    order = sorted(range(len(rows)), key=lambda at: -score[at])[:10]
    taken: set[int] = set()
    hits = []
    for row in order:
        iou = temporal_iou(rows[row : row + 1], truth)[0]
        found = False
        for window in sorted(range(len(truth)), key=lambda at: (-iou[at], -at)):
            if iou[window] + 1e-9 < threshold:
                break
            if window not in taken:
                taken.add(window)
                found = True
                break
        hits.append(found)
    total, right = 0.0, 0
    precisions = [sum(hits[: at + 1]) / (at + 1) for at in range(len(hits))]
    for at, hit in enumerate(hits):
        if hit:
            right += 1
            total += max(precisions[at:]) / len(truth)
    return total


@given(windows(12), windows(3), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_precision_equals_the_plain_definition(
    rows: np.ndarray, truth: np.ndarray, scores: list[int]
) -> None:
    score = np.array(scores, dtype=float)
    found = precision(rows, truth, score)
    assert found == pytest.approx([plain_precision(rows, truth, score, iou) for iou in IOU])
    assert all(0 <= value <= 1 + 1e-12 for value in found)
    assert found == sorted(found, reverse=True)


@given(windows(8), windows(1, empty=False))
def test_with_one_window_precision_is_one_over_the_rank_of_the_first_hit(
    rows: np.ndarray, truth: np.ndarray
) -> None:
    iou = temporal_iou(rows, truth)[:, 0]
    for value, threshold in zip(precision(rows, truth), IOU, strict=True):
        hits = np.flatnonzero(iou + 1e-9 >= threshold)
        assert value == pytest.approx(1 / (hits[0] + 1) if len(hits) else 0)


@given(st.integers(1, 5))
def test_a_perfect_list_scores_one_and_a_wrong_one_zero(count: int) -> None:
    truth = np.array([[10.0 * n, 10.0 * n + 5] for n in range(count)])
    assert precision(truth, truth) == pytest.approx([1, 1, 1])
    assert precision(truth + 1000, truth) == [0, 0, 0]


@given(windows(5), windows(2), st.integers(0, 5))
def test_trailing_false_positives_change_nothing(rows: np.ndarray, truth: np.ndarray, count: int) -> None:
    longer = np.vstack([rows, np.tile([900.0, 901.0], (count, 1))])
    assert precision(longer, truth) == pytest.approx(precision(rows, truth))


@given(windows(4), st.integers(0, 3))
def test_repeating_a_row_never_helps_when_windows_are_apart(rows: np.ndarray, which: int) -> None:
    truth = np.array([[0.0, 8.0], [10.0, 18.0], [25.0, 33.0]])
    repeated = np.insert(rows, which + 1, rows[which], axis=0)
    for before, after, threshold in zip(precision(rows, truth), precision(repeated, truth), IOU, strict=True):
        assert threshold <= 0.5 or after <= before + 1e-12
