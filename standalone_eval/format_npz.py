"""The columnar file ``.npz``: the same rows as the JSON formats, read without parsing.

Members: ``format`` = "moment-submission-1"; per task T: ``T/query`` (Q), ``T/offset`` (Q + 1), ``T/video``
(R, corpus tasks), ``T/window`` (R, 2; absent for VR), ``T/score`` (R, optional); once ``video_name`` and
``video_index``; for QVHighlights ``saliency/query``, ``saliency/offset`` and ``saliency/value``.
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .columns import TASKS, Rows, Saliency, Submission
from .files import written
from .sources import Broken, Source

FORMAT = "moment-submission-1"
UNREADABLE = (
    OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, SyntaxError,
    RuntimeError, OverflowError, TypeError, MemoryError, struct.error, tokenize.TokenError,
)  # fmt: skip  # what numpy and zipfile raise on damaged archives


def write_npz(path: str | Path, submission: Submission) -> None:
    """Writes a submission as ``.npz``, atomically; ``evaluate`` gives the same results from it."""
    members: dict[str, Any] = {"format": np.array(FORMAT), "source_format": np.array(submission.format)}
    if submission.scope is not None:
        members["scope"] = np.array(submission.scope)
    if submission.video_name is not None:
        members["video_name"], members["video_index"] = submission.video_name, submission.video_index
    for task, rows in submission.tasks.items():
        members[f"{task}/query"], members[f"{task}/offset"] = rows.query, rows.offset
        for name in ("video", "window", "score"):
            if (column := getattr(rows, name)) is not None:
                members[f"{task}/{name}"] = column
    if submission.saliency is not None:
        for name in ("query", "offset", "value"):
            members[f"saliency/{name}"] = getattr(submission.saliency, name)
    with written(path) as file:
        np.savez(file, **members)


def read_npz(source: Source, path: str) -> Submission:
    """Columns of a ``.npz`` submission; E002, E003, E010 and E011 when it is not one."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        source.report("E001", f"cannot be read: {error.strerror} ({path})")
        raise Broken from error
    except UNREADABLE as error:
        source.report("E002", f"not a readable npz archive ({error}); write it again with convert")
        raise Broken from error
    if str(members.get("format", "")) != FORMAT:
        source.report(
            "E003", f"the archive's format is {str(members.get('format', 'missing'))!r}, expected {FORMAT!r}"
        )
        raise Broken
    tasks = {}
    for task in (*TASKS, "pred"):
        if f"{task}/query" in members:
            tasks[task] = _rows(task, members, source)
    saliency = None
    if "saliency/query" in members:
        _need(members, ("saliency/offset", "saliency/value"), source)
        saliency = Saliency(*(members[f"saliency/{name}"] for name in ("query", "offset", "value")))
    if not tasks and saliency is None:
        source.report("E010", f"no task: expected T/query for T of {', '.join(TASKS)} or pred")
    names = members.get("video_name")
    if names is not None:
        _need(members, ("video_index",), source)
    scope = str(members["scope"]) if "scope" in members else None
    kind = str(members.get("source_format", "tvr"))
    index = members.get("video_index")
    return Submission(tasks, names, index, scope, saliency, kind, source.name, source.path)


def _need(members: dict[str, np.ndarray], names: tuple[str, ...], source: Source) -> None:
    missing = [name for name in names if name not in members]
    if missing:
        source.report("E010", f"required member {', '.join(missing)} is missing")
        raise Broken


def _rows(task: str, members: dict[str, np.ndarray], source: Source) -> Rows:
    wanted: tuple[str, ...] = ("offset",) if task == "VR" else ("offset", "window")
    wanted += ("video",) if task in TASKS else ()
    _need(members, tuple(f"{task}/{name}" for name in wanted), source)
    kinds = {"query": "iU", "offset": "i", "video": "i", "window": "f", "score": "f"}
    for name, kind in kinds.items():
        column = members.get(f"{task}/{name}")
        if column is not None and column.dtype.kind not in kind:
            source.report("E011", f"{task}/{name} has dtype {column.dtype}, see the format's description")
            raise Broken
    offset, window = members[f"{task}/offset"], members.get(f"{task}/window")
    if task == "VR":
        window = None
    fine = offset.ndim == 1 and len(offset) and offset[0] == 0 and (np.diff(offset) >= 0).all()
    if not fine or (window is not None and (window.ndim != 2 or window.shape[1] != 2)):
        source.report("E011", f"{task}/offset must rise from 0 and {task}/window have two columns")
        raise Broken
    try:
        return Rows(
            members[f"{task}/query"],
            offset,
            window,
            members.get(f"{task}/video"),
            members.get(f"{task}/score"),
            pointer=f"/{task}",
        )
    except ValueError as error:
        source.report("E011", f"{task}: the columns do not fit together ({error})")
        raise Broken from error
