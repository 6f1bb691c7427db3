"""VCMR, SVMR and VR: recall of ranked moments in a corpus, as `tvr`, `reloclnet` and our own `tng` define it.

Tables per task, all with one row per query: ``rank`` (first right row per threshold, inf when none) and for
``tng`` also ``best`` (best IoU within K), ``ap`` and, when durations are known, ``near`` (discounted recall).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from .columns import TASKS, TYPES, GroundTruth, Rows, Submission
from .issues import Findings
from .matching import Listing, Pairing, blocks, own_index, rank_table, segment_max
from .precision import average_precision, padded_lists
from .profiles import Settings

Tables = dict[str, np.ndarray]
AP_ROWS = 10
RANKED_BY_SCORE = ("qvhighlights", "movie101-rnl")  # formats whose lists are in no order


def tables(submission: Submission, gt: GroundTruth, settings: Settings) -> Tables:
    """Per-query tables named ``TASK/rank`` and so on, and ``type`` where types are reported."""
    found: Tables = {}
    for task, rows in submission.tasks.items():
        if settings.tasks and task not in settings.tasks:
            continue
        if task == "pred" and submission.format in RANKED_BY_SCORE:
            rows = by_score(rows)
        pairing = Pairing.of(rows, gt)
        listing = listing_of(task, submission, gt, settings)
        judge = None if task == "VR" else settings.profile.judge
        ours = settings.profile.name == "tng"
        ranks, best = rank_table(
            rows, gt, pairing, listing, judge, settings.iou, settings.topk if ours else ()
        )
        found[f"{task}/rank"] = ranks
        if ours and judge is not None:
            found[f"{task}/best"] = best
            found[f"{task}/ap"] = _precision(rows, gt, pairing, listing, settings)
            if gt.duration is not None and len(gt) and (gt.duration > 0).all():
                found[f"{task}/near"] = _discounted(rows, gt, pairing, listing, settings)
    if gt.type is not None and settings.options.get("types"):
        found["type"] = gt.type
    return found


def listing_of(task: str, submission: Submission, gt: GroundTruth, settings: Settings) -> Listing:
    """How the task reads its ranked lists."""
    if task == "pred" or submission.video_name is None:
        return Listing(settings.max_pred)
    own = own_index(gt, submission.video_name, submission.video_index)
    single = settings.compat and settings.profile.name != "tng"
    return Listing(settings.max_pred, own, rerank=task == "SVMR", single_index=single)


def by_score(rows: Rows) -> Rows:
    """The rows of every query best score first, ties in file order."""
    if rows.score is None:
        return rows
    entry = np.repeat(np.arange(len(rows)), rows.lengths)
    order = np.lexsort((-rows.score, entry))
    return replace(rows, window=rows.window[order], score=rows.score[order])


def _precision(
    rows: Rows, gt: GroundTruth, pairing: Pairing, listing: Listing, settings: Settings
) -> np.ndarray:
    """(N, T) average precision of the first ten rows by score, ties in file order."""
    lists = padded_lists(rows, gt, pairing, listing, AP_ROWS)
    tolerance = settings.profile.judge.tolerance
    return average_precision(lists, gt, np.asarray(settings.iou) - tolerance)


def _discounted(
    rows: Rows, gt: GroundTruth, pairing: Pairing, listing: Listing, settings: Settings
) -> np.ndarray:
    """(N, T, K) largest (1 - |start error| / D)(1 - |end error| / D) of the right rows within K."""
    near = np.zeros((len(gt), len(settings.iou), len(settings.topk)))
    judge = settings.profile.judge
    for block in blocks(rows, gt, pairing, listing, judge, ()):
        start, several = gt.offset[:-1][block.query], gt.num_windows[block.query]
        window, duration = rows.window[block.row], gt.duration[block.query]
        for number in range(int(several.max()) if len(several) else 0):
            has = np.flatnonzero(several > number)
            truth = gt.window[start[has] + number]
            iou = judge.iou(window[has], truth)
            error = np.clip(1 - np.abs(window[has] - truth) / duration[has, None], 0, 1)
            closeness = error[:, 0] * error[:, 1]
            for (t, threshold), (k, within) in product(enumerate(settings.iou), enumerate(settings.topk)):
                pick = judge.hits(iou, threshold) & (block.rank[has] <= within)
                segment_max(near[:, t, k], block.query[has][pick], closeness[pick])
    return near


def tasks_of(found: Tables) -> list[str]:
    """The tasks that the tables hold, in the fixed order."""
    return [task for task in (*TASKS, "pred") if f"{task}/rank" in found]


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """The result in the profile's own shape."""
    if settings.profile.name == "tng":
        return {task: _our_metrics(task, found, settings) for task in tasks_of(found)}
    return _tvr_metrics(found, settings)


