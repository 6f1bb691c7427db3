"""Profiles that have no golden case of their own, or parts of them, worked by hand."""

import numpy as np
import pytest

from standalone_eval import (
    EvalInputError,
    GroundTruth,
    Rows,
    Submission,
    eval_retrieval,
    eval_submission,
    evaluate,
)
from standalone_eval.format_arrays import RankedWindows
from tests.standalone_eval.generated import tvr_files


def ranking(
    rows: list[tuple[int, float, float]], moments: list[tuple[str, float, float, int]], **options: object
) -> dict:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    submission = Submission(
        {"pred": Rows(["q"], [0, len(rows)], table[:, 1:], table[:, 0].astype(int))}, ["a", "b"], [0, 1]
    )
    gt = GroundTruth(
        ["q"], [0, len(moments)], [moment[1:3] for moment in moments],
        window_video=[moment[0] for moment in moments], relevance=[moment[3] for moment in moments],
    )  # fmt: skip
    return evaluate(submission, gt, "tvr-ranking", **options).metrics


def test_graded_gains_are_discounted_by_rank() -> None:
    found = ranking([(1, 0, 10), (0, 0, 10)], [("a", 0, 10, 3), ("b", 0, 10, 1)], topk=(1, 2), iou=(0.5,))
    assert found["NDCG@1,IoU=0.5"] == pytest.approx(1 / 7)
    ideal = 7 + 1 / np.log2(3)
    assert found["NDCG@2,IoU=0.5"] == pytest.approx((1 + 7 / np.log2(3)) / ideal)


def test_a_moment_is_taken_once_and_the_threshold_is_strict() -> None:
    found = ranking([(0, 0, 10), (0, 0, 10)], [("a", 0, 10, 2)], topk=(2,), iou=(0.5,))
    assert found["NDCG@2,IoU=0.5"] == 1
    assert ranking([(0, 0, 5)], [("a", 0, 10, 2)], topk=(1,), iou=(0.5,))["NDCG@1,IoU=0.5"] == 0


def test_a_row_looks_only_at_its_best_free_moment() -> None:
    moments = [("a", 0, 10, 1), ("a", 0, 8, 4)]
    found = ranking([(0, 0, 10), (0, 0, 10)], moments, topk=(2,), iou=(0.5,))
    ideal = 15 + 1 / np.log2(3)
    assert found["NDCG@2,IoU=0.5"] == pytest.approx((1 + 15 / np.log2(3)) / ideal)


def test_a_query_without_relevant_moment_scores_zero() -> None:
    assert ranking([(0, 0, 10)], [("a", 0, 10, 0)], topk=(10,), iou=(0.3,))["NDCG@10,IoU=0.3"] == 0


def test_shots_count_any_overlap_and_the_share_they_cover() -> None:
    windows = RankedWindows(np.array(["q"]), np.array([0, 3]), np.array([5, 1, 0]), np.array([[15.0, 25.0]]))
    found = evaluate(windows, None, "window", shot=20.0, topk=(1, 2, 3)).metrics
    assert found == {"R@1": 0, "R@2": 100, "R@3": 100, "covered@1": 0, "covered@2": 50, "covered@3": 100}


def test_exact_windows_drop_the_one_too_many() -> None:
    windows = RankedWindows(np.array(["q"]), np.array([0, 1]), np.array([1]), np.array([[0.0, 12.4]]))
    kept = evaluate(windows, None, "window", topk=(1,)).metrics
    exact = evaluate(windows, None, "window", topk=(1,), exact_windows=True).metrics
    assert (kept["R@1"], exact["R@1"]) == (100, 0)


def test_missing_queries_stop_or_count_as_misses() -> None:
    submission, gt = tvr_files(queries=10)
    submission["VCMR"] = submission["VCMR"][:5]
    with pytest.raises(EvalInputError, match="E021"):
        eval_retrieval(submission, gt)
    part = eval_retrieval(submission, gt, match_number=False)
    whole = eval_retrieval({**submission, "VCMR": submission["VCMR"]}, gt[:5], match_number=False)
    assert part["VCMR"] == whole["VCMR"] and list(part)[:3] == ["VCMR", "SVMR", "VR"]


def test_the_drop_ins_take_parsed_objects_and_leave_them_alone() -> None:
    submission, gt = tvr_files(queries=6)
    before = str((submission, gt))
    assert list(eval_retrieval(submission, gt, use_desc_type=False)) == ["VCMR", "SVMR", "VR"]
    assert str((submission, gt)) == before
    lines = [{"qid": 1, "pred_relevant_windows": [[0, 10, 0.5]]}]
    truth = [{"qid": 1, "duration": 20, "relevant_windows": [[0, 10]]}]
    assert eval_submission(lines, truth)["brief"]["MR-full-mAP"] == 100
    assert (
        eval_submission(lines, [*truth, {**truth[0], "qid": 2}], match_number=False)["brief"]["MR-full-mAP"]
        == 100
    )


def test_an_unknown_profile_or_option_is_named() -> None:
    rows = Submission({"pred": Rows([1], [0, 1], [[0.0, 1.0]])})
    gt = GroundTruth.from_windows([1], np.array([[0.0, 1.0]]))
    with pytest.raises(ValueError, match="unknown profile 'x'"):
        evaluate(rows, gt, "x")
    with pytest.raises(ValueError, match="no option ties"):
        evaluate(rows, gt, "tng", ties="index")
    with pytest.raises(ValueError, match="at least 1"):
        evaluate(rows, gt, topk=(0,))
    with pytest.raises(ValueError, match="mesm needs --dataset"):
        evaluate(Submission({"pred": Rows([1], [0, 1], [[0.0, 1.0]], None, [1.0])}), gt, "mesm")


def test_padded_arrays_make_rows() -> None:
    rows = Rows.from_padded([4, 5], np.arange(12.0).reshape(2, 3, 2), score=np.ones((2, 3)), count=[1, 3])
    assert rows.offset.tolist() == [0, 1, 4] and rows.window[1].tolist() == [6, 7]
