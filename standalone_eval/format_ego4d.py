"""Ego4D NLQ files.  A query has no id of its own: ours is ``clip_uid/annotation_uid/query_idx``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .columns import GroundTruth, Submission
from .fields import number_of, optional_text, report_duplicates, sub, text_of
from .files import written
from .rowreader import RowReader, kind_of
from .sources import Broken, Cursor, Source

FIXED = {"version": "1.0", "challenge": "ego4d_nlq_challenge"}
TIMES = "predicted_times"


def read_submission(source: Source) -> Submission:
    """Columns of an Ego4D NLQ submission; ``results`` may be a list or an object of entries."""
    ids: list[str] = []
    reader = RowReader(source, ("st", "ed"), 2, 2)
    head: dict[str, Any] = {}
    with source.syntax():
        cursor = Cursor(source.text())
        if cursor.peek() != "{":
            source.report("E003", "expected one JSON object with version, challenge and results")
            raise Broken
        for key in cursor.members():
            if key == "results":
                _read_results(cursor, ids, reader, source)
            value = None if key == "results" else cursor.value()
            head.setdefault(key, value if key in FIXED else None)
        cursor.finish()
    if "results" not in head:
        source.report("E010", "required key results is missing")
    for key, wanted in FIXED.items():
        if head.get(key) != wanted:
            source.report(
                "E070", f"{key} is {json.dumps(head.get(key))}, expected {wanted!r}", pointer=f"/{key}"
            )
    rows = reader.finish(np.array(ids, dtype=np.str_), pointer="/results", rows_at=f"/{TIMES}")
    report_duplicates(source, "E022", rows.query, rows.place, "query")
    return Submission({"pred": rows}, format="ego4d", name=source.name, path=source.path)


def _read_results(cursor: Cursor, ids: list[str], reader: RowReader, source: Source) -> None:
    for pointer, number, entry in _entries(cursor, source):
        place = {"pointer": pointer, "order": (1, number)}
        _read_entry(entry, cursor.text[cursor.start : cursor.at], ids, reader, source, place)


def _entries(cursor: Cursor, source: Source) -> Iterator[tuple[str, int, Any]]:
    opening = cursor.peek()
    if opening == "[":
        for number, entry in enumerate(cursor.items()):
            yield f"/results/{number}", number, entry
    elif opening == "{":
        for number, key in enumerate(cursor.members()):
            yield f"/results/{key}", number, cursor.value()
    else:
        source.report(
            "E011", f"results is {kind_of(cursor.value())}, expected a list of entries", pointer="/results"
        )


def _read_entry(
    entry: Any, text: str, ids: list[str], reader: RowReader, source: Source, place: dict[str, Any]
) -> None:
    if not isinstance(entry, dict):
        source.report("E011", f"expected an entry with clip_uid and {TIMES}, found {kind_of(entry)}", **place)
        return
    clip = text_of(entry, "clip_uid", source, place)
    annotation = text_of(entry, "annotation_uid", source, place)
    index = entry.get("query_idx")
    if isinstance(index, bool) or not isinstance(index, int):
        code = "E011" if "query_idx" in entry else "E010"
        source.report(code, f"query_idx is {kind_of(index)}, expected an integer", **place)
        return
    ids.append(f"{clip}/{annotation}/{index}")
    place["query"] = ids[-1]
    if TIMES in entry:
        reader.add(entry[TIMES], text, sub(place, TIMES))
    else:
        source.report("E010", f"required key {TIMES} is missing", **place)
        reader.blank()


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of an Ego4D NLQ annotation file."""
    value = source.whole()
    ids: list[str] = []
    table: dict[str, list[Any]] = {"window": [], "video": [], "text": []}
    for place, clip, annotation, number, query in _queries(value, source):
        ids.append(f"{clip}/{annotation}/{number}")
        place["query"] = ids[-1]
        start = number_of(query, "clip_start_sec", source, place)
        end = number_of(query, "clip_end_sec", source, place)
        if start is not None and end is not None and start > end:
            source.report("E013", f"window is reversed: start {start} is after end {end}", **place)
        table["window"].append((start or 0.0, end or 0.0))
        table["video"].append(clip)
        table["text"].append(optional_text(query, "query"))
    gt = GroundTruth(
        np.array(ids, dtype=np.str_), np.arange(len(ids) + 1), table["window"], table["video"],
        text=table["text"],
        format="ego4d", name=source.name, path=source.path,
    )  # fmt: skip
    report_duplicates(source, "E023", gt.query, gt.place, "query")
    return gt


def _queries(value: Any, source: Source) -> Iterator[tuple[dict[str, Any], str, str, int, dict[str, Any]]]:
    """(place, clip, annotation, index, query) of every language query, in file order."""
    clips = (
        found
        for video, place in _members(value, "videos", source, {"order": ()})
        for found in _members(video, "clips", source, place)
    )
    for clip, at_clip in clips:
        uid = text_of(clip, "clip_uid", source, at_clip)
        for annotation, at_annotation in _members(clip, "annotations", source, at_clip):
            name = text_of(annotation, "annotation_uid", source, at_annotation)
            queries = _members(annotation, "language_queries", source, at_annotation)
            yield from ((place, uid, name, number, query) for number, (query, place) in enumerate(queries))


def _members(
    holder: Any, key: str, source: Source, place: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The objects of a list member, each with its place; faults reported."""
    if not isinstance(holder, dict):
        source.report("E003", f"expected an object with {key}, found {kind_of(holder)}", **place)
        return
    items = holder.get(key)
    if not isinstance(items, list):
        code, found = ("E011", kind_of(items)) if key in holder else ("E010", "nothing")
        source.report(code, f"required key {key} must be a list, found {found}", **place)
        return
    for number, item in enumerate(items):
        here = sub(sub(place, key), number)
        here["order"] = (*place["order"], number)
        if isinstance(item, dict):
            yield item, here
        else:
            source.report("E011", f"expected an object in {key}, found {kind_of(item)}", **here)


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes an Ego4D NLQ submission, atomically."""
    from .format_tvr import json_rows

    rows = submission.tasks["pred"]
    results = []
    for number, query in enumerate(rows.query.tolist()):
        clip, annotation, index = query.rsplit("/", 2)
        entry = {"clip_uid": clip, "annotation_uid": annotation, "query_idx": int(index)}
        results.append({**entry, TIMES: json_rows(rows, number)})
    with written(path) as file:
        file.write(json.dumps({**FIXED, "results": results}).encode())
