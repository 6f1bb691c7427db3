"""Highlight detection of QVHighlights: hit of the best clip, and average precision with ties as one cut.

The three raters' scores fill a grid of int(duration / 2) clips, 0 elsewhere.  Predictions are cut to the
grid, or padded with 0.0 (as published, not with minus infinity).
"""

from __future__ import annotations

import numpy as np

from .columns import GroundTruth, Saliency

MINIMA = {"Fair": 2, "Good": 3, "VeryGood": 4}
CLIP = 2
RATERS = 3


def highlight_tables(predicted: Saliency, gt: GroundTruth) -> dict[str, np.ndarray]:
    """Per minimum score: ``hl/NAME/ap`` (N, 3), one per rater, and ``hl/NAME/hit`` (N,)."""
    assert gt.saliency is not None and gt.duration is not None
    clips = (gt.duration / CLIP).astype(np.int64)  # (N,)
    width = int(clips.max()) if len(clips) else 0
    grid = np.zeros((len(gt), width, RATERS), dtype=np.int64)
    query = np.repeat(np.arange(len(gt)), np.diff(gt.saliency.offset))
    grid[query, gt.saliency.clip] = gt.saliency.value
    scores, best = _scores(predicted, gt, width)
    inside = np.arange(width) < clips[:, None]  # (N, C)
    order = np.argsort(-np.where(inside, scores, -np.inf), axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    cut = np.ones_like(inside)  # last place of its score
    cut[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    places = np.arange(width)
    cut = (cut | (places == clips[:, None] - 1)) & (places < clips[:, None])
    rated = np.take_along_axis(grid, order[:, :, None], axis=1)  # (N, C, 3)
    found = {}
    for name, minimum in MINIMA.items():
        found[f"hl/{name}/ap"] = _precision(rated >= minimum, cut, clips)
        hit = np.zeros(len(gt))
        reachable = np.flatnonzero(best < clips)
        hit[reachable] = (grid[reachable, best[reachable]] >= minimum).any(axis=1)
        found[f"hl/{name}/hit"] = hit
    return found


def _scores(predicted: Saliency, gt: GroundTruth, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, width) scores, 0.0 where none is given, and (N,) the clip of the list's first maximum."""
    order = np.argsort(gt.query, kind="stable")
    owner = order[np.searchsorted(gt.query, predicted.query, sorter=order)]
    entry = np.full(len(gt), -1)
    entry[owner] = np.arange(len(owner))  # of repeated queries the last
    scores, best = np.zeros((len(gt), width)), np.full(len(gt), np.iinfo(np.int64).max)
    lengths = np.diff(predicted.offset)
    some = np.flatnonzero(entry >= 0)
    longest = int(lengths.max()) if len(lengths) else 0
    column = np.arange(longest)
    there = column < lengths[entry[some], None]  # (n, longest)
    full = np.full(there.shape, -np.inf)
    full[there] = predicted.value[(predicted.offset[:-1][entry[some]][:, None] + column)[there]]
    best[some] = full.argmax(axis=1)
    shared = min(width, longest)
    scores[some, :shared] = np.where(there[:, :shared], full[:, :shared], 0.0)
    return scores, best


def _precision(right: np.ndarray, cut: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """(N, 3) unweighted mean of the interpolated precision over the cuts where recall rises.

    Args:
        right: (N, C, 3) whether the clip of this rank is a highlight for the rater.
        cut: (N, C) whether the set of clips up to here holds all of equal score.
        clips: (N,) real clips.
    """
    inside = (np.arange(right.shape[1]) < clips[:, None])[:, :, None]
    hits = (right & inside).cumsum(axis=1)  # (N, C, 3)
    precision = np.where(cut[:, :, None], hits / np.arange(1, right.shape[1] + 1)[:, None], 0.0)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    at_cut = np.where(cut[:, :, None], hits, 0)
    before = np.zeros_like(at_cut)
    before[:, 1:] = np.maximum.accumulate(at_cut, axis=1)[:, :-1]
    rises = cut[:, :, None] & (at_cut > before)
    count = rises.sum(axis=1)
    average = np.where(rises, precision, 0.0).sum(axis=1) / np.maximum(count, 1)
    total = hits[:, -1] if right.shape[1] else np.zeros((len(right), RATERS), dtype=np.int64)
    return np.where(total == clips[:, None], 1.0, np.where(total == 0, 0.0, average))
