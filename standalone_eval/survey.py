"""Warnings: everything that was ignored, defaulted or odd in valid input, counted, with the first few ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import TYPES, GroundTruth, Rows, Submission
from .issues import Findings, first_few
from .matching import Listing, Pairing, blocks, own_index
from .profiles import MESM_SUBSETS, SUBSETS, Settings

CORPUS_TASKS = ("VCMR", "SVMR", "VR")


def survey(submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """Adds a warning for every kind of oddity that the files show."""
    place = {"role": "gt", "file": gt.name}
    if len(gt):
        empty = np.logical_or.reduceat(gt.window[:, 0] == gt.window[:, 1], gt.offset[:-1])
        _warn(findings, "W013", "zero-length windows, which nothing can hit", gt.query[empty], place)
        if gt.duration is not None:
            late = np.maximum.reduceat(gt.window[:, 1], gt.offset[:-1]) > gt.duration
            _warn(findings, "W081", "windows that end beyond the duration", gt.query[late], place)
    _survey_groups(gt, settings, findings)
    for task, rows in submission.tasks.items():
        if not settings.tasks or task in settings.tasks:
            _RowSurvey(task, rows, submission, gt, settings, findings).run()


def _survey_groups(gt: GroundTruth, settings: Settings, findings: Findings) -> None:
    """W041 and W043: a type or a length subset that holds no query, so that its values are undefined."""
    place = {"role": "gt", "file": gt.name}
    undefined = "NaN" if settings.compat else "null"
    if settings.options.get("types") and gt.type is not None:
        for kind in TYPES:
            if not (gt.type == kind).any():
                findings.add("W041", f"no query has type {kind}; its values are {undefined}", **place)
    if settings.profile.scorer == "highlights":
        length = gt.window[:, 1] - gt.window[:, 0]
        subsets = MESM_SUBSETS if settings.profile.name == "mesm" else SUBSETS
        for name, limits in subsets.items():
            if limits is not None and not ((length > limits[0]) & (length <= limits[1])).any():
                findings.add("W043", f"no window is {name}; the values of that subset are null", **place)


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


class _RowSurvey:
    """The warnings about one task's rows."""

    def __init__(
        self,
        task: str,
        rows: Rows,
        submission: Submission,
        gt: GroundTruth,
        settings: Settings,
        findings: Findings,
    ) -> None:
        self.task, self.rows, self.submission, self.gt = task, rows, submission, gt
        self.settings, self.findings = settings, findings
        self.pairing = Pairing.of(rows, gt)
        self.entry = np.repeat(np.arange(len(rows), dtype=np.int32), rows.lengths)  # (R,)
        self.place = {
            "role": "submission", "file": submission.name, "pointer": rows.pointer or f"/{task}",
        }  # fmt: skip

    def run(self) -> None:
        """All of them."""
        if self.rows.window is not None:
            self.windows(self.rows.window)
        if self.task in CORPUS_TASKS and self.rows.video is not None:
            self.videos(self.rows.video)
        if self.rows.score is not None:
            self.scores(self.rows.score)
        self.lengths()
        if self.settings.profile.judge.strict:
            self.strict()

    def report(self, code: str, what: str, mask: np.ndarray) -> None:
        """A warning about the rows of a mask (R,)."""
        if mask.any():
            queries = self.rows.query[np.unique(self.entry[mask])]
            _warn(self.findings, code, what, queries, self.place, int(mask.sum()))

    def windows(self, window: np.ndarray) -> None:
        """W013, W014, W081: odd times."""
        self.report("W013", "zero length", window[:, 0] == window[:, 1])
        self.report("W014", "a negative start", window[:, 0] < 0)
        durations = self.durations()
        if durations is not None:
            self.report("W081", "an end beyond the video's duration", window[:, 1] > durations)

    def durations(self) -> np.ndarray | None:
        """(R,) duration of each row's video, NaN when unknown."""
        gt, rows = self.gt, self.rows
        if gt.duration is None or not len(gt):
            return None
        if self.task not in CORPUS_TASKS or rows.video is None:
            owner = self.pairing.owner
            return np.where(owner >= 0, gt.duration[np.maximum(owner, 0)], np.nan)[self.entry]
        if self.submission.video_name is None or gt.video is None:
            return None
        own = own_index(gt, self.submission.video_name, self.submission.video_index)
        known, first = np.unique(own, return_index=True)
        found = np.minimum(np.searchsorted(known, rows.video), len(known) - 1)
        return np.where(known[found] == rows.video, gt.duration[first][found], np.nan)

    def videos(self, video: np.ndarray) -> None:
        """W033, W034, W070: rows of other videos, repeated videos, colliding indices."""
        indices, names = self.submission.video_index, self.submission.video_name
        if indices is None or names is None:
            return
        if self.task == "SVMR":
            own = own_index(self.gt, names, indices)[self.pairing.owner]
            self.report(
                "W033", "another video than the query's own, which SVMR skips", video != own[self.entry]
            )
        if self.task == "VR":
            repeated = _repeats(self.entry, video)
            queries = self.rows.query[np.unique(repeated)]
            what = "a repeated video, which holds its rank in VR"
            _warn(self.findings, "W034", what, queries, self.place, len(repeated))
        if self.settings.compat and self.settings.profile.name in ("tvr", "reloclnet"):
            _, first, count = np.unique(indices.astype(np.float32), return_index=True, return_counts=True)
            if (count > 1).any():
                listed = first_few(names[first[count > 1]].tolist())
                what = f"to compare video indices that collide in single precision ({listed})"
                self.report("W070", what, np.ones(len(video), dtype=bool))

    def scores(self, score: np.ndarray) -> None:
        """W050, W051: scores that contradict the ranks, or leave them open."""
        rising = np.zeros(len(score), dtype=bool)
        rising[1:] = (score[1:] > score[:-1]) & (self.entry[1:] == self.entry[:-1])
        self.report("W050", "a score above the row before; ranks are places in the file", rising)
        rows = self.rows
        for k in self.settings.topk:
            cut = np.flatnonzero(rows.lengths > k)
            last = rows.offset[:-1][cut] + k - 1
            tied = cut[score[last] == score[last + 1]]
            what = f"equal scores across the cut at K = {k}, so that the rank is arbitrary"
            _warn(self.findings, "W051", what, rows.query[tied], self.place)

    def lengths(self) -> None:
        """W090, W091: lists longer or shorter than what is looked at."""
        rows, limit = self.rows, self.settings.max_pred
        over = np.maximum(rows.lengths - limit, 0)
        what = f"a rank beyond {limit} and are ignored"
        _warn(self.findings, "W090", what, rows.query[over > 0], self.place, int(over.sum()))
        most = max(self.settings.topk, default=0)
        _warn(self.findings, "W091", f"fewer than {most} rows", rows.query[rows.lengths < most], self.place)

    def strict(self) -> None:
        """W071: an IoU that equals a threshold, which a strict comparison misses."""
        judge, count = self.settings.profile.judge, 0
        limits = [judge.dtype(iou) for iou in self.settings.iou]
        queries: list[np.ndarray] = []
        for block in blocks(self.rows, self.gt, self.pairing, Listing(self.settings.max_pred), judge, ()):
            equal = np.zeros(len(block.query), dtype=bool)
            for limit in limits:
                equal |= block.iou == limit
            count += int(equal.sum())
            queries.append(np.unique(block.query[equal]))
        found = self.gt.query[np.unique(np.concatenate(queries))] if queries else self.gt.query[:0]
        what = "an IoU exactly at a threshold, which is no hit"
        _warn(self.findings, "W071", what, found, self.place, count)


def _repeats(entry: np.ndarray, video: np.ndarray) -> np.ndarray:
    """The entry of every row whose video stands in an earlier row of the same entry."""
    if not len(video):
        return entry
    number = video - video.min()
    if float(number.max()) * (float(entry[-1]) + 1) >= 2.0**62:
        number = np.unique(video, return_inverse=True)[1]
    span = int(number.max()) + 1
    pair = np.sort(entry * np.int64(span) + number)
    return pair[1:][pair[1:] == pair[:-1]] // span
