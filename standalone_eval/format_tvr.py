"""TVR files: one JSON object of ranked lists per task, and one gt line per query.  Times in seconds.

Source: the submission format of TVRetrieval (Lei et al. 2020), kept by ReLoCLNet; for the profile ``tng``
the same files with any number of gt windows and no need of ``type``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .columns import TASKS, TYPES, GroundTruth, Rows, Submission
from .fields import (
    INT64,
    MISSING,
    IdColumn,
    identified,
    optional_number,
    optional_text,
    report_duplicates,
    sub,
    text_of,
    window_of,
    windows_of,
)
from .files import json_text, written
from .issues import first_few
from .matching import is_member
from .rowreader import RowReader, kind_of
from .sources import Broken, Cursor, Source

ROW = ("video", "st", "ed", "score")


def read_submission(source: Source) -> Submission:
    """Columns of a TVR submission; issues go to the source's findings."""
    tasks: dict[str, Rows] = {}
    mapping: Any = MISSING
    scope: Any = None
    seen: set[str] = set()
    with source.syntax():
        cursor = Cursor(source.text())
        if cursor.peek() != "{":
            source.report("E003", f"expected one JSON object with video2idx and {', '.join(TASKS)}")
            raise Broken
        for key in cursor.members():
            if key in seen and key in (*TASKS, "video2idx"):
                source.report("E003", f"key {key} appears twice in the object", pointer=f"/{key}")
            seen.add(key)
            if key in TASKS:
                tasks[key] = _read_task(cursor, key, source)
            elif key == "video2idx":
                mapping = cursor.value()
            else:
                value = cursor.value()
                scope = value if key == "scope" else scope
        cursor.finish()
    return _submission(tasks, mapping, scope, source)


def _submission(tasks: dict[str, Rows], mapping: Any, scope: Any, source: Source) -> Submission:
    if not tasks:
        source.report("E010", f"no task: expected at least one of the keys {', '.join(TASKS)}")
    tasks = {task: tasks[task] for task in TASKS if task in tasks}
    names, indices = _read_mapping(mapping, source)
    scope = scope if isinstance(scope, str) else None
    submission = Submission(tasks, names, indices, scope, None, "tvr", source.name, source.path)
    check_indices(submission, source)
    return submission


def read_parsed(value: Any, source: Source) -> Submission:
    """Columns of a TVR submission that is parsed already."""
    if not isinstance(value, dict):
        source.report(
            "E003", f"expected an object with video2idx and {', '.join(TASKS)}, found {kind_of(value)}"
        )
        raise Broken
    tasks = {}
    for task in TASKS:
        if task in value:
            entries = value[task] if isinstance(value[task], list | tuple) else [value[task]]
            tasks[task] = _read_entries(((entry, "true") for entry in entries), task, source)
    return _submission(tasks, value.get("video2idx", MISSING), value.get("scope"), source)


def _read_task(cursor: Cursor, task: str, source: Source) -> Rows:
    if cursor.peek() != "[":
        found = kind_of(cursor.value())
        source.report("E011", f"{task} must be a list of entries, found {found}", pointer=f"/{task}")
        return _read_entries((), task, source)
    return _read_entries(
        ((entry, cursor.text[cursor.start : cursor.at]) for entry in cursor.items()), task, source
    )


def _read_entries(entries: Iterable[tuple[Any, str]], task: str, source: Source) -> Rows:
    """The rows of a task from (entry, its text)."""
    order = TASKS.index(task) + 1
    ids = IdColumn(source, "desc_id")
    used = 1 if task == "VR" else 3
    reader = RowReader(source, ROW, used, used, score_at=3)
    for number, (entry, text) in enumerate(entries):
        place: dict[str, Any] = {"pointer": f"/{task}/{number}", "order": (order, number)}
        if not isinstance(entry, dict):
            source.report(
                "E011", f"expected an entry with desc_id and predictions, found {kind_of(entry)}", **place
            )
            continue
        query = ids.add(entry.get("desc_id", MISSING), place)
        if query is None:
            continue
        place["query"] = query
        if "predictions" not in entry:
            source.report("E010", "required key predictions is missing", **place)
            reader.blank()
            continue
        reader.add(entry["predictions"], text, sub(place, "predictions"))
    rows = reader.finish(ids.array(), pointer=f"/{task}", rows_at="/predictions")
    source.replaced |= {(rows.pointer, row) for row in reader.replaced}
    report_duplicates(source, "E022", rows.query, rows.place, f"{task}: query")
    return rows


def _read_mapping(mapping: Any, source: Source) -> tuple[np.ndarray, np.ndarray]:
    names: list[str] = []
    indices: list[int] = []
    if mapping is MISSING:
        source.report("E010", "required key video2idx is missing (video name -> integer index)")
    elif not isinstance(mapping, dict):
        source.report("E011", f"video2idx is {kind_of(mapping)}, expected an object", pointer="/video2idx")
    else:
        for name, index in mapping.items():
            place = {"pointer": f"/video2idx/{name}"}
            whole = isinstance(index, float) and index.is_integer()
            if isinstance(index, bool) or not (isinstance(index, int) or whole) or int(index) not in INT64:
                source.report(
                    "E011", f"the index of {name} is {kind_of(index)}, expected an integer", **place
                )
            elif "\0" in name:
                source.report("E011", "a video name holds a NUL character", pointer="/video2idx")
            else:
                names.append(name)
                indices.append(int(index))
    first: dict[int, str] = {}
    for name, index in zip(names, indices, strict=True):
        if index in first:
            source.report(
                "E032", f"videos {first[index]} and {name} both have index {index}", pointer="/video2idx"
            )
        first.setdefault(index, name)
    return np.array(names, dtype=np.str_), np.array(indices, dtype=np.int64)


