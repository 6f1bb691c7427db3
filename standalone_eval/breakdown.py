"""Groups of queries: by type, length, position, film and so on, with every metric per group.

The mean of a breakdown's values, weighted by the group sizes, is the overall value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .columns import GroundTruth
from .evaluator import Result

SMALL = 20  # groups below are flagged
LENGTH_EDGES = (0, 5, 10, 20, 30, 60)
RELATIVE_EDGES = (0, 0.02, 0.05, 0.1, 0.2, 0.5)
WORD_EDGES = (0, 6, 11, 16, 21)
CHARACTER_EDGES = (0, 11, 21, 31, 41)
SIBLING_EDGES = (1, 2, 6, 11, 21)
FIFTHS = 5
UNKNOWN = "unknown"

Labels = list[str]


def breakdown(result: Result, name: str) -> dict[str, dict[str, Any]]:
    """Every metric in every group of one breakdown.

    Args:
        result: of ``evaluate`` with its ground truth at hand.
        name: type, length, quantiles, relative, position, video, movie, words, windows or siblings.

    Returns:
        Group -> ``n``, ``small`` (fewer than 20 queries) and ``metrics`` (key -> fraction or None).

    Raises:
        ValueError: an unknown breakdown, or one that the ground truth has no field for.
    """
    labels, index = groups_of(result, name)
    found: dict[str, dict[str, Any]] = {}
    for number, label in enumerate(labels):
        members = np.flatnonzero(index == number)
        if not len(members):
            continue
        values = {key: mean_of(sample[members]) for key, sample in result.samples.items()}
        found[label] = {"n": len(members), "small": len(members) < SMALL, "metrics": values}
    return found


def mean_of(values: np.ndarray) -> float | None:
    """Mean of the values that count, None when none does."""
    counted = values[~np.isnan(values)]
    return float(counted.mean()) if len(counted) else None


def groups_of(result: Result, name: str) -> tuple[Labels, np.ndarray]:
    """Labels of the groups, and (N,) the group of every query; errors as for :func:`breakdown`."""
    gt = result.gt
    if not isinstance(gt, GroundTruth) or len(gt) != len(result.query):
        raise ValueError("breakdowns need the ground truth that was evaluated")
    if name not in GROUPERS:
        raise ValueError(f"unknown breakdown {name!r}; known: {', '.join(GROUPERS)}")
    return GROUPERS[name](gt)


def _by_text(field: str) -> Callable[[GroundTruth], tuple[Labels, np.ndarray]]:
    def group(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
        column = getattr(gt, field)
        if column is None or not (column != "").any():
            raise ValueError(f"breakdown by {field}: the ground truth has no {field}")
        labels, index = np.unique(np.where(column == "", UNKNOWN, column), return_inverse=True)
        return labels.tolist(), index

    return group


def by_edges(values: np.ndarray, edges: Sequence[float], unit: str = "") -> tuple[Labels, np.ndarray]:
    """Groups [edge, next edge) of values; the last is open, values that are NaN are ``unknown``."""
    index = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="right") - 1
    index = np.where(np.isnan(values), len(edges), np.maximum(index, 0))
    labels = [f"{low:g} to {high:g}{unit}" for low, high in pairwise(edges)]
    return [*labels, f"from {edges[-1]:g}{unit}", UNKNOWN], index


def by_counts(values: np.ndarray, edges: Sequence[int], unit: str) -> tuple[Labels, np.ndarray]:
    """Groups of whole numbers, with both ends named."""
    labels = []
    for low, high in pairwise(edges):
        labels.append(f"{low} {unit}" if high == low + 1 else f"{low}-{high - 1} {unit}")
    index = np.searchsorted(np.asarray(edges), values, side="right") - 1
    return [*labels, f"{edges[-1]}+ {unit}"], np.maximum(index, 0)


def _by_length(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    return by_edges(gt.length, LENGTH_EDGES, " s")


def _by_quantiles(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    edges = np.unique(np.quantile(gt.length, np.linspace(0, 1, FIFTHS + 1)))[:-1]
    return by_edges(gt.length, edges.tolist() or [0.0], " s")


def _durations(gt: GroundTruth, name: str) -> np.ndarray:
    if gt.duration is None or np.isnan(gt.duration).all():
        raise ValueError(f"breakdown by {name}: the ground truth has no duration")
    return np.where(gt.duration > 0, gt.duration, np.nan)


def _by_relative_length(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    return by_edges(gt.length / _durations(gt, "relative"), RELATIVE_EDGES)


def _by_position(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    centre = gt.window[gt.offset[:-1]].mean(axis=1) / _durations(gt, "position")
    fifth = np.clip(np.floor(np.nan_to_num(centre) * FIFTHS), 0, FIFTHS - 1).astype(np.int64)
    labels = [f"fifth {number + 1}" for number in range(FIFTHS)]
    return [*labels, UNKNOWN], np.where(np.isnan(centre), FIFTHS, fifth)


def holds_cjk(text: str) -> bool:
    """Whether a text holds Chinese, Japanese or Korean characters."""
    return any(
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uac00" <= character <= "\ud7a3"
        for character in text
    )


def _by_words(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    """Words split at white space; characters where the text holds CJK."""
    if gt.text is None or not (gt.text != "").any():
        raise ValueError("breakdown by words: the ground truth has no query text")
    texts = gt.text.tolist()
    cjk = np.array([holds_cjk(text) for text in texts])
    counts = [
        len("".join(text.split())) if long else len(text.split())
        for text, long in zip(texts, cjk, strict=True)
    ]
    words, word_index = by_counts(np.array(counts), WORD_EDGES, "words")
    characters, character_index = by_counts(np.array(counts), CHARACTER_EDGES, "characters")
    return [*words, *characters], np.where(cjk, character_index + len(words), word_index)


def _by_windows(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    counts, index = np.unique(gt.num_windows, return_inverse=True)
    return [f"{count} windows" if count != 1 else "1 window" for count in counts.tolist()], index


def _by_siblings(gt: GroundTruth) -> tuple[Labels, np.ndarray]:
    if gt.video is None:
        raise ValueError("breakdown by siblings: the ground truth names no videos")
    _, index, counts = np.unique(gt.video, return_inverse=True, return_counts=True)
    return by_counts(counts[index], SIBLING_EDGES, "queries")


GROUPERS: dict[str, Callable[[GroundTruth], tuple[Labels, np.ndarray]]] = {
    "type": _by_text("type"),
    "length": _by_length,
    "quantiles": _by_quantiles,
    "relative": _by_relative_length,
    "position": _by_position,
    "video": _by_text("video"),
    "movie": _by_text("movie"),
    "words": _by_words,
    "windows": _by_windows,
    "siblings": _by_siblings,
}
