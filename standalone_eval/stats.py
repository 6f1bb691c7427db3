"""Uncertainty: bootstrap and Wilson intervals, exact McNemar and sign-flip tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import lgamma, log, sqrt

import numpy as np

from .evaluator import Result

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


def sorted_places(result: Result) -> np.ndarray:
    """(N,) places of the queries in the order of their ids."""
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
    means = resampled_means(samples, sorted_places(result), n, seed, clusters_of(result, cluster))
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
