"""Per-query values of a result: as arrays, and as ``.csv``, ``.jsonl`` or ``.npz`` files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import GroundTruth, plain
from .files import json_text, write_text, written
from .matching import rank_table

if TYPE_CHECKING:
    from .evaluator import Result


def per_query(result: Result) -> dict[str, np.ndarray]:
    """Arrays with one value per query, by name.

    ``id``; per task and threshold ``TASK/rank@IoU`` (first-hit rank, inf when none); per task and K
    ``TASK/best@K`` (best IoU); other profiles' tables as ``name`` or ``name/column``; and from the ground
    truth ``length`` (seconds), ``type`` and ``video``.
    """
    found: dict[str, np.ndarray] = {"id": result.query}
    for name, table in result.tables.items():
        if name in ("type", "order"):
            continue
        for column, values in _columns(name, table, result):
            found[column] = values
    found.update(_best(result))
    gt = result.gt
    if isinstance(gt, GroundTruth) and len(gt) == len(result.query):
        found["length"] = gt.length
        for name in ("type", "video", "movie"):
            if (values := getattr(gt, name)) is not None:
                found[name] = values
    return found


def _best(result: Result) -> dict[str, np.ndarray]:
    """Best IoU within each K, by the profile's own IoU, of tasks whose tables do not hold it."""
    from .errors import moment_tasks, task_rows

    settings, found = result.settings, {}
    for task in moment_tasks(result):
        if f"{task}/best" in result.tables or len(result.gt) != len(result.query):
            continue
        rows, pairing, listing = task_rows(result, task)
        _, best = rank_table(rows, result.gt, pairing, listing, settings.profile.judge, (), settings.topk)
        found.update({f"{task}/best@{k}": best[:, number] for number, k in enumerate(settings.topk)})
    return found


def _columns(name: str, table: np.ndarray, result: Result) -> list[tuple[str, np.ndarray]]:
    settings = result.settings
    if table.ndim == 1:
        return [(name, table)]
    flat = table.reshape(len(table), -1)
    labels = [str(number) for number in range(flat.shape[1])]
    if name.endswith("rank") and table.shape[1] == len(settings.iou):
        labels = [str(iou) for iou in settings.iou]
    if name.endswith("best"):
        labels = [str(k) for k in settings.topk]
    return [(f"{name}@{label}", flat[:, number]) for number, label in enumerate(labels)]


def write_per_query(path: str, result: Result) -> None:
    """Writes the per-query values; the ending of the name decides the format.

    Raises:
        ValueError: another ending than .csv, .jsonl or .npz.
    """
    columns: dict[str, Any] = result.per_query
    kind = Path(path).suffix
    if kind == ".npz":
        with written(path) as file:
            np.savez(file, **columns)
        return
    rows = [[_value(value) for value in row] for row in zip(*columns.values(), strict=True)]
    if kind == ".csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([list(columns), *rows])
        write_text(path, buffer.getvalue())
    elif kind == ".jsonl":
        lines = [json_text(dict(zip(columns, row, strict=True))) for row in rows]
        write_text(path, "".join(f"{line}\n" for line in lines))
    else:
        raise ValueError(f"--per_query {path}: the name must end in .csv, .jsonl or .npz")


def _value(value: Any) -> Any:
    """A JSON value: inf (no right row) and NaN become null."""
    value = plain(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
