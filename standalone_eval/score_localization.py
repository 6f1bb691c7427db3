"""R@K on one video per query with a strict threshold: MAD (CONE, RGNet, zero-shot) and Ego4D NLQ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .issues import Findings, first_few
from .matching import Listing, Pairing, rank_table
from .profiles import Settings

Tables = dict[str, np.ndarray]


def tables(submission: Submission, gt: GroundTruth, settings: Settings) -> Tables:
    """``rank`` (N, T) of the first right row, and for Ego4D ``iou`` (N,) of row 0."""
    rows = submission.tasks["pred"]
    pairing = Pairing.of(rows, gt)
    ranks, _ = rank_table(rows, gt, pairing, Listing(settings.max_pred), settings.profile.judge, settings.iou)
    found = {"rank": ranks}
    if settings.profile.name == "ego4d":
        judge = replace(settings.profile.judge, undefined=np.nan if settings.compat else 0.0)
        first = np.flatnonzero((pairing.owner >= 0) & (rows.lengths > 0))
        iou = np.zeros(len(gt))
        owner = pairing.owner[first]
        assert rows.window is not None
        iou[owner] = judge.iou(rows.window[rows.offset[:-1][first]], gt.window[gt.offset[:-1][owner]])
        found["iou"] = iou
    return found


def keys(settings: Settings) -> list[tuple[str, int, int]]:
    """(key, K, place of the threshold) in the order in which the table is printed."""
    return [(f"R@{k}-IoU={iou}", k, t) for k in settings.topk for t, iou in enumerate(settings.iou)]


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query hits by ``R@K-IoU=thr``, and Ego4D's ``mIoU``."""
    result = {key: (found["rank"][:, t] <= k).astype(np.float64) for key, k, t in keys(settings)}
    if "iou" in found:
        result["mIoU"] = found["iou"]
    return result


def fractions(found: Tables, settings: Settings) -> dict[str, float]:
    """The metrics as fractions in the profile's precision."""
    dtype = settings.profile.judge.dtype
    result = {}
    for key, k, t in keys(settings):
        hits = int((found["rank"][:, t] <= k).sum())
        result[key] = float(dtype(hits) / dtype(len(found["rank"])))
    if "iou" in found:
        result["mIoU"] = float(np.mean(found["iou"]))
    return result


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Percent by rounding C: computed in the profile's precision, then two decimals."""
    dtype = settings.profile.judge.dtype
    return {key: percent(dtype(value), dtype) for key, value in fractions(found, settings).items()}


def percent(fraction: Any, dtype: type) -> float:
    """Percent of a fraction, multiplied in its own precision and cut to two decimals."""
    return float(f"{fraction * dtype(100):.2f}")


def reproduce(
    submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings
) -> tuple[Submission, GroundTruth]:
    """Ego4D's denominator: only the queries that the submission answers count."""
    if settings.profile.name != "ego4d":
        return submission, gt
    owner = Pairing.of(submission.tasks["pred"], gt).owner
    return submission, gt.take(np.sort(owner[owner >= 0]))


def prepare(submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings) -> Submission:
    """Ego4D's negative ``query_idx``, which counts from the end, as the published script reads it."""
    if settings.profile.name != "ego4d" or not settings.compat:
        return submission
    counts: dict[str, int] = {}
    for query in gt.query.tolist():
        counts[query.rpartition("/")[0]] = counts.get(query.rpartition("/")[0], 0) + 1
    rows = submission.tasks["pred"]
    named, changed = [], []
    for query in rows.query.tolist():
        holder, _, index = query.rpartition("/")
        if index.startswith("-") and -counts.get(holder, 0) <= int(index):
            changed.append(query)
            query = f"{holder}/{counts[holder] + int(index)}"
        named.append(query)
    if not changed:
        return submission
    message = f"{len(changed)} entries count query_idx from the end: {first_few(changed)}"
    findings.add("E071", message, role="submission", file=submission.name, severity="warning")
    renamed: Rows = replace(rows, query=np.array(named, dtype=np.str_))
    return replace(submission, tasks={"pred": renamed})
