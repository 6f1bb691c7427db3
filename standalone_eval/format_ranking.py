"""TVR-Ranking files: graded relevance of several moments in several videos per query.

Gt: a JSON list of {pair_id, query_id, query, video_name, timestamp, duration, relevance 0 ... 4}.
Submission: one JSON object, query id -> rows [video name, start, end, score].  Ids are compared as texts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .columns import GroundTruth, Rows, Submission
from .fields import optional_text, sub, text_of, window_of
from .files import written
from .rowreader import RowReader, kind_of
from .sources import Broken, Cursor, Source

GRADES = 4


def read_submission(source: Source) -> Submission:
    """Columns of a TVR-Ranking submission; video names are numbered in order of appearance."""
    reader = RowReader(source, ("video", "st", "ed", "score"), 3, 3, score_at=3)
    numbers: dict[str, int] = {}
    ids: list[str] = []
    seen: set[str] = set()
    with source.syntax():
        cursor = Cursor(source.text())
        if cursor.peek() != "{":
            source.report("E003", "expected one JSON object: query id -> rows [video name, st, ed, score]")
            raise Broken
        for key in cursor.members():
            place = {"pointer": f"/{key}", "order": (len(ids),), "query": key}
            rows = cursor.value()
            if key in seen:
                source.report("E022", f"query {key} appears twice: at /{key} both times", **place)
            if "\0" in key:
                source.report("E011", "a query id holds a NUL character", **place)
            ids.append(key)
            seen.add(key)
            named = _numbered(rows, numbers, source, place)
            reader.add(named, cursor.text[cursor.start : cursor.at], place)
        cursor.finish()
    rows = reader.finish(np.array(ids, dtype=np.str_))
    if not ids:
        source.report("E010", "the file holds no query")
    names = np.array(list(numbers), dtype=np.str_)
    return Submission(
        {"pred": rows}, names, np.arange(len(names)), format="tvr-ranking", name=source.name, path=source.path
    )


def _numbered(rows: Any, numbers: dict[str, int], source: Source, place: dict[str, Any]) -> Any:
    """The rows with numbers for video names; a name that is no text is reported."""
    if not isinstance(rows, list):
        return rows
    found = []
    for at, row in enumerate(rows):
        if not isinstance(row, list) or not row:
            found.append(row)
            continue
        name = row[0]
        if not isinstance(name, str) or "\0" in name:
            message = f"video is {kind_of(name)}, expected a video's name"
            source.report("E011", message, **sub(sub(place, at), 0))
            name = ""
        found.append([numbers.setdefault(name, len(numbers)), *row[1:]])
    return found


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of a TVR-Ranking gt: the windows of a query with a video and a relevance each."""
    value = source.whole()
    if not isinstance(value, list):
        source.report("E003", f"expected one JSON list of pairs, found {kind_of(value)}")
        raise Broken
    moments: dict[str, list[tuple[tuple[float, float], str, int]]] = {}
    texts: dict[str, str] = {}
    for number, entry in enumerate(value):
        place: dict[str, Any] = {"pointer": f"/{number}", "order": (number,)}
        if not isinstance(entry, dict):
            source.report("E011", f"expected a pair with query_id, found {kind_of(entry)}", **place)
            continue
        query = entry.get("query_id")
        if isinstance(query, bool) or not isinstance(query, int | str) or "\0" in str(query):
            code = "E011" if "query_id" in entry else "E010"
            source.report(code, f"query_id is {kind_of(query)}, expected an integer or a text", **place)
            continue
        place["query"] = query
        for key in ("timestamp", "relevance"):
            if key not in entry:
                source.report("E010", f"required key {key} is missing", **place)
        window = (
            window_of(entry["timestamp"], source, sub(place, "timestamp")) if "timestamp" in entry else None
        )
        video = text_of(entry, "video_name", source, place)
        relevance = entry.get("relevance", 0)
        if isinstance(relevance, bool) or not isinstance(relevance, int) or not 0 <= relevance <= GRADES:
            message = f"relevance is {kind_of(relevance)}, expected an integer 0 ... {GRADES}"
            source.report("E062", message, **sub(place, "relevance"))
            continue
        moments.setdefault(str(query), []).append((window or (0.0, 0.0), video, relevance))
        texts.setdefault(str(query), optional_text(entry, "query"))
    flat = [moment for group in moments.values() for moment in group]
    return GroundTruth(
        np.array(list(moments), dtype=np.str_), [0, *np.cumsum([len(group) for group in moments.values()])],
        [moment[0] for moment in flat], text=list(texts.values()), format="tvr-ranking", name=source.name,
        path=source.path, window_video=[moment[1] for moment in flat],
        relevance=[moment[2] for moment in flat],
    )  # fmt: skip


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes a TVR-Ranking submission, atomically."""
    from .format_tvr import json_rows

    rows: Rows = submission.tasks["pred"]
    assert submission.video_index is not None and submission.video_name is not None
    names = dict(zip(submission.video_index.tolist(), submission.video_name.tolist(), strict=True))
    entries = {}
    for number, query in enumerate(rows.query.tolist()):
        entries[query] = [[names[row[0]], *row[1:]] for row in json_rows(rows, number)]
    with written(path) as file:
        file.write(json.dumps(entries).encode())
