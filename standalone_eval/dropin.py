"""Functions that take the place of the published evaluators' own: parsed objects in, their dict out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .evaluator import evaluate_with
from .issues import Findings
from .profiles import Settings, settings_of
from .sources import Broken, Source


def eval_retrieval(
    submission: dict[str, Any],
    ground_truth: Sequence[dict[str, Any]],
    iou_thds: Sequence[float] = (0.5, 0.7),
    verbose: bool = True,
    match_number: bool = True,
    use_desc_type: bool = True,
) -> dict[str, Any]:
    """Drop-in for TVRetrieval's function of that name.

    Args:
        submission: parsed TVR submission; not modified.
        ground_truth: parsed gt lines.
        iou_thds: thresholds.
        verbose: kept for compatibility; nothing is printed.
        match_number: both must hold the same queries; False: only queries in both count.
        use_desc_type: add the metrics by type.

    Returns:
        The ordered dict that the published evaluator writes.

    Raises:
        EvalInputError: the objects are not what they must be.
    """
    from . import format_tvr

    settings = settings_of("tvr", iou=iou_thds, types=use_desc_type)
    findings = Findings(settings.lenient)
    try:
        read = format_tvr.read_parsed(submission, _parsed((), "submission", findings))
    except Broken:
        findings.stop_if_failed()
    gt = format_tvr.read_gt(_parsed(ground_truth, "gt", findings), use_desc_type or _has_types(ground_truth))
    findings.stop_if_failed()
    if match_number:
        return evaluate_with(read, gt, settings, findings).metrics
    return _on_common_queries(read, gt, settings)


def _has_types(ground_truth: Sequence[dict[str, Any]]) -> bool:
    return all("type" in entry for entry in ground_truth if isinstance(entry, dict))


def _on_common_queries(submission: Submission, gt: GroundTruth, settings: Settings) -> dict[str, Any]:
    """Each task on the queries that it shares with the ground truth."""
    plain: dict[str, Any] = {}
    typed: dict[str, Any] = {}
    for task, rows in submission.tasks.items():
        shared: Rows = rows.take(np.flatnonzero(np.isin(rows.query, gt.query)))
        truth = gt.take(np.flatnonzero(np.isin(gt.query, rows.query)))
        part = Submission({task: shared}, submission.video_name, submission.video_index)
        metrics = evaluate_with(part, truth, settings, Findings(settings.lenient)).metrics
        plain[task] = metrics[task]
        typed.update({key: value for key, value in metrics.items() if key != task})
    return {**plain, **typed}


def _parsed(values: Sequence[Any], role: str, findings: Findings) -> Source:
    return Source(role, role, b"", findings, parsed=values)


def eval_submission(
    submission: Sequence[dict[str, Any]],
    ground_truth: Sequence[dict[str, Any]],
    verbose: bool = True,
    match_number: bool = True,
) -> dict[str, Any]:
    """Drop-in for the QVHighlights function of that name (Moment-DETR and its family).

    Args:
        submission: parsed submission lines; not modified.
        ground_truth: parsed gt lines.
        verbose: kept for compatibility; nothing is printed.
        match_number: both must hold the same queries; False: only queries in both count.

    Returns:
        ``brief`` and the groups, as the published evaluator writes them.

    Raises:
        EvalInputError: the objects are not what they must be.
    """
    from . import format_qvhighlights

    settings = settings_of("qvhighlights")
    findings = Findings(settings.lenient)
    if not match_number:
        known = {entry.get("qid") for entry in submission} & {entry.get("qid") for entry in ground_truth}
        submission = [entry for entry in submission if entry.get("qid") in known]
        ground_truth = [entry for entry in ground_truth if entry.get("qid") in known]
    read = format_qvhighlights.read_submission(_parsed(submission, "submission", findings))
    gt = format_qvhighlights.read_gt(_parsed(ground_truth, "gt", findings), True)
    findings.stop_if_failed()
    return evaluate_with(read, gt, settings, findings).metrics
