"""The details JSON (``schema: moment-eval-1``): everything in full precision, deterministic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .bounds import oracles
from .breakdown import breakdown
from .columns import Submission
from .errors import duplicate_share, errors, moment_tasks
from .evaluator import Result
from .sources import fingerprint
from .stats import FEW_CLUSTERS, clusters_of, intervals, wilson

SCHEMA = "moment-eval-1"
ERROR_POINTS = ((1, 0.5), (10, 0.5))


@dataclass(frozen=True)
class Wanted:
    """What details and report show besides the metrics."""

    resamples: int = 0
    seed: int = 0
    cluster: str = "none"
    breakdowns: tuple[str, ...] = ()


def details(result: Result, wanted: Wanted | None = None) -> dict[str, Any]:
    """All findings about a result as JSON values; keys of groups are sorted."""
    wanted = wanted or Wanted()
    ends = intervals(result, wanted.resamples, wanted.seed, wanted.cluster) if wanted.resamples else {}
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "profile": result.profile,
        "compat": result.settings.compat,
        "inputs": {
            "submission": fingerprint(getattr(result.submission, "path", None)),
            "gt": fingerprint(getattr(result.gt, "path", None)),
        },
        "counts": _counts(result),
        "settings": _settings(result, wanted),
        "metrics": _metrics(result, ends),
        "breakdowns": {name: _breakdown(result, name) for name in wanted.breakdowns},
        "errors": _errors(result),
        "bounds": {task: oracles(result, task) for task in moment_tasks(result)},
        "warnings": [issue.as_dict() for issue in result.warnings],
    }
    return _clean(found)


def _counts(result: Result) -> dict[str, Any]:
    counts: dict[str, Any] = {"queries": len(result.query)}
    if isinstance(result.submission, Submission):
        tasks = result.submission.tasks
        counts["rows"] = {task: int(rows.offset[-1]) for task, rows in tasks.items()}
        if result.submission.video_name is not None:
            counts["videos"] = len(result.submission.video_name)
    return counts


def _settings(result: Result, wanted: Wanted) -> dict[str, Any]:
    settings = result.settings.as_dict()
    if wanted.resamples:
        settings.update(bootstrap=wanted.resamples, seed=wanted.seed, cluster=wanted.cluster)
        clusters = clusters_of(result, wanted.cluster)
        if clusters is not None:
            settings["clusters"] = int(clusters.max()) + 1
            settings["few_clusters"] = settings["clusters"] < FEW_CLUSTERS
    return settings


def _metrics(result: Result, ends: dict[str, tuple[float, float, float]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, values in result.samples.items():
        group, name = split_key(key)
        entry = _entry(result.fractions.get(key), values)
        if key in ends:
            entry["ci"] = list(ends[key][1:])
        found.setdefault(group, {})[name] = entry
    if result.profile == "tng":
        for task, values in result.metrics.items():
            for name, value in values.items():
                found[task].setdefault(name, {"value": value, "hits": None, "n": len(result.query)})
    return {group: dict(sorted(entries.items())) for group, entries in found.items()}


def split_key(key: str) -> tuple[str, str]:
    """Group and name of a metric's key; metrics without a group stand under ``all``."""
    group, slash, name = key.partition("/")
    return (group, name) if slash else ("all", key)


def _entry(value: float | None, values: np.ndarray) -> dict[str, Any]:
    counted = values[~np.isnan(values)]
    entry: dict[str, Any] = {"value": value, "hits": None, "n": len(counted)}
    if len(counted) and np.isin(counted, (0.0, 1.0)).all():
        entry["hits"] = int(counted.sum())
        entry["wilson"] = list(wilson(entry["hits"], len(counted)))
    return entry


def _breakdown(result: Result, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group, content in breakdown(result, name).items():
        metrics: dict[str, dict[str, Any]] = {}
        for key, value in sorted(content["metrics"].items()):
            task, short = split_key(key)
            metrics.setdefault(task, {})[short] = {"value": value, "n": content["n"]}
        found[group] = {"n": content["n"], "small": content["small"], "metrics": metrics}
    return found


def _errors(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task in moment_tasks(result):
        points = {f"K={k},IoU={iou}": errors(result, task, k, iou) for k, iou in ERROR_POINTS}
        share = duplicate_share(result.submission.tasks[task], result.settings.max_pred)
        found[task] = {**points, "duplicate_rows": share}
    return found


def _clean(value: Any) -> Any:
    """JSON values only: NaN and infinities become null, numpy scalars numbers."""
    if isinstance(value, dict):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