def percent(hits: int, count: int) -> float:
    """Percent with two decimals by rounding A: scale, round half to even, unscale."""
    return float(np.rint(100.0 * (hits / count) * 100.0) / 100.0)


def _tvr_metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for task in tasks_of(found):
        ranks = found[f"{task}/rank"]
        result[task] = {
            key: percent(int((ranks[:, t] <= k).sum()), len(ranks))
            for key, t, k in _recall_keys(task, settings)
        }
    if "type" not in found:
        return result
    kinds = found["type"]
    ratio = " ".join(f"{kind} {percent(int((kinds == kind).sum()), len(kinds))}" for kind in TYPES)
    empty = float("nan") if settings.compat else None
    for task in tasks_of(found):
        block: dict[str, Any] = {}
        for kind in TYPES:
            ranks = found[f"{task}/rank"][kinds == kind]
            for key, t, k in _recall_keys(task, settings):
                hits = int((ranks[:, t] <= k).sum())
                block[f"{kind}-{key}"] = percent(hits, len(ranks)) if len(ranks) else empty
        block["desc_type_ratio"] = ratio
        result[f"{task}_by_type"] = block
    return result


def _recall_keys(task: str, settings: Settings) -> list[tuple[str, int, int]]:
    """(key, place of the threshold, K) in the order of the published file."""
    if task == "VR":
        return [(f"r{k}", 0, k) for k in settings.topk]
    return [(f"{iou}-r{k}", t, k) for t, iou in enumerate(settings.iou) for k in settings.topk]


def _our_metrics(task: str, found: Tables, settings: Settings) -> dict[str, float | None]:
    result: dict[str, float | None] = {
        key: float(value.mean()) for key, value in _our_samples(task, found, settings)
    }
    ranks = found[f"{task}/rank"]
    for t in range(ranks.shape[1]):
        tail = "" if task == "VR" else f",IoU={settings.iou[t]}"
        here = ranks[:, t]
        hit = np.isfinite(here)
        median = float(np.median(here))
        result[f"MedR{tail}"] = median if np.isfinite(median) else None
        result[f"MeanR{tail}"] = float(here[hit].mean()) if hit.any() else None
        result[f"found{tail}"] = float(hit.mean())
    return result


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query values (N,) whose mean is the metric, by ``TASK/key``; NaN where a query does not count."""
    result: dict[str, np.ndarray] = {}
    for task in tasks_of(found):
        if settings.profile.name == "tng":
            result.update({f"{task}/{key}": value for key, value in _our_samples(task, found, settings)})
            continue
        ranks = found[f"{task}/rank"]
        for key, t, k in _recall_keys(task, settings):
            result[f"{task}/{key}"] = (ranks[:, t] <= k).astype(np.float64)
    return result


def _our_samples(task: str, found: Tables, settings: Settings) -> Any:
    ranks = found[f"{task}/rank"]
    if task == "VR":
        for k in settings.topk:
            yield f"R@{k}", (ranks[:, 0] <= k).astype(np.float64)
        yield "MRR", 1 / ranks[:, 0]
        return
    for number, k in enumerate(settings.topk):
        for t, iou in enumerate(settings.iou):
            yield f"R@{k},IoU={iou}", (ranks[:, t] <= k).astype(np.float64)
        yield f"mIoU@{k}", found[f"{task}/best"][:, number]
        if f"{task}/near" in found:
            for t, iou in enumerate(settings.iou):
                yield f"dR@{k},IoU={iou}", found[f"{task}/near"][:, t, number]
    for t, iou in enumerate(settings.iou):
        yield f"MRR,IoU={iou}", 1 / ranks[:, t]
    for t, iou in enumerate(settings.iou):
        yield f"AP,IoU={iou}", found[f"{task}/ap"][:, t]


def reproduce(
    submission: Submission, gt: GroundTruth, settings: Settings, findings: Findings
) -> tuple[Submission, GroundTruth]:
    """What TVRetrieval does to repeated queries: the last entry of an id wins, in both files."""
    tasks = {task: rows.take(last_of_each(rows.query)) for task, rows in submission.tasks.items()}
    return replace(submission, tasks=tasks), gt.take(last_of_each(gt.query))


def last_of_each(ids: np.ndarray) -> np.ndarray:
    """Places of the last occurrence of every id, in file order."""
    _, reverse_place = np.unique(ids[::-1], return_index=True)
    return np.sort(len(ids) - 1 - reverse_place)
