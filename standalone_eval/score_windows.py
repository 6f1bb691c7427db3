"""Coarse stages that rank windows of fixed length: CONE's window selection, and shots of a fixed length."""

from __future__ import annotations

from typing import Any

import numpy as np

from .format_arrays import RankedWindows
from .profiles import Settings
from .score_localization import percent

Tables = dict[str, np.ndarray]


def tables(submission: RankedWindows, settings: Settings) -> Tables:
    """``rank`` (Q, 1) of the first right window; with ``shot`` also ``covered`` (Q, K), of the gt."""
    options = settings.options
    owner = np.repeat(np.arange(len(submission.query)), np.diff(submission.offset))
    truth, window = submission.truth[owner], submission.window
    rank = np.arange(len(owner)) - np.repeat(submission.offset[:-1], np.diff(submission.offset)) + 1
    if options["shot"]:
        begin, end = window * options["shot"], (window + 1) * options["shot"]
        right = (begin < truth[:, 1]) & (end > truth[:, 0])
    else:
        right = _right_windows(window, truth / options["clip_length"], options)
    found = {"rank": np.full((len(submission.query), 1), np.inf)}
    first = np.flatnonzero(right)[::-1]  # the earliest is written last
    found["rank"][owner[first], 0] = rank[first]
    if options["shot"]:
        found["covered"] = _covered(submission, owner, rank, settings)
    return found


def _right_windows(window: np.ndarray, span: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """Whether each window number is right for its gt span in clips."""
    slide = int(options["window_length"] / 2)
    if options["exact_windows"]:
        begin = window * slide
        return (begin < span[:, 1]) & (begin + options["window_length"] > span[:, 0])
    low, high = np.floor(span[:, 0] / slide), np.ceil(span[:, 1] / slide)
    return (window >= low) & (window <= high)  # as published: one window too many on the right


def _covered(
    submission: RankedWindows, owner: np.ndarray, rank: np.ndarray, settings: Settings
) -> np.ndarray:
    """(Q, K) share of the gt inside the first K shots, each shot once; a point counts as a whole."""
    shot = settings.options["shot"]
    order = np.lexsort((rank, submission.window, owner))
    again = (np.diff(owner[order]) == 0) & (np.diff(submission.window[order]) == 0)
    fresh = np.ones(len(owner), dtype=bool)
    fresh[order[1:][again]] = False
    start, end = submission.truth[owner, 0], submission.truth[owner, 1]
    begin, stop = submission.window * shot, (submission.window + 1) * shot
    length = end - start
    inside = np.clip(np.minimum(end, stop) - np.maximum(start, begin), 0, None)
    point = (start >= begin) & (start < stop)
    share = np.where(length > 0, inside / np.where(length > 0, length, 1), point)
    covered = np.zeros((len(submission.query), len(settings.topk)))
    for number, k in enumerate(settings.topk):
        use = fresh & (rank <= k)
        np.add.at(covered[:, number], owner[use], share[use])
    return np.minimum(covered, 1.0)


def count(found: Tables) -> int:
    """Queries."""
    return len(found["rank"])


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query values by ``R@K`` and ``covered@K``."""
    result = {f"R@{k}": (found["rank"][:, 0] <= k).astype(np.float64) for k in settings.topk}
    if "covered" in found:
        for number, k in enumerate(settings.topk):
            result[f"covered@{k}"] = found["covered"][:, number]
    return result


def fractions(found: Tables, settings: Settings) -> dict[str, float]:
    """The metrics as single-precision fractions."""
    result = {}
    for key, values in samples(found, settings).items():
        exact = key.startswith("covered")
        result[key] = (
            float(values.mean()) if exact else float(np.float32(values.sum()) / np.float32(len(values)))
        )
    return result


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Percent by rounding C."""
    return {key: percent(np.float32(value), np.float32) for key, value in fractions(found, settings).items()}