def check_indices(submission: Submission, source: Source) -> None:
    """E030 for every row whose video index stands for no video."""
    if submission.video_index is None or not len(submission.video_index):
        return
    known = np.sort(submission.video_index)
    for rows in submission.tasks.values():
        if rows.video is None:
            continue
        unknown = np.flatnonzero(~is_member(rows.video, known))
        for index in source.findings.shown(unknown, "E030"):
            entry = int(np.searchsorted(rows.offset, index, side="right")) - 1
            number = int(index - rows.offset[entry])
            place = rows.place(entry)
            place["pointer"] = f"{place.get('pointer', '')}/predictions/{number}/0"
            place["order"] = (*place["order"], number)
            if (rows.pointer, int(index)) in source.replaced:
                continue
            source.report("E030", f"video index {rows.video[index]} is not in video2idx", **place)


def read_gt(source: Source, strict: bool) -> GroundTruth:
    """Columns of a TVR gt file.

    Args:
        source: the jsonl file.
        strict: ask for ``type`` and refuse 2 or 3 windows, as the profiles tvr and reloclnet must.
    """
    ids = IdColumn(source, "desc_id")
    table: dict[str, list[Any]] = {key: [] for key in ("video", "type", "duration", "movie", "text", "line")}
    windows: list[tuple[float, float]] = []
    ends: list[int] = []
    for place, entry, _ in identified(source, ids):
        windows += _read_windows(entry, source, place, strict)
        ends.append(len(windows))
        table["line"].append(place["line"])
        table["video"].append(text_of(entry, "vid_name", source, place))
        table["type"].append(_read_type(entry, source, place, strict))
        table["duration"].append(optional_number(entry, "duration", source, place))
        table["movie"].append(optional_text(entry, "movie"))
        table["text"].append(optional_text(entry, "desc"))
    columns: dict[str, Any] = {**table, "line": np.array(table["line"])}
    gt = GroundTruth(
        ids.array(),
        [0, *ends],
        np.array(windows),
        format="tvr",
        name=source.name,
        path=source.path,
        **columns,
    )
    report_duplicates(source, "E023", gt.query, gt.place, "query")
    return gt


def _read_windows(
    entry: dict[str, Any], source: Source, place: dict[str, Any], strict: bool
) -> list[tuple[float, float]]:
    value = entry.get("ts", MISSING)
    place = sub(place, "ts")
    if value is MISSING:
        source.report("E010", "required key ts is missing", **place)
        return []
    if isinstance(value, list) and value and not isinstance(value[0], list):
        window = window_of(value, source, place)
        return [] if window is None else [window]
    windows = windows_of(value, source, place)
    if strict and isinstance(value, list) and 0 < len(value) < 4:
        source.report(
            "E042",
            f"ts holds {len(value)} window(s) in a list, expected one window [st, ed] or at least 4; "
            "use --profile tng for any other number",
            **place,
        )
    return windows


def _read_type(entry: dict[str, Any], source: Source, place: dict[str, Any], strict: bool) -> str:
    value = entry.get("type", MISSING)
    if strict and (not isinstance(value, str) or value not in TYPES):
        found = "no type" if value is MISSING else f"type {value!r}"
        told = f"{found}, expected one of {first_few(TYPES)}; use --profile tng for queries without"
        source.report("E041", told, **sub(place, "type"))
    return value if isinstance(value, str) else ""


def write_submission(path: str | Path, submission: Submission) -> None:
    """Writes a TVR submission (one JSON object), atomically; numbers read back to the same bits."""
    with written(path) as file:
        head: dict[str, Any] = {} if submission.scope is None else {"scope": submission.scope}
        names = [] if submission.video_name is None else submission.video_name.tolist()
        indices = [] if submission.video_index is None else submission.video_index.tolist()
        head["video2idx"] = dict(zip(names, indices, strict=True))
        file.write(json_text(head)[:-1].encode())
        for task, rows in submission.tasks.items():
            file.write(f', "{task}": ['.encode())
            for number, query in enumerate(rows.query.tolist()):
                text = {} if rows.text is None else {"desc": str(rows.text[number])}
                entry = {"desc_id": query, **text, "predictions": json_rows(rows, number)}
                file.write(((", " if number else "") + json_text(entry)).encode())
            file.write(b"]")
        file.write(b"}")


def json_rows(rows: Rows, entry: int) -> list[list[Any]]:
    """The rows of one entry as lists: video (where given), start, end (0 for VR), score (where given)."""
    at = slice(int(rows.offset[entry]), int(rows.offset[entry + 1]))
    count = at.stop - at.start
    columns: list[list[Any]] = [] if rows.video is None else [rows.video[at].tolist()]
    columns += [[0.0] * count] * 2 if rows.window is None else rows.window[at].T.tolist()
    if rows.score is not None:
        columns.append(rows.score[at].tolist())
    found = [list(row) for row in zip(*columns, strict=True)]
    if rows.score is not None:
        found = [row if row[-1] == row[-1] else row[:-1] for row in found]  # NaN: the row has no score
    return found
