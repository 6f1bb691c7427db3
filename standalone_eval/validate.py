"""Checks on columns: each file for itself, then both against each other.  Every finding is collected.

Readers check what only the text shows (types, missing keys); here stands what the columns show, for files
read from ``.npz`` and for objects made in memory as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission, plain
from .issues import Findings, first_few
from .matching import Pairing, is_member
from .profiles import Settings

AT_END = (2**62,)  # findings about a whole file come after those about its lines
NEEDS_SCORE = ("qvhighlights", "mesm")


def check_submission(submission: Submission, settings: Settings, findings: Findings) -> None:
    """Checks the columns of a submission that no reader has seen."""
    place = {"role": "submission", "file": submission.name}
    if submission.video_index is not None:
        order = np.argsort(submission.video_index, kind="stable")
        index, names = submission.video_index[order], submission.video_name[order]
        for at in np.flatnonzero(index[1:] == index[:-1]):
            findings.add(
                "E032", f"videos {names[at]} and {names[at + 1]} both have index {index[at]}", **place
            )
    for task, rows in submission.tasks.items():
        for entry in np.flatnonzero(rows.lengths == 0):
            findings.add(
                "E040", "has no rows; every query needs at least one", **place, **rows.place(int(entry))
            )
        if rows.window is not None:
            _check_windows(rows, findings, place)
        if rows.score is not None:
            for row in np.flatnonzero(np.isinf(rows.score))[:1]:
                message = "score is infinite, expected a finite number"
                findings.add("E012", message, **place, **_at_row(rows, int(row)))
        if rows.video is not None and submission.video_index is not None and len(submission.video_index):
            unknown = np.flatnonzero(~is_member(rows.video, np.sort(submission.video_index)))
            for row in findings.shown(unknown, "E030"):
                message = f"video index {rows.video[row]} is not in video2idx"
                findings.add("E030", message, **place, **_at_row(rows, int(row)))
        if settings.profile.name in NEEDS_SCORE and rows.score is None:
            findings.add("E015", "rows have no score, expected [st, ed, score]", **place)
        _check_repeats(rows.query, "E022", f"{task}: query", findings, place)


def _check_windows(rows: Rows, findings: Findings, place: dict[str, Any]) -> None:
    window = rows.window
    assert window is not None
    for row in findings.shown(np.flatnonzero(~np.isfinite(window).all(axis=1)), "E012"):
        findings.add(
            "E012",
            f"window is {window[row].tolist()}, expected finite numbers",
            **place,
            **_at_row(rows, int(row)),
        )
    for row in findings.shown(np.flatnonzero(window[:, 0] > window[:, 1]), "E013"):
        message = f"window is reversed: start {window[row, 0]} is after end {window[row, 1]}"
        findings.add("E013", message, **place, **_at_row(rows, int(row)))


def _check_repeats(ids: np.ndarray, code: str, what: str, findings: Findings, place: dict[str, Any]) -> None:
    unique, count = np.unique(ids, return_counts=True)
    for value in unique[count > 1]:
        where = first_few(np.flatnonzero(ids == value).tolist())
        findings.add(
            code,
            f"{what} {plain(value)} appears {int((ids == value).sum())} times (entries {where})",
            **place,
        )


def _at_row(rows: Rows, row: int) -> dict[str, Any]:
    entry = int(np.searchsorted(rows.offset, row, side="right")) - 1
    place = rows.place(entry)
    number = int(row - rows.offset[entry])
    return {**place, "pointer": f"{place.get('pointer', '')}/{number}", "order": (*place["order"], number)}


def check_gt(gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """Checks the columns of a ground truth: something to answer."""
    if not len(gt) and not findings.failed:
        findings.add("E010", "the file holds no query", role="gt", file=gt.name)


def check_in_memory(submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """All column checks of both objects, for those that were made in memory."""
    if submission.path is None:
        check_submission(submission, settings, findings)
    if gt.path is None:
        place = {"role": "gt", "file": gt.name}
        for entry in np.flatnonzero(gt.num_windows == 0):
            findings.add(
                "E043",
                "the query has no window, expected at least one [st, ed]",
                **place,
                **gt.place(int(entry)),
            )
        window = gt.window
        if not np.isfinite(window).all():
            findings.add("E012", "a window is not finite", **place)
        if (window[:, 0] > window[:, 1]).any():
            findings.add("E013", "a window is reversed: its start is after its end", **place)
        _check_repeats(gt.query, "E023", "query", findings, place)
        check_gt(gt, settings, findings)


def check_pair(submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """Checks both files against each other: the same queries (E020, E021), every gt video known (E031)."""
    place = {"role": "submission", "file": submission.name}
    for task in settings.tasks:
        if task not in submission.tasks:
            held = ", ".join(submission.tasks)
            findings.add("E010", f"task {task} was asked for, the submission holds {held}", **place)
    for task, rows in answers(submission):
        if settings.tasks and task not in settings.tasks and task in submission.tasks:
            continue
        pairing = Pairing.of(rows, gt)
        for entry in np.flatnonzero(pairing.owner < 0):
            code, message = _unknown(task, rows.query[entry], gt)
            findings.add(code, message, **place, **rows.place(int(entry)))
        answered = gt.query[pairing.owner[pairing.owner >= 0]]
        missing = gt.query[~np.isin(gt.query, answered)].tolist()
        if missing:
            findings.add(
                "E021",
                f"{task}: {len(missing)} of {len(gt)} queries have no prediction: {first_few(missing)}; "
                "answer every query, or count them as misses with --allow-missing",
                order=AT_END,
                **place,
            )
    if submission.saliency is not None and gt.saliency is None and settings.profile.name == "qvhighlights":
        findings.add("E010", "the submission has saliency, the ground truth no saliency_scores", **place)
    if submission.video_name is not None and gt.video is not None and submission.tasks:
        known = np.isin(gt.video, submission.video_name)
        for name in np.unique(gt.video[~known]):
            queries = gt.query[gt.video == name].tolist()
            message = f"video {name} of the ground truth is not in video2idx (queries {first_few(queries)})"
            findings.add("E031", message, order=AT_END, **place)


def answers(submission: Submission) -> Iterator[tuple[str, Rows]]:
    """Every list of answered queries: the tasks, and saliency as rows without content."""
    yield from submission.tasks.items()
    if submission.saliency is not None and "pred" not in submission.tasks:
        count = len(submission.saliency.query)
        yield "pred", Rows(submission.saliency.query, np.zeros(count + 1))


def _unknown(task: str, query: Any, gt: GroundTruth) -> tuple[str, str]:
    """Code and message for an answered query that the ground truth does not hold."""
    if gt.format != "ego4d" or query.dtype.kind != "U":
        return "E020", f"{task}: query {plain(query)} is not in the ground truth{_other_type(query, gt)}"
    holder, _, index = str(query).rpartition("/")
    known = int(np.char.startswith(gt.query, f"{holder}/").sum())
    if known:
        return "E071", f"query_idx {index} is outside 0 ... {known - 1} of {holder}"
    clip, _, annotation = holder.rpartition("/")
    return "E071", f"annotation_uid {annotation} of clip_uid {clip} is not in the ground truth"


def _other_type(query: Any, gt: GroundTruth) -> str:
    """A hint when the id would match as a text or as a number."""
    kind, wanted = query.dtype.kind, gt.query.dtype.kind
    if kind == wanted or not len(gt):
        return ""
    if (gt.query.astype(np.str_) == str(query)).any():
        if wanted in "iu":
            return f"; it holds the integer {query}, the submission the text {str(query)!r}"
        return f"; it holds the text {str(query)!r}, the submission the integer {query}"
    return ""
