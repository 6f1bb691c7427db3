"""One pass over the rows: which query they answer, whether their video is right, how well they overlap.

Everything the metrics need is small and per query: the rank of the first right row for every threshold,
the best IoU within K rows.  Rows are visited in blocks of bounded size, never one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows
from .iou import Judge

BLOCK = 1 << 16  # rows judged at once: their columns fit into the processor's cache


@dataclass
class Block:
    """Rows of the right video, in order of query and rank."""

    query: np.ndarray  # (R,) place in the gt
    rank: np.ndarray  # (R,) from 1, in the task's own list
    row: np.ndarray  # (R,) place in the submission's columns
    iou: Any  # (R,) best with any gt window; None when times are ignored
    hit: list[np.ndarray]  # per threshold, (R,) bool


@dataclass(frozen=True)
class Pairing:
    """Which entry of the rows answers which gt query."""

    owner: np.ndarray  # (Q,) place in the gt of every entry, -1 when it has none
    count: int  # N, queries of the gt

    @classmethod
    def of(cls, rows: Rows, gt: GroundTruth) -> Pairing:
        """Joins by id; unknown and missing queries stay unjoined (``validate`` reports them)."""
        if not len(gt) or not len(rows) or rows.query.dtype.kind != gt.query.dtype.kind:
            return cls(np.full(len(rows), -1), len(gt))
        order = np.argsort(gt.query, kind="stable")
        found = np.searchsorted(gt.query, rows.query, sorter=order)
        candidate = order[np.minimum(found, len(gt) - 1)]
        return cls(np.where(gt.query[candidate] == rows.query, candidate, -1), len(gt))


def is_member(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Whether each value is among the sorted ``known`` ones; by table when they are dense, which is fast."""
    low, high = int(known[0]), int(known[-1])
    if 0 <= high - low < 1 << 24:
        table = np.zeros(high - low + 1, dtype=bool)
        table[known - low] = True
        inside = (values >= low) & (values <= high)
        return table[np.where(inside, values - low, 0)] & inside
    return known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values


