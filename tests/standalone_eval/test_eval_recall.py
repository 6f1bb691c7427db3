"""Recall, mIoU and MRR of ranked moments: the properties P8-P20 and numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from standalone_eval import GroundTruth, Result, Rows, Submission, evaluate
from tests.standalone_eval.strategies import Corpus, corpora

KS = (1, 2, 3, 5, 100)
IOU = (0.3, 0.5, 0.7)


def measured(corpus: Corpus, **options: object) -> Result:
    return evaluate(corpus.submission, corpus.gt, topk=KS, iou=IOU, **options)


def recall(result: Result, task: str, k: int, iou: float | None = None) -> float:
    return result.metrics[task][f"R@{k}" + ("" if iou is None else f",IoU={iou}")]


def with_rows(corpus: Corpus, task: str, rows: Rows) -> Corpus:
    tasks = {**corpus.submission.tasks, task: rows}
    return Corpus(replace(corpus.submission, tasks=tasks), corpus.gt)


def edited(rows: Rows, edit: object) -> Rows:
    """The rows with every query's (window, video, score) lists passed through ``edit``."""
    parts = []
    for start, end in zip(rows.offset[:-1], rows.offset[1:], strict=True):
        at = slice(int(start), int(end))
        parts.append(edit(len(parts), rows.window[at], rows.video[at], rows.score[at]))
    offset = np.concatenate([[0], np.cumsum([len(part[0]) for part in parts])])
    return Rows(rows.query, offset, *(np.concatenate([part[n] for part in parts]) for n in range(3)))


@given(corpora(most_windows=3))
def test_recall_is_a_share_of_whole_queries_rising_with_k_and_falling_with_the_threshold(
    corpus: Corpus,
) -> None:
    result = measured(corpus)
    for task in ("VCMR", "SVMR"):
        table = np.array([[recall(result, task, k, iou) for iou in IOU] for k in KS])
        assert (table >= 0).all() and (table <= 1).all()
        assert (np.diff(table, axis=0) >= 0).all()
        assert (np.diff(table, axis=1) <= 0).all()
        assert np.allclose(table * len(corpus.gt), np.round(table * len(corpus.gt)))


def first_two(corpus: Corpus, task: str) -> Rows:
    """Each query's rows up to the second of the task's own list (SVMR: of the right video)."""
    rows = corpus.submission.tasks[task]
    own = dict(
        zip(corpus.gt.query.tolist(), [int(name[1:]) for name in corpus.gt.video.tolist()], strict=True)
    )

    def edit(query: int, window: np.ndarray, video: np.ndarray, score: np.ndarray) -> tuple:
        right = video == own[int(rows.query[query])]
        keep = np.cumsum(right) <= 2 if task == "SVMR" else np.arange(len(video)) < 2
        return window[keep], video[keep], score[keep]

    return edited(rows, edit)


@pytest.mark.parametrize("task", ["VCMR", "SVMR"])
@given(corpus=corpora(most_windows=2))
def test_rows_after_the_kth_of_the_tasks_own_list_do_not_count(task: str, corpus: Corpus) -> None:
    full, cut = measured(corpus), measured(with_rows(corpus, task, first_two(corpus, task)))
    for iou in IOU:
        assert all(recall(full, task, k, iou) == recall(cut, task, k, iou) for k in (1, 2))
        assert all(recall(full, task, k, iou) >= recall(cut, task, k, iou) for k in KS)


@given(corpora())
def test_a_wrong_row_on_top_never_helps_and_a_right_one_hits_at_every_k(corpus: Corpus) -> None:
    rows = corpus.submission.tasks["VCMR"]
    place = {query: at for at, query in enumerate(corpus.gt.query.tolist())}

    def put(right: bool) -> Rows:
        def edit(query: int, window: np.ndarray, video: np.ndarray, score: np.ndarray) -> tuple:
            at = place[int(rows.query[query])]
            own = int(corpus.gt.video[at][1:])
            first = corpus.gt.window[at] if right else np.array([500.0, 501.0])
            return np.vstack([first, window]), np.r_[own, video], np.r_[9.0, score]

        return edited(rows, edit)

    before = measured(corpus)
    worse, better = (measured(with_rows(corpus, "VCMR", put(right))) for right in (False, True))
    whole = (corpus.gt.length > 0).mean()
    for k in KS:
        for iou in IOU:
            assert recall(worse, "VCMR", k, iou) <= recall(before, "VCMR", k, iou)
            assert recall(better, "VCMR", k, iou) >= whole


