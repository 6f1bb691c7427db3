"""Two submissions on the same queries: differences, intervals, significance, and which queries moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .evaluator import Result
from .issues import EvalInputError, Issue, first_few
from .stats import holm, mcnemar, resampled_means, sign_flip, sorted_places

NO_RANK = 1000  # stands for "no right row" when moves are measured


@dataclass(frozen=True)
class Compared:
    """One metric of two submissions, as fractions; p before and after Holm's correction."""

    a: float
    b: float
    difference: float  # a - b
    low: float
    high: float
    p: float
    p_holm: float
    won: list[Any]
    lost: list[Any]
    both: int
    neither: int


@dataclass(frozen=True)
class Comparison:
    """Two submissions on the same queries; ``changes`` are the largest moves of first-hit rank."""

    metrics: dict[str, Compared]
    changes: list[dict[str, Any]]


def compare(
    result_a: Result, result_b: Result, metrics: Sequence[str] | None = None, seed: int = 0, n: int = 2000
) -> Comparison:
    """Compares two submissions query by query.

    0/1 metrics are tested with McNemar's exact test, the others with 10,000 sign flips; Holm's correction
    runs over all metrics compared.  ``compare(b, a)`` is the mirror image.

    Args:
        result_a: of ``evaluate``.
        result_b: on the same queries with the same settings.
        metrics: keys of ``samples``; all that both have by default.
        seed: of the resamples and flips.
        n: resamples of the interval of the difference.

    Raises:
        EvalInputError: E020 or E021 when the queries differ.
        ValueError: a metric that one of them lacks.
    """
    place_a, place_b = _same_queries(result_a, result_b)
    shared = [name for name in result_a.samples if name in result_b.samples]
    names = list(metrics) if metrics is not None else shared
    if unknown := [name for name in names if name not in shared]:
        raise ValueError(f"no metric {', '.join(unknown)} in both results; known: {', '.join(shared)}")
    names = [name for name in names if not np.isnan(result_a.samples[name]).all()]
    a = np.stack([result_a.samples[name][place_a] for name in names], axis=1)
    b = np.stack([result_b.samples[name][place_b] for name in names], axis=1)
    means = resampled_means(a - b, np.arange(len(a)), n, seed)
    low, high = np.nanquantile(means, [0.025, 0.975], axis=0)
    queries = result_a.query[place_a]
    p_values = [_p_value(a[:, at], b[:, at], seed) for at in range(len(names))]
    found = {}
    for at, (name, corrected) in enumerate(zip(names, holm(p_values), strict=True)):
        difference = float(np.nanmean(a[:, at]) - np.nanmean(b[:, at]))
        ends = (min(float(low[at]), difference), max(float(high[at]), difference))
        found[name] = _compared(a[:, at], b[:, at], queries, ends, (p_values[at], corrected))
    return Comparison(found, _changes(result_a, result_b, place_a, place_b))


def _same_queries(a: Result, b: Result) -> tuple[np.ndarray, np.ndarray]:
    """Places of the queries sorted by id in both results."""
    only_a, only_b = np.setdiff1d(a.query, b.query), np.setdiff1d(b.query, a.query)
    issues = []
    if len(only_b):
        issues.append(Issue("E020", f"B answers queries that A does not: {first_few(only_b.tolist())}"))
    if len(only_a):
        issues.append(Issue("E021", f"A answers queries that B does not: {first_few(only_a.tolist())}"))
    if issues:
        raise EvalInputError(issues)
    return sorted_places(a), sorted_places(b)


def _p_value(a: np.ndarray, b: np.ndarray, seed: int) -> float:
    counted = ~(np.isnan(a) | np.isnan(b))
    a, b = a[counted], b[counted]
    if np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all():
        return mcnemar(int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum()))
    return sign_flip(a - b, seed)


def _compared(
    a: np.ndarray, b: np.ndarray, queries: np.ndarray, ends: tuple[float, float], p: tuple[float, float]
) -> Compared:
    value_a, value_b = float(np.nanmean(a)), float(np.nanmean(b))
    won, lost = queries[a > b].tolist(), queries[a < b].tolist()
    same = a == b
    return Compared(
        value_a, value_b, value_a - value_b, *ends, *p, won, lost,
        int((same & (a > 0)).sum()), int((same & (a == 0)).sum()),
    )  # fmt: skip


def _changes(a: Result, b: Result, place_a: np.ndarray, place_b: np.ndarray) -> list[dict[str, Any]]:
    """The 20 largest changes of first-hit rank over all rank tables; no hit counts as rank 1000."""
    found = []
    for name in [name for name in a.tables if name.endswith("rank") and name in b.tables]:
        old, new = a.tables[name][place_a], b.tables[name][place_b]
        for column in range(old.shape[1]):
            first, second = old[:, column], new[:, column]
            size = np.abs(np.log(np.minimum(first, NO_RANK)) - np.log(np.minimum(second, NO_RANK)))
            largest = [at for at in np.argsort(-size, kind="stable")[:20] if size[at] > 0]
            found += [
                (
                    float(size[at]),
                    name,
                    column,
                    a.query[place_a[at]].item(),
                    _rank(first[at]),
                    _rank(second[at]),
                )
                for at in largest
            ]
    found.sort(key=lambda item: (-item[0], item[1], item[2], str(item[3])))
    return [
        {"table": name, "iou": _threshold(a, column), "query": query, "rank_a": first, "rank_b": second}
        for _, name, column, query, first, second in found[:20]
    ]


def _rank(rank: float) -> int | None:
    return None if np.isinf(rank) else int(rank)


def _threshold(result: Result, column: int) -> float | None:
    return result.settings.iou[column] if column < len(result.settings.iou) else None
