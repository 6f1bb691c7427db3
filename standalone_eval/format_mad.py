"""MAD files: ranked windows per query on one line each; gt as lines or as MAD's own annotation object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .fields import (
    MISSING,
    IdColumn,
    identified,
    optional_number,
    optional_text,
    report_duplicates,
    sub,
    window_of,
)
from .files import written
from .rowreader import RowReader, kind_of
from .sources import Source

TIMES = "predicted_times"
UNREAD = (0.0, 0.0)  # stands for a window that was reported


def read_submission(source: Source) -> Submission:
    """Columns of a MAD submission: rows [st, ed, ...] in task ``pred``; further elements are ignored."""
    ids = IdColumn(source, "query_id")
    reader = RowReader(source, ("st", "ed"), 2, 2)
    lines: list[int] = []
    for place, entry, text in identified(source, ids):
        lines.append(place["line"])
        if TIMES in entry:
            reader.add(entry[TIMES], text, sub(place, TIMES))
        else:
            source.report("E010", f"required key {TIMES} is missing", **place)
            reader.blank()
    rows = reader.finish(ids.array(), lines, rows_at=f"/{TIMES}")
    report_duplicates(source, "E022", rows.query, rows.place, "query")
    if not lines and not source.findings.failed:
        source.report("E010", "the file holds no query")
    return Submission({"pred": rows}, format="mad", name=source.name, path=source.path)


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of a MAD gt: jsonl with ``timestamps``, or the official object with ``ext_timestamps``."""
    official = b'"ext_timestamps"' in source.data
    ids = IdColumn(source, "query_id")
    table: dict[str, list[Any]] = {key: [] for key in ("window", "video", "duration", "text", "line")}
    keys = ("ext_timestamps", "movie", "movie_duration", "sentence")
    if not official:
        keys = ("timestamps", "video_id", "duration", "query")
    for place, query_id, entry in _official(source) if official else _lines(source):
        if not isinstance(entry, dict):
            source.report("E003", f"expected a JSON object per query, found {kind_of(entry)}", **place)
            continue
        query = ids.add(query_id, place)
        if query is None:
            continue
        place["query"] = query
        if keys[0] not in entry:
            source.report("E010", f"required key {keys[0]} is missing", **place)
        window = window_of(entry[keys[0]], source, sub(place, keys[0])) if keys[0] in entry else None
        table["window"].append(window or UNREAD)
        table["video"].append(optional_text(entry, keys[1]))
        table["duration"].append(optional_number(entry, keys[2], source, place))
        table["text"].append(optional_text(entry, keys[3]))
        table["line"].append(place.get("line", 0))
    count = len(table["window"])
    gt = GroundTruth(
        ids.array(), np.arange(count + 1), table["window"], table["video"], None, table["duration"],
        table["video"],
        table["text"], line=None if official else np.array(table["line"]), format="mad", name=source.name,
        path=source.path,
    )  # fmt: skip
    report_duplicates(source, "E023", gt.query, gt.place, "query")
    return gt


def _lines(source: Source) -> Any:
    for line, entry, _ in source.lines():
        query_id = entry.get("query_id", MISSING) if isinstance(entry, dict) else MISSING
        yield {"line": line, "order": (line,)}, query_id, entry


def _official(source: Source) -> Any:
    value = source.whole()
    if not isinstance(value, dict):
        source.report("E003", f"expected one JSON object of query ids, found {kind_of(value)}")
        return
    for number, (query_id, entry) in enumerate(value.items()):
        yield {"pointer": f"/{query_id}", "order": (number,)}, query_id, entry


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes a MAD submission, one line per query, atomically."""
    from .format_tvr import json_rows

    rows = submission.tasks["pred"]
    with written(path) as file:
        for number, query in enumerate(rows.query.tolist()):
            entry = {"query_id": query, TIMES: json_rows(rows, number)}
            file.write((json.dumps(entry) + "\n").encode())