@given(corpora(most_windows=2))
def test_the_order_inside_the_first_k_does_not_matter(corpus: Corpus) -> None:
    rows = corpus.submission.tasks["VCMR"]
    turned = edited(rows, lambda _, w, v, s: (np.r_[w[:3][::-1], w[3:]], np.r_[v[:3][::-1], v[3:]], s))
    first, second = measured(corpus), measured(with_rows(corpus, "VCMR", turned))
    assert all(
        recall(first, "VCMR", k, iou) == recall(second, "VCMR", k, iou) for k in (3, 5, 100) for iou in IOU
    )


@given(corpora(most_windows=3), st.randoms(use_true_random=False))
def test_permuting_queries_and_windows_and_renaming_videos_change_nothing(
    corpus: Corpus, random: object
) -> None:
    count = len(corpus.gt)
    order = np.array(random.sample(range(count), count))
    gt = corpus.gt.take(order)
    groups = [list(gt.window[a:b])[::-1] for a, b in zip(gt.offset[:-1], gt.offset[1:], strict=True)]
    names = {"v0": "zebra", "v1": "ant", "v2": "猫"}
    gt = GroundTruth.from_windows(
        gt.query,
        groups,
        video=[names[video] for video in gt.video.tolist()],
        type=gt.type,
        duration=gt.duration,
    )
    numbers = np.array([40, 7, 2**53 + 1])
    entries = np.array(random.sample(range(count), count))
    tasks = {}
    for task, rows in corpus.submission.tasks.items():
        moved = rows.take(entries)
        tasks[task] = replace(moved, video=numbers[moved.video])
    other = Submission(tasks, ["zebra", "ant", "猫"], numbers)
    first, second = measured(corpus).metrics, evaluate(other, gt, topk=KS, iou=IOU).metrics
    for task, values in first.items():
        for key, value in values.items():
            if not key.startswith("AP"):
                assert value == pytest.approx(second[task][key], nan_ok=True), (task, key)


@given(corpora(most_windows=2))
def test_finding_the_moment_is_never_easier_than_finding_the_video_or_searching_it_alone(
    corpus: Corpus,
) -> None:
    result = measured(corpus)
    for k in KS:
        for iou in IOU:
            assert recall(result, "VCMR", k, iou) <= recall(result, "VR", k)
            assert recall(result, "VCMR", k, iou) <= recall(result, "SVMR", k, iou)


@given(corpora(most_windows=2))
def test_another_gt_window_never_hurts_and_a_repeated_one_changes_nothing(corpus: Corpus) -> None:
    gt = corpus.gt
    groups = [gt.window[a:b].tolist() for a, b in zip(gt.offset[:-1], gt.offset[1:], strict=True)]
    columns = {"video": gt.video, "type": gt.type, "duration": gt.duration}
    more = GroundTruth.from_windows(gt.query, [[*group, [10.0, 20.0]] for group in groups], **columns)
    twice = GroundTruth.from_windows(gt.query, [[*group, group[0]] for group in groups], **columns)
    before, after = measured(corpus), measured(Corpus(corpus.submission, more))
    same = measured(Corpus(corpus.submission, twice))
    for k in KS:
        for iou in IOU:
            assert recall(after, "VCMR", k, iou) >= recall(before, "VCMR", k, iou)
            assert recall(same, "VCMR", k, iou) == recall(before, "VCMR", k, iou)


@given(corpora())
def test_strict_comparison_never_finds_more_than_inclusive(corpus: Corpus) -> None:
    rows = corpus.submission.tasks["VCMR"]
    submission = Submission({"pred": Rows(rows.query, rows.offset, rows.window)}, format="mad")
    strict = evaluate(submission, corpus.gt, "mad", topk=KS, iou=IOU).fractions
    inclusive = evaluate(submission, corpus.gt, topk=KS, iou=IOU).metrics["pred"]
    for k in KS:
        for iou in IOU:
            assert strict[f"R@{k}-IoU={iou}"] <= inclusive[f"R@{k},IoU={iou}"] + 1e-6


@given(corpora())
def test_values_by_type_weighted_by_their_counts_give_the_overall_value(corpus: Corpus) -> None:
    result = evaluate(corpus.submission, corpus.gt, "tvr", topk=KS)
    for key, values in result.samples.items():
        total = sum(values[corpus.gt.type == kind].sum() for kind in ("v", "t", "vt"))
        assert total / len(values) == pytest.approx(result.fractions[key])


