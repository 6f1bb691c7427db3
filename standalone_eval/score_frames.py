"""Movie101's narration grounding (IA-Net's criteria): windows in frames, both ends included.

The list is suppressed anew for every threshold t, with the overlap limit t - 0.05, to at most 7 windows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .matching import Pairing
from .nms import RNL_SURVIVORS, rnl_padded
from .profiles import Settings

Tables = dict[str, np.ndarray]
FIRST_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)
EXPORT_LIMIT, EXPORTED = 0.25, 5
CELLS = 1 << 18  # padded rows handled at once


def frame_iou(window: np.ndarray, truth: np.ndarray, extra: float = 1.0) -> np.ndarray:
    """IoU of (..., 2) windows with ``extra`` added to both parts, 0 when negative or the hull is reversed."""
    start, end = np.maximum(window[..., 0], truth[..., 0]), np.minimum(window[..., 1], truth[..., 1])
    hull = np.maximum(window[..., 1], truth[..., 1]) - np.minimum(window[..., 0], truth[..., 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        iou = (end - start + extra) / (hull + extra)
    return np.where((hull < -1e-5) | (iou < 0), 0.0, iou)


def tables(submission: Submission, gt: GroundTruth, settings: Settings) -> Tables:
    """``hit`` (N, K, T) whether one of the first K survivors is right, and ``iou`` (N,) of row 0."""
    hit = np.zeros((len(gt), len(settings.topk), len(settings.iou)), dtype=bool)
    first = np.zeros(len(gt))
    for entries, window, score, count in padded(submission):
        owner = Pairing.of(submission.tasks["pred"].take(entries), gt).owner
        truth = gt.window[gt.offset[:-1][owner]]
        first[owner] = frame_iou(window[:, 0], truth)
        right = frame_iou(window, truth[:, None])  # (n, P)
        for t, threshold in enumerate(settings.iou):
            limit = threshold - 0.05
            kept = rnl_padded(window, score, count, limit, max(RNL_SURVIVORS, 1))
            good = np.take_along_axis(right, np.maximum(kept, 0), axis=1) >= threshold
            good &= kept >= 0
            for number, k in enumerate(settings.topk):
                hit[owner, number, t] = good[:, :k].any(axis=1)
    return {"hit": hit, "iou": first}


def padded(submission: Submission) -> Any:
    """(entries, windows (n, P, 2), scores (n, P), counts) of queries with similarly many rows."""
    rows = submission.tasks["pred"]
    assert rows.window is not None and rows.score is not None
    order = np.argsort(rows.lengths, kind="stable")
    lengths = rows.lengths[order]
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * lengths[stop] <= CELLS:
            stop += 1
        some = order[start:stop]
        places = np.arange(int(lengths[stop - 1]))
        there = places < rows.lengths[some][:, None]
        at = (rows.offset[:-1][some][:, None] + places)[there]
        window = np.zeros((len(some), len(places), 2))
        score = np.full((len(some), len(places)), -np.inf)
        window[there], score[there] = rows.window[at], rows.score[at]
        yield some, window, score, rows.lengths[some]
        start = stop


def export_top5(submission: Submission) -> list[list[list[Any]]]:
    """Per query the windows and scores of the first five survivors at the limit 0.25, in file order."""
    found: dict[int, list[list[Any]]] = {}
    for entries, window, score, count in padded(submission):
        kept = rnl_padded(window, score, count, EXPORT_LIMIT)[:, :EXPORTED]
        for line, entry in enumerate(entries.tolist()):
            pick = kept[line][kept[line] >= 0]
            found[entry] = [window[line, pick].tolist(), score[line, pick].tolist()]
    return [found[entry] for entry in sorted(found)]


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query values by ``recall/IoU@K@thr`` and ``first_prediction/...``."""
    result = {
        f"recall/IoU@{k}@{iou}": found["hit"][:, number, t].astype(np.float64)
        for number, k in enumerate(settings.topk)
        for t, iou in enumerate(settings.iou)
    }
    result["first_prediction/mIoU"] = found["iou"]
    for iou in FIRST_THRESHOLDS:
        result[f"first_prediction/IoU@{iou}"] = (found["iou"] >= iou).astype(np.float64)
    return result


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Fractions: ``recall`` after suppression, ``first_prediction`` without."""
    result: dict[str, Any] = {"recall": {}, "first_prediction": {}}
    for key, values in samples(found, settings).items():
        group, _, name = key.partition("/")
        result[group][name] = float(values.mean())
    return result
