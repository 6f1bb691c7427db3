"""Why queries fail: every query falls in exactly one class, for a chosen K and IoU threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .iou import TOLERANCE, Judge, overlap
from .matching import Listing, Pairing, blocks, first_ranks
from .score_corpus import by_score, listing_of

if TYPE_CHECKING:
    from .evaluator import Result

CLASSES = ("hit", "ranked_low", "boundary", "wrong_moment", "video_ranked_low", "video_missed")
BOUNDARIES = ("too_long", "too_short", "early", "late")
NEAR = 0.1  # IoU from which a miss is a matter of boundaries
LONG, SHORT = 1.25, 0.8
DUPLICATE = 0.9
JUDGE = Judge(tolerance=TOLERANCE)


@dataclass
class Nearest:
    """The row of the right video with the highest IoU within K, for every query."""

    iou: np.ndarray  # (N,) 0 when there is none
    row: np.ndarray  # (N,) place in the submission's columns, -1 when there is none
    window: np.ndarray  # (N,) place of the gt window it meets best
    hit_rank: np.ndarray  # (N,) rank of the first right row anywhere, inf when none
    video_rank: np.ndarray  # (N,) rank of the first row of the right video, inf when none


def moment_tasks(result: Result) -> list[str]:
    """Tasks with moments whose errors can be told apart."""
    if not isinstance(result.submission, Submission) or not isinstance(result.gt, GroundTruth):
        return []
    if result.gt.relevance is not None:
        return []
    chosen = result.settings.tasks
    tasks = [
        task for task, rows in result.submission.tasks.items() if task != "VR" and rows.window is not None
    ]
    return [task for task in tasks if not chosen or task in chosen]


def task_rows(result: Result, task: str) -> tuple[Rows, Pairing, Listing]:
    """The ranked rows of a task, joined with the ground truth."""
    rows = result.submission.tasks[task]
    if task == "pred" and rows.score is not None:
        rows = by_score(rows)
    return rows, Pairing.of(rows, result.gt), listing_of(task, result.submission, result.gt, result.settings)


def nearest(result: Result, task: str, within: int, threshold: float) -> Nearest:
    """Best rows within K and first ranks, by the canonical IoU."""
    gt = result.gt
    rows, pairing, listing = task_rows(result, task)
    count = len(gt)
    found = Nearest(
        np.full(count, -1.0), np.full(count, -1), np.zeros(count, dtype=np.int64),
        np.full(count, np.inf), np.full(count, np.inf),
    )  # fmt: skip
    for block in blocks(rows, gt, pairing, listing, JUDGE, (threshold,)):
        first_ranks(found.video_rank, block)
        first_ranks(found.hit_rank, block, block.hit[0])
        near = np.flatnonzero(block.rank <= within)
        order = near[np.lexsort((block.rank[near], -block.iou[near], block.query[near]))]
        fresh = np.r_[True, np.diff(block.query[order]) != 0] if len(order) else np.zeros(0, dtype=bool)
        best = order[fresh]
        found.iou[block.query[best]], found.row[block.query[best]] = block.iou[best], block.row[best]
    found.iou = np.maximum(found.iou, 0.0)
    found.window = _best_windows(rows, gt, found.row)
    return found


def _best_windows(rows: Rows, gt: GroundTruth, row: np.ndarray) -> np.ndarray:
    """(N,) gt window that each query's chosen row meets best, the first on ties."""
    query = np.repeat(np.arange(len(gt)), gt.num_windows)
    assert rows.window is not None
    mine = rows.window[np.maximum(row, 0)][query] if len(rows.window) else np.zeros((len(query), 2))
    iou = overlap(mine[:, 0], mine[:, 1], gt.window[:, 0], gt.window[:, 1])
    order = np.lexsort((np.arange(len(query)), -iou, query))
    return order[gt.offset[:-1]]


def classify(found: Nearest, within: int) -> np.ndarray:
    """(N,) place in CLASSES of every query."""
    video_near = found.video_rank <= within
    conditions = [
        found.hit_rank <= within,
        np.isfinite(found.hit_rank),
        video_near & (found.iou >= NEAR),
        video_near,
        np.isfinite(found.video_rank),
    ]
    return np.select(conditions, range(len(conditions)), default=len(conditions))


def boundary_kinds(result: Result, task: str, found: Nearest) -> np.ndarray:
    """(N,) place in BOUNDARIES, from the best row and its gt window (meaningful for class ``boundary``)."""
    rows, _, _ = task_rows(result, task)
    row = rows.window[np.maximum(found.row, 0)] if len(rows.window) else np.zeros((len(found.row), 2))
    truth = result.gt.window[found.window]
    length, wanted = row[:, 1] - row[:, 0], truth[:, 1] - truth[:, 0]
    shift = row.sum(axis=1) - truth.sum(axis=1)
    return np.select([length > LONG * wanted, length < SHORT * wanted, shift < 0], [0, 1, 2], default=3)


def errors(result: Result, task: str, within: int, threshold: float) -> dict[str, Any]:
    """Counts and shares of the classes; the shares sum to 1."""
    found = nearest(result, task, within, threshold)
    kind = classify(found, within)
    boundary = boundary_kinds(result, task, found)[kind == CLASSES.index("boundary")]
    total = max(1, len(kind))
    counts = {name: int((kind == number).sum()) for number, name in enumerate(CLASSES)}
    return {
        "counts": counts,
        "shares": {name: count / total for name, count in counts.items()},
        "boundary": {name: int((boundary == number).sum()) for number, name in enumerate(BOUNDARIES)},
    }


def duplicate_share(rows: Rows, limit: int) -> float:
    """Share of the first ``limit`` rows of each list that repeat a better row: same video, IoU above 0.9."""
    entry = np.repeat(np.arange(len(rows)), rows.lengths)
    rank = np.arange(len(entry)) - np.repeat(rows.offset[:-1], rows.lengths)
    use = np.flatnonzero(rank < limit)
    if rows.window is None or not len(use):
        return 0.0
    video = np.zeros(len(use), dtype=np.int64) if rows.video is None else rows.video[use]
    start, end = rows.window[use, 0], rows.window[use, 1]
    order = np.lexsort((start, video, entry[use]))
    entry, video, rank, start, end = (column[order] for column in (entry[use], video, rank[use], start, end))
    duplicate = np.zeros(len(use), dtype=bool)
    first, step = np.arange(len(use) - 1), 1
    reach = (1 / DUPLICATE - 1) * (end - start) + 1e-9  # starts farther apart cannot overlap that much
    while len(first):
        first = first[first + step < len(use)]
        other = first + step
        near = (entry[other] == entry[first]) & (video[other] == video[first])
        near &= start[other] - start[first] <= reach[first]
        first, other = first[near], other[near]
        same = overlap(start[first], end[first], start[other], end[other]) > DUPLICATE
        worse = np.where(rank[first] > rank[other], first, other)
        duplicate[worse[same]] = True
        step += 1
    return float(duplicate.mean())
