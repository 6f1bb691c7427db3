"""Warnings: everything that was ignored, defaulted or odd in valid input, counted, with the first few ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .issues import Findings, first_few
from .matching import Pairing, blocks, own_index
from .profiles import Settings

CORPUS_TASKS = ("VCMR", "SVMR", "VR")


def survey(submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """Adds a warning for every kind of oddity that the files show."""
    gt_place = {"role": "gt", "file": gt.name}
    zero = (
        np.flatnonzero(np.add.reduceat(gt.window[:, 0] == gt.window[:, 1], gt.offset[:-1])) if len(gt) else []
    )
    _warn(findings, "W013", "zero-length windows, which nothing can hit", gt.query[zero], gt_place)
    if gt.duration is not None:
        ends = np.maximum.reduceat(gt.window[:, 1], gt.offset[:-1]) if len(gt) else np.zeros(0)
        beyond = np.flatnonzero(ends > gt.duration)
        _warn(findings, "W081", "windows that end beyond the duration", gt.query[beyond], gt_place)
    for task, rows in submission.tasks.items():
        if settings.tasks and task not in settings.tasks:
            continue
        _survey_rows(task, rows, submission, gt, settings, findings)


def _warn(
    findings: Findings,
    code: str,
    what: str,
    queries: np.ndarray,
    place: dict[str, Any],
    rows: int | None = None,
) -> None:
    if len(queries):
        count = f"{rows} rows of {len(queries)}" if rows is not None else str(len(queries))
        findings.add(code, f"{count} queries have {what}: {first_few(queries.tolist())}", **place)


def _survey_rows(
    task: str, rows: Rows, submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings
) -> None:
    place = {"role": "submission", "file": submission.name, "pointer": rows.pointer or f"/{task}"}
    entry = np.repeat(np.arange(len(rows)), rows.lengths)
    rank = np.arange(len(entry)) - np.repeat(rows.offset[:-1], rows.lengths)

    def report(code: str, what: str, mask: np.ndarray) -> None:
        if mask.any():
            queries = rows.query[np.unique(entry[mask])]
            _warn(findings, code, what, queries, place, int(mask.sum()))

    pairing = Pairing.of(rows, gt)
    if rows.window is not None:
        report("W013", "zero length", rows.window[:, 0] == rows.window[:, 1])
        report("W014", "a negative start", rows.window[:, 0] < 0)
        durations = _durations(task, rows, submission, gt, pairing, entry)
        if durations is not None:
            report("W081", "an end beyond the video's duration", rows.window[:, 1] > durations)
    if task in CORPUS_TASKS and rows.video is not None:
        _survey_videos(task, rows, submission, gt, settings, pairing, entry, report)
    _survey_scores(rows, settings, entry, rank, report, findings, place)
    _survey_lengths(rows, settings, findings, place)
    if settings.profile.judge.strict:
        _survey_strict(rows, gt, settings, pairing, findings, place)


def _durations(
    task: str, rows: Rows, submission: Submission, gt: GroundTruth, pairing: Pairing, entry: np.ndarray
) -> np.ndarray | None:
    """(R,) duration of each row's video, NaN when unknown."""
    if gt.duration is None or not len(gt):
        return None
    if task not in CORPUS_TASKS or rows.video is None:
        known = np.where(pairing.owner >= 0, gt.duration[np.maximum(pairing.owner, 0)], np.nan)
        return known[entry]
    if submission.video_name is None or gt.video is None:
        return None
    own = own_index(gt, submission.video_name, submission.video_index)
    order = np.argsort(own, kind="stable")
    found = order[np.minimum(np.searchsorted(own, rows.video, sorter=order), len(own) - 1)]
    return np.where(own[found] == rows.video, gt.duration[found], np.nan)


def _survey_videos(
    task: str, rows: Rows, submission: Submission, gt: GroundTruth, settings: Settings, pairing: Pairing,
    entry: np.ndarray, report: Any,
) -> None:  # fmt: skip
    video = rows.video
    if task == "SVMR" and submission.video_name is not None:
        own = own_index(gt, submission.video_name, submission.video_index)[pairing.owner]
        report("W033", "another video than the query's own, which SVMR skips", video != own[entry])
    if task == "VR":
        order = np.lexsort((video, entry))
        same = (np.diff(entry[order]) == 0) & (np.diff(video[order]) == 0)
        repeated = np.zeros(len(video), dtype=bool)
        repeated[order[1:][same]] = True
        report("W034", "a repeated video, which holds its rank in VR", repeated)
    if (
        settings.compat
        and settings.profile.name in ("tvr", "reloclnet")
        and submission.video_index is not None
    ):
        single = submission.video_index.astype(np.float32)
        _, first, count = np.unique(single, return_index=True, return_counts=True)
        names = submission.video_name[first[count > 1]].tolist()
        if names:
            report(
                "W070", f"video indices that collide in single precision ({first_few(names)})", video == video
            )


def _survey_scores(
    rows: Rows, settings: Settings, entry: np.ndarray, rank: np.ndarray, report: Any, findings: Findings,
    place: dict[str, Any],
) -> None:  # fmt: skip
    if rows.score is None:
        return
    same = entry[1:] == entry[:-1]
    rising = np.zeros(len(entry), dtype=bool)
    rising[1:] = same & (rows.score[1:] > rows.score[:-1])
    report("W050", "a score above the row before; ranks are places in the file", rising)
    for k in settings.topk:
        cut = np.flatnonzero(rows.lengths > k)
        last = rows.offset[:-1][cut] + k - 1
        tied = cut[rows.score[last] == rows.score[last + 1]]
        what = f"equal scores across the cut at K = {k}, so that the rank is arbitrary"
        _warn(findings, "W051", what, rows.query[tied], place)


def _survey_lengths(rows: Rows, settings: Settings, findings: Findings, place: dict[str, Any]) -> None:
    over = np.maximum(rows.lengths - settings.max_pred, 0)
    what = f"a rank beyond {settings.max_pred} and are ignored"
    _warn(findings, "W090", what, rows.query[over > 0], place, int(over.sum()))
    most = max(settings.topk, default=0)
    _warn(findings, "W091", f"fewer than {most} rows", rows.query[rows.lengths < most], place)


def _survey_strict(
    rows: Rows,
    gt: GroundTruth,
    settings: Settings,
    pairing: Pairing,
    findings: Findings,
    place: dict[str, Any],
) -> None:
    """W071: an IoU that equals a threshold, which a strict comparison misses."""
    from .matching import Listing

    judge, count = settings.profile.judge, 0
    queries: list[np.ndarray] = []
    for block in blocks(rows, gt, pairing, Listing(settings.max_pred), judge, ()):
        equal = np.isin(block.iou, np.asarray(settings.iou, dtype=judge.dtype))
        count += int(equal.sum())
        queries.append(np.unique(block.query[equal]))
    found = gt.query[np.unique(np.concatenate(queries))] if queries else gt.query[:0]
    _warn(findings, "W071", "an IoU exactly at a threshold, which is no hit", found, place, count)