@given(corpora(most_windows=2), st.integers(1, 9))
def test_scores_are_irrelevant_to_ranks_and_only_their_order_matters_to_precision(
    corpus: Corpus, add: int
) -> None:
    def scored(change: object) -> dict:
        tasks = {
            task: replace(rows, score=change(rows.score)) for task, rows in corpus.submission.tasks.items()
        }
        return measured(Corpus(replace(corpus.submission, tasks=tasks), corpus.gt)).metrics

    before = measured(corpus).metrics
    monotone, reversed_, absent = scored(lambda s: s**3 + add), scored(lambda s: -s), scored(lambda s: None)
    assert monotone == before
    for other in (reversed_, absent):
        for task, values in before.items():
            assert all(other[task][key] == value for key, value in values.items() if not key.startswith("AP"))


@given(corpora(most_windows=2))
def test_mean_iou_rises_with_k_and_bounds_recall(corpus: Corpus) -> None:
    metrics = measured(corpus).metrics["VCMR"]
    means = [metrics[f"mIoU@{k}"] for k in KS]
    assert means == sorted(means)
    for k, mean in zip(KS, means, strict=True):
        assert all(mean + 1e-8 >= iou * metrics[f"R@{k},IoU={iou}"] for iou in IOU)


@given(corpora(most_windows=2))
def test_reciprocal_rank_lies_between_the_first_and_the_last_recall(corpus: Corpus) -> None:
    metrics = measured(corpus).metrics["SVMR"]
    for iou in IOU:
        first, last = metrics[f"R@1,IoU={iou}"], metrics[f"R@100,IoU={iou}"]
        assert first - 1e-12 <= metrics[f"MRR,IoU={iou}"] <= last + 1e-12


@given(corpora(most_windows=2))
def test_merged_results_equal_one_evaluation(corpus: Corpus) -> None:
    count = len(corpus.gt)
    parts = []
    for chosen in (np.arange(count // 2 + 1), np.arange(count // 2 + 1, count)):
        if not len(chosen):
            return
        gt = corpus.gt.take(chosen)
        tasks = {
            task: rows.take(np.flatnonzero(np.isin(rows.query, gt.query)))
            for task, rows in corpus.submission.tasks.items()
        }
        parts.append(measured(Corpus(replace(corpus.submission, tasks=tasks), gt)))
    assert parts[0].merge(parts[1]).metrics == measured(corpus).metrics


def one_query(*rows: tuple[float, float], truth: list[list[float]]) -> dict[str, float]:
    window = np.array(rows, dtype=float)
    submission = Submission({"pred": Rows([1], [0, len(rows)], window)})
    gt = GroundTruth.from_windows([1], [truth], duration=[100.0])
    return evaluate(submission, gt, topk=(1, 2, 5)).metrics["pred"]


def test_a_list_worked_by_hand() -> None:
    found = one_query((0, 10), (21, 30), (20, 30), truth=[[20, 30]])
    assert found["R@1,IoU=0.5"] == 0 and found["R@2,IoU=0.5"] == 1
    assert found["mIoU@1"] == 0 and found["mIoU@2"] == pytest.approx(0.9) and found["mIoU@5"] == 1
    assert found["MRR,IoU=0.7"] == 0.5 and found["MedR,IoU=0.7"] == 2
    assert found["dR@2,IoU=0.5"] == pytest.approx(0.99) and found["dR@5,IoU=0.5"] == 1


def test_a_decimal_iou_at_the_threshold_is_a_hit() -> None:
    assert one_query((0, 2.1), truth=[[0, 3.0]])["R@1,IoU=0.7"] == 1


def test_nothing_is_found_when_no_row_is_right() -> None:
    found = one_query((0, 1), truth=[[50, 60]])
    assert found["MedR,IoU=0.5"] is None and found["MeanR,IoU=0.5"] is None and found["found,IoU=0.5"] == 0


def test_inputs_are_not_modified() -> None:
    window = np.array([[5.0, 9.0], [1.0, 2.0]])
    rows = Rows([1], [0, 2], window, np.array([0, 1]), np.array([1.0, 2.0]))
    gt = GroundTruth.from_windows([1], np.array([[5.0, 9.0]]), video=["a"], duration=[20.0])
    evaluate(Submission({"VCMR": rows}, ["a", "b"], [0, 1]), gt)
    assert window.tolist() == [[5.0, 9.0], [1.0, 2.0]] and rows.score.tolist() == [1.0, 2.0]
