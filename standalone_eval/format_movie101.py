"""Movie101 RNL files: two lists in the same order, times in frames with both ends included, scores apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .fields import sub, window_of
from .files import written
from .rowreader import RowReader, checked_number, kind_of, plural
from .sources import Source

TIMES = "predicted_times"


def read_submission(source: Source) -> Submission:
    """Columns of an RNL submission; query ids are places in the list."""
    reader = RowReader(source, ("st", "ed", "score"), 3, 3, score_at=2)
    value = source.whole()
    if not isinstance(value, list):
        source.report(
            "E003", f"expected one JSON list of entries with {TIMES} and scores, found {kind_of(value)}"
        )
        value = []
    for number, entry in enumerate(value):
        place = {"pointer": f"/{number}", "order": (number,), "query": number}
        rows = _scored_rows(entry, source, place)
        if rows is None:
            reader.blank()
        else:
            reader.add(rows, "true", sub(place, TIMES))
    if not value and not source.findings.failed:
        source.report("E010", "the file holds no query")
    found = reader.finish(np.arange(len(value)), rows_at=f"/{TIMES}")
    return Submission({"pred": found}, format="movie101-rnl", name=source.name, path=source.path)


def _scored_rows(entry: Any, source: Source, place: dict[str, Any]) -> list[Any] | None:
    """[st, ed, score] rows of an entry; None after a report when lists are missing or do not match."""
    if not isinstance(entry, dict):
        source.report("E011", f"expected an entry with {TIMES} and scores, found {kind_of(entry)}", **place)
        return None
    for key in (TIMES, "scores"):
        if key not in entry:
            source.report("E010", f"required key {key} is missing", **place)
            return None
        if not isinstance(entry[key], list):
            source.report("E011", f"expected a list, found {kind_of(entry[key])}", **sub(place, key))
            return None
    times, scores = entry[TIMES], entry["scores"]
    if len(times) != len(scores):
        message = f"scores has {plural(len(scores), 'number')} for {plural(len(times), 'window')}"
        source.report("E015", message, **sub(place, "scores"))
        return None
    for at, score in enumerate(scores):
        checked_number(score, "score", source, sub(sub(place, "scores"), at))
    rows = []
    for window, score in zip(times, scores, strict=True):
        fine = isinstance(score, int | float) and not isinstance(score, bool) and abs(score) < float("inf")
        joined = isinstance(window, list) and len(window) >= 2
        rows.append([*window[:2], score if fine else 0.0] if joined else window)
    return rows


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of an RNL gt list."""
    value = source.whole()
    if not isinstance(value, list):
        source.report("E003", f"expected one JSON list of entries with gt_times, found {kind_of(value)}")
        value = []
    windows = []
    for number, entry in enumerate(value):
        place = {"pointer": f"/{number}", "order": (number,), "query": number}
        if not isinstance(entry, dict):
            source.report("E011", f"expected an entry with gt_times, found {kind_of(entry)}", **place)
            window = None
        elif "gt_times" not in entry:
            source.report("E010", "required key gt_times is missing", **place)
            window = None
        else:
            window = window_of(entry["gt_times"], source, sub(place, "gt_times"))
        windows.append(window or (0.0, 0.0))
    return GroundTruth(
        np.arange(len(windows)), np.arange(len(windows) + 1), windows, format="movie101-rnl",
        name=source.name,
        path=source.path,
    )  # fmt: skip


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes an RNL submission, atomically."""
    rows = submission.tasks["pred"]
    assert rows.window is not None and rows.score is not None
    entries = []
    for start, end in zip(rows.offset[:-1].tolist(), rows.offset[1:].tolist(), strict=True):
        entries.append({TIMES: rows.window[start:end].tolist(), "scores": rows.score[start:end].tolist()})
    with written(path) as file:
        file.write(json.dumps(entries).encode())