def own_index(gt: GroundTruth, names: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """(N,) video index of each query's own video, -1 - 2**62 when its name has none."""
    if gt.video is None:
        raise ValueError("the ground truth names no videos, which corpus tasks need")
    unknown = -1 - 2**62
    if not len(names):
        return np.full(len(gt), unknown)
    order = np.argsort(names, kind="stable")
    found = order[np.minimum(np.searchsorted(names, gt.video, sorter=order), len(names) - 1)]
    return np.where(names[found] == gt.video, indices[found], unknown)


@dataclass(frozen=True)
class Listing:
    """How a task reads the ranked list of a query."""

    cut: int  # rows looked at, counted before any filter
    own_video: np.ndarray | None = None  # (N,) right video index; None: every row is of the right video
    rerank: bool = False  # SVMR: rows of the right video get ranks 1, 2, ...
    single_index: bool = False  # compare video indices in float32, as TVRetrieval does


def blocks(
    rows: Rows,
    gt: GroundTruth,
    pairing: Pairing,
    listing: Listing,
    judge: Judge | None,
    thresholds: Sequence[float],
) -> Iterator[Block]:
    """Judged rows of the right video, block by block; ``judge`` None ignores times (VR)."""
    start = 0
    while start < len(rows):
        reach = np.searchsorted(rows.offset, rows.offset[start] + BLOCK, side="right") - 1
        end = min(len(rows), max(start + 1, int(reach)))
        yield _judge_entries(rows, gt, pairing.owner[start:end], (start, end), listing, judge, thresholds)
        start = end


def _judge_entries(
    rows: Rows, gt: GroundTruth, owner: np.ndarray, entries: tuple[int, int], listing: Listing,
    judge: Judge | None, thresholds: Sequence[float],
) -> Block:  # fmt: skip
    offset = rows.offset[entries[0] : entries[1] + 1]
    first, last = int(offset[0]), int(offset[-1])
    lengths = np.diff(offset)
    local = np.repeat(np.arange(len(owner)), lengths)  # (r,) entry of each row
    rank = np.arange(1, last - first + 1) - np.repeat(offset[:-1] - first, lengths)
    keep = None
    if len(lengths) and lengths.max() > listing.cut:
        keep = rank <= listing.cut
    if (owner < 0).any():
        known = (owner >= 0)[local]
        keep = known if keep is None else keep & known
    if listing.own_video is not None and rows.video is not None:
        right = _same_video(rows.video[first:last], listing.own_video[owner][local], listing.single_index)
        keep = right if keep is None else keep & right
    row: np.ndarray | slice = slice(first, last)
    if keep is not None and not keep.all():
        picked = np.flatnonzero(keep)
        local, rank, row = local[picked], rank[picked], picked + first
        if listing.rerank:
            begin = np.searchsorted(local, np.arange(len(owner)))
            rank = np.arange(1, len(local) + 1) - begin[local]
    query = owner[local]
    place = np.arange(first, last) if isinstance(row, slice) else row
    if judge is None:
        return Block(query, rank, place, None, [])
    if rows.window is None:
        raise ValueError("the rows have no windows, which this task needs")
    iou, hit = _judge_windows(rows.window[row], gt, query, judge, thresholds)
    return Block(query, rank, place, iou, hit)


def _same_video(video: np.ndarray, own: np.ndarray, single: bool) -> np.ndarray:
    if single:
        return video.astype(np.float32) == own.astype(np.float32)
    return video == own


def _judge_windows(
    window: np.ndarray, gt: GroundTruth, query: np.ndarray, judge: Judge, thresholds: Sequence[float]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Best IoU with any window of the query, and hits per threshold."""
    start = gt.offset[:-1][query]
    best = judge.iou(window, gt.window[start])
    several = gt.num_windows[query]
    most = int(several.max()) if len(several) else 1
    if most <= 1:
        return best, [judge.hits(best, threshold) for threshold in thresholds]
    count = [judge.hits(best, threshold).astype(np.int16) for threshold in thresholds]
    for number in range(1, most):
        more = np.flatnonzero(several > number)
        iou = judge.iou(window[more], gt.window[start[more] + number])
        best[more] = np.fmax(best[more], iou)
        for total, threshold in zip(count, thresholds, strict=True):
            total[more] += judge.hits(iou, threshold)
    needed = np.where(several > 1, judge.agree, 1)
    return best, [total >= needed for total in count]


def first_ranks(target: np.ndarray, block: Block, right: np.ndarray | None = None) -> None:
    """Writes into target (N,) the rank of the first right row of each query of the block."""
    at = np.arange(len(block.query)) if right is None else np.flatnonzero(right)
    if not len(at):
        return
    query = block.query[at]
    fresh = np.empty(len(at), dtype=bool)
    fresh[0] = True
    np.not_equal(query[1:], query[:-1], out=fresh[1:])
    target[query[fresh]] = block.rank[at[fresh]]


def segment_max(target: np.ndarray, query: np.ndarray, value: np.ndarray) -> None:
    """Raises target (N,) to the largest value of each query; equal queries stand together."""
    if not len(query):
        return
    fresh = np.flatnonzero(np.r_[True, query[1:] != query[:-1]])
    target[query[fresh]] = np.fmax(target[query[fresh]], np.maximum.reduceat(value, fresh))


def rank_table(
    rows: Rows, gt: GroundTruth, pairing: Pairing, listing: Listing, judge: Judge | None,
    thresholds: Sequence[float], topk: Sequence[int] = (),
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The two tables of a task.

    Returns:
        (N, T) rank of the first right row, inf when there is none (T = 1 without times), and
        (N, K) best IoU of a row of the right video within the first K.
    """
    ranks = np.full((len(gt), len(thresholds) if judge else 1), np.inf)
    best = np.zeros((len(gt), len(topk)))
    for block in blocks(rows, gt, pairing, listing, judge, thresholds):
        if block.iou is None:
            first_ranks(ranks[:, 0], block)
            continue
        for number, hit in enumerate(block.hit):
            first_ranks(ranks[:, number], block, hit)
        for number, within in enumerate(topk):
            near = block.rank <= within
            segment_max(best[:, number], block.query[near], block.iou[near])
    return ranks, best
