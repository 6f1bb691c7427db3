"""Uncertainty: bootstrap and Wilson intervals, exact McNemar and sign-flip tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log, sqrt
from typing import Any

import numpy as np

from .evaluator import Result
from .issues import EvalInputError, Issue, first_few

CHUNK = 1 << 21  # drawn numbers held at once, less than 64 MiB with what is made of them
FLIPS = 10_000
Z95 = 1.959963984540054
FEW_CLUSTERS = 10


def wilson(hits: float, count: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        hits: successes.
        count: trials, at least 1.
        z: normal quantile; 95 % by default.

    Returns:
        (low, high) in [0, 1].
    """
    share, square = hits / count, z * z / count
    middle = share + square / 2
    width = z * sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (middle - width) / (1 + square)), min(1.0, (middle + width) / (1 + square))


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test from the discordant counts; 1 when they are equal."""
    if only_a == only_b:
        return 1.0
    total, low = only_a + only_b, min(only_a, only_b)
    picks = np.arange(low + 1)
    logs = np.array([lgamma(total + 1) - lgamma(i + 1) - lgamma(total - i + 1) for i in picks.tolist()])
    logs -= total * log(2)
    top = logs.max()
    log_p = log(2) + top + log(np.exp(logs - top).sum())
    return min(1.0, max(float(np.exp(log_p)), np.nextafter(0.0, 1.0)))


def sign_flip(difference: np.ndarray, seed: int = 0, flips: int = FLIPS) -> float:
    """Two-sided p of the paired permutation test that flips the signs of (N,) differences at random."""
    observed = abs(difference.sum())
    if not difference.any():
        return 1.0
    random = np.random.Generator(np.random.PCG64(seed))
    extreme, scale = 0, np.abs(difference).sum() * 1e-12  # sums in another order differ in the last bits
    for start in range(0, flips, step := max(1, CHUNK // max(1, len(difference)))):
        shape = (min(step, flips - start), len(difference))
        signs = random.integers(0, 2, shape, dtype=np.int8) * 2.0 - 1.0
        extreme += int((np.abs(signs @ difference) >= observed - scale).sum())
    return (1 + extreme) / (1 + flips)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the given order."""
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [0.0] * len(p_values), 0.0
    for step, place in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[place]))
        corrected[place] = highest
    return corrected


def clusters_of(result: Result, cluster: str | None) -> np.ndarray | None:
    """(N,) cluster number of every query, None for independent queries.

    Raises:
        ValueError: the ground truth does not say what the cluster needs.
    """
    if cluster in (None, "none"):
        return None
    labels = getattr(result.gt, str(cluster), None)
    if labels is None or not (labels != "").all():
        raise ValueError(f"--cluster {cluster}: the ground truth does not give every query a {cluster}")
    return np.unique(labels, return_inverse=True)[1]


def resampled_weights(
    count: int, resamples: int, seed: int, clusters: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Blocks (b, N) of how often each query is drawn in each resample; bounded in size."""
    random = np.random.Generator(np.random.PCG64(seed))
    units = count if clusters is None else int(clusters.max()) + 1
    for start in range(0, resamples, step := max(1, CHUNK // max(1, max(units, count)))):
        rows = min(step, resamples - start)
        drawn = random.integers(0, units, (rows, units), dtype=np.int32)
        drawn += (np.arange(rows, dtype=np.int32) * units)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        yield weights if clusters is None else weights[:, clusters]


def resampled_means(
    samples: np.ndarray, order: np.ndarray, resamples: int, seed: int, clusters: np.ndarray | None = None
) -> np.ndarray:
    """(B, M) means of M metrics over resampled queries; NaN samples do not count.

    Args:
        samples: (N, M) per-query values.
        order: (N,) places of the queries sorted by id, so that file order cannot matter.
        resamples: B.
        seed: of the generator.
        clusters: (N,) cluster of each query, drawn as a whole.
    """
    samples = samples[order]
    counted = ~np.isnan(samples)
    values = np.where(counted, samples, 0.0)
    partial = np.flatnonzero(~counted.all(axis=0))
    blocks = []
    grouped = None if clusters is None else clusters[order]
    for weights in resampled_weights(len(samples), resamples, seed, grouped):
        weights = weights.astype(np.float64)
        total = np.repeat(weights.sum(axis=1)[:, None], samples.shape[1], axis=1)
        if len(partial):
            total[:, partial] = weights @ counted[:, partial].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            blocks.append(weights @ values / total)
    return np.concatenate(blocks)


def _order(result: Result) -> np.ndarray:
    return np.argsort(result.query, kind="stable")


def bootstrap(
    result: Result, metric: str, n: int = 2000, seed: int = 0, cluster: str | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of one metric.

    Args:
        result: of ``evaluate``.
        metric: a key of ``result.samples``.
        n: resamples.
        seed: same seed, same interval.
        cluster: "video" or "movie": these are drawn, with all their queries.
        level: share of the resamples inside.

    Returns:
        (low, high) as fractions.

    Raises:
        ValueError: an unknown metric.
    """
    if metric not in result.samples:
        raise ValueError(f"no metric {metric!r}; known: {', '.join(result.samples)}")
    low, high = percentiles(result, [metric], n, seed, cluster, level)
    return float(low[0]), float(high[0])


def percentiles(
    result: Result, metrics: Sequence[str], n: int, seed: int, cluster: str | None, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """(M,) lower and (M,) upper ends of the intervals of several metrics, on the same resamples."""
    samples = np.stack([result.samples[name] for name in metrics], axis=1)
    means = resampled_means(samples, _order(result), n, seed, clusters_of(result, cluster))
    tail = (1 - level) / 2
    low, high = np.nanquantile(means, [tail, 1 - tail], axis=0)
    estimate = np.nanmean(samples, axis=0)
    return np.minimum(low, estimate), np.maximum(high, estimate)


def intervals(
    result: Result, n: int, seed: int, cluster: str | None
) -> dict[str, tuple[float, float, float]]:
    """(value, low, high) of every metric."""
    names = [name for name, values in result.samples.items() if not np.isnan(values).all()]
    low, high = percentiles(result, names, n, seed, cluster)
    value = [float(np.nanmean(result.samples[name])) for name in names]
    return {name: (value[at], float(low[at]), float(high[at])) for at, name in enumerate(names)}


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
    return _order(a), _order(b)


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
    for name in a.tables:
        if not name.endswith("rank") or name not in b.tables:
            continue
        old, new = a.tables[name][place_a], b.tables[name][place_b]
        for column in range(old.shape[1]):
            first, second = old[:, column], new[:, column]
            size = np.abs(np.log(np.minimum(first, 1000)) - np.log(np.minimum(second, 1000)))
            for at in np.argsort(-size, kind="stable")[:20]:
                if size[at] > 0:
                    ranks = [None if np.isinf(rank) else int(rank) for rank in (first[at], second[at])]
                    found.append((float(size[at]), name, column, a.query[place_a[at]].item(), *ranks))
    found.sort(key=lambda item: (-item[0], item[1], item[2], str(item[3])))
    return [
        {"table": name, "iou": _threshold(a, column), "query": query, "rank_a": first, "rank_b": second}
        for _, name, column, query, first, second in found[:20]
    ]


def _threshold(result: Result, column: int) -> float | None:
    return result.settings.iou[column] if column < len(result.settings.iou) else None
