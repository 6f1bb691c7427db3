"""Suppression: property P29 for every variant, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import nms, temporal_iou
from tests.standalone_eval.strategies import windows

KINDS = ("tvr", "mad", "rnl")
DISTINCT = st.permutations(range(9)).map(lambda values: np.array(values, dtype=float))


def suppressed(
    kind: str, window: np.ndarray, score: np.ndarray, threshold: float, most: int = 100
) -> np.ndarray:
    if kind == "tvr":
        return nms.tvr(np.column_stack([window, score]), threshold, most)
    return getattr(nms, kind)(window, score, threshold, most)


@pytest.mark.parametrize("kind", KINDS)
@given(window=windows(9, empty=False), score=DISTINCT, threshold=st.sampled_from([0.1, 0.3, 0.5, 0.7]))
def test_survivors_are_sorted_apart_and_stable_under_repetition(
    kind: str, window: np.ndarray, score: np.ndarray, threshold: float
) -> None:
    kept = suppressed(kind, window, score, threshold)
    assert len(set(kept.tolist())) == len(kept)
    assert (np.diff(score[kept]) < 0).all()
    assert kept[0] == score.argmax()
    iou = temporal_iou(window[kept], window[kept])
    assert (iou[~np.eye(len(kept), dtype=bool)] <= threshold + 1e-6).all()
    again = suppressed(kind, window[kept], score[kept], threshold)
    assert again.tolist() == list(range(len(kept)))


@pytest.mark.parametrize("kind", KINDS)
@given(window=windows(9, empty=False), score=DISTINCT, order=st.permutations(range(9)))
def test_the_order_of_the_input_does_not_matter(
    kind: str, window: np.ndarray, score: np.ndarray, order: list[int]
) -> None:
    kept = suppressed(kind, window, score, 0.5)
    moved = suppressed(kind, window[order], score[order], 0.5)
    assert np.array(order)[moved].tolist() == kept.tolist()


@pytest.mark.parametrize("kind", KINDS)
@given(window=windows(9, empty=False), score=DISTINCT, most=st.integers(1, 9))
def test_a_threshold_of_one_keeps_everything_up_to_the_cap(
    kind: str, window: np.ndarray, score: np.ndarray, most: int
) -> None:
    kept = suppressed(kind, window, score, 1.0, most)
    assert kept.tolist() == np.argsort(-score)[:most].tolist()


def test_ties_keep_the_earlier_row_except_for_movie101() -> None:
    window, score = np.array([[0.0, 10.0], [1.0, 11.0]]), np.array([1.0, 1.0])
    assert [suppressed(kind, window, score, 0.5).tolist() for kind in KINDS] == [[0], [0], [1]]


def test_a_corpus_list_is_suppressed_per_video() -> None:
    rows = np.array([[1, 0, 10, 0.9], [2, 0, 10, 0.8], [1, 1, 10, 0.7], [1, 50, 60, 0.6], [1, 51, 60, 0.5]])
    assert nms.tvr_corpus(rows, 0.5, max_before=4, max_after=10).tolist() == [0, 1, 3]
