"""Groups, error classes and bounds: the properties P36 and P37."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import GroundTruth, Rows, Submission, evaluate, temporal_iou
from standalone_eval.bounds import grid_bound, grid_iou, oracles, own_shots, shot_bound
from standalone_eval.breakdown import GROUPERS, breakdown
from standalone_eval.errors import CLASSES, duplicate_share, errors
from tests.standalone_eval.strategies import Corpus, corpora, windows

KS, IOU = (1, 3, 100), (0.3, 0.5, 0.7)


@pytest.mark.parametrize("task", ["VCMR", "SVMR"])
@given(corpus=corpora(most_windows=2), k=st.sampled_from(KS), iou=st.sampled_from(IOU))
def test_error_classes_share_out_the_queries_and_hits_are_recall(
    task: str, corpus: Corpus, k: int, iou: float
) -> None:
    result = evaluate(corpus.submission, corpus.gt, topk=KS, iou=IOU)
    found = errors(result, task, k, iou)
    assert tuple(found["counts"]) == CLASSES
    assert sum(found["counts"].values()) == len(corpus.gt)
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert found["shares"]["hit"] == result.metrics[task][f"R@{k},IoU={iou}"]
    assert sum(found["boundary"].values()) == found["counts"]["boundary"]


@pytest.mark.parametrize("profile", ["tng", "tvr"])
@given(corpus=corpora())
def test_no_bound_is_below_what_was_reached(profile: str, corpus: Corpus) -> None:
    result = evaluate(corpus.submission, corpus.gt, profile, topk=KS, iou=IOU)
    for task in ("VCMR", "SVMR"):
        found = oracles(result, task)
        for key, reached in found["reached"].items():
            assert all(values[key] >= reached for values in found.values())


@pytest.mark.parametrize("name", sorted(set(GROUPERS) - {"movie", "words"}))
@given(corpus=corpora(most_windows=2))
def test_group_means_weighted_by_size_give_the_overall_value(name: str, corpus: Corpus) -> None:
    result = evaluate(corpus.submission, corpus.gt, topk=KS, iou=IOU)
    groups = breakdown(result, name)
    assert sum(group["n"] for group in groups.values()) == len(corpus.gt)
    for key, value in result.fractions.items():
        weighted = sum(group["n"] * group["metrics"][key] for group in groups.values()) / len(corpus.gt)
        assert weighted == pytest.approx(value)


@given(windows(4), st.sampled_from([1.0, 1.5, 4.0]), st.integers(1, 6))
def test_no_moment_on_the_grid_beats_the_grid_bound(window: np.ndarray, clip: float, most: int) -> None:
    starts = np.arange(0, 70 / clip)
    every = np.array([[s * clip, (s + n) * clip] for s in starts for n in range(1, most + 1)])
    assert np.allclose(grid_iou(window, clip, most), temporal_iou(window, every).max(axis=1))


def test_a_finer_grid_reaches_more() -> None:
    gt = GroundTruth.from_windows([1, 2], np.array([[0.0, 7.0], [10.2, 31.0]]))
    coarse, fine = (grid_bound(gt, clip, 40, (0.5,))["mIoU"] for clip in (8.0, 0.5))
    assert coarse < fine <= 1


def test_a_window_inside_its_shot_is_counted_and_one_across_two_is_not() -> None:
    gt = GroundTruth.from_windows([1, 2], np.array([[2.0, 8.0], [18.0, 30.0]]))
    found = shot_bound(gt, own_shots(gt, 20.0), 0.0, (0.8,))
    assert found == {"wholly": 0.5, "at least 0.8": 1.0}
    assert shot_bound(gt, own_shots(gt, 20.0), 2.0, (0.8,))["wholly"] == 1
    assert shot_bound(gt, np.full((2, 2), np.nan), 2.0, (0.8,)) == {"wholly": 0, "at least 0.8": 0}


def test_rows_that_repeat_a_better_one_are_counted() -> None:
    window = np.array([[0, 10], [0, 10.5], [0, 10], [40, 50], [0, 10.0]])
    video = np.array([1, 1, 2, 1, 1])
    assert duplicate_share(Rows([1], [0, 5], window, video), 100) == pytest.approx(2 / 5)
    assert duplicate_share(Rows([1], [0, 5], window, video), 3) == pytest.approx(1 / 3)


def test_the_classes_of_queries_made_by_hand() -> None:
    truth = np.tile([10.0, 20.0], (6, 1))
    lists = [
        [(0, 10, 20)],  # hit
        [(0, 50, 60), (0, 10, 20)],  # right, but second
        [(0, 10, 40)],  # too long
        [(0, 50, 60)],  # wrong moment
        [(1, 10, 20), (0, 50, 60)],  # video second
        [(1, 10, 20)],  # video missed
    ]
    flat = np.array([row for rows in lists for row in rows], dtype=float)
    offset = np.concatenate([[0], np.cumsum([len(rows) for rows in lists])])
    rows = Rows(np.arange(6), offset, flat[:, 1:], flat[:, 0].astype(int))
    gt = GroundTruth.from_windows(np.arange(6), truth, video=["a"] * 6)
    found = errors(evaluate(Submission({"VCMR": rows}, ["a", "b"], [0, 1]), gt), "VCMR", 1, 0.5)
    assert list(found["counts"].values()) == [1] * 6
    assert found["boundary"] == {"too_long": 1, "too_short": 0, "early": 0, "late": 0}
