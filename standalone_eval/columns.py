"""Submissions and ground truth as columns: flat arrays with offsets, the only form the metrics see.

Readers make them from files; code that has arrays at hand (a training loop) makes them directly:

    rows = Rows.from_padded(query_ids, windows, video=videos, score=scores)
    submission = Submission({"VCMR": rows}, video_name=names, video_index=numbers)
    gt = GroundTruth.from_windows(query_ids, windows, video=names_of_own_videos)
    evaluate(submission, gt, profile="tng").metrics["VCMR"]["R@1,IoU=0.5"]

Times are seconds (frames for the profile ``movie101-rnl``); rows are ranked, best first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Column = Any  # a numpy array; lists are accepted and become one, None where a column may be absent
TASKS = ("VCMR", "SVMR", "VR")
TYPES = ("v", "t", "vt")


def _optional(values: Any, dtype: type) -> np.ndarray | None:
    return None if values is None else np.ascontiguousarray(values, dtype=dtype)


@dataclass
class Rows:
    """The ranked rows of one task: rows ``offset[q]:offset[q + 1]`` answer ``query[q]``, best first."""

    query: Column  # (Q,) int64 or text: the ids
    offset: Column  # (Q + 1,) int64
    window: Column = None  # (R, 2) float64 start and end; absent for VR
    video: Column = None  # (R,) int64 video index; absent when the query's own video is meant
    score: Column = None  # (R,) float64, higher is better; NaN where a row has none
    line: Column = None  # (Q,) line of a jsonl file, from 1
    pointer: str = ""  # JSON pointer of the list of entries
    text: Column = None  # (Q,) text of each query, which the TVR form repeats; of no weight in any metric

    def __post_init__(self) -> None:
        self.query = np.asarray(self.query)
        self.offset = np.ascontiguousarray(self.offset, dtype=np.int64)
        self.window = _optional(self.window, np.float64)
        self.video = _optional(self.video, np.int64)
        self.score = _optional(self.score, np.float64)
        self.text = None if self.text is None else np.asarray(self.text, dtype=np.str_)
        count = int(self.offset[-1]) if len(self.offset) else 0
        columns = [column for column in (self.window, self.video, self.score) if column is not None]
        if len(self.offset) != len(self.query) + 1 or any(len(column) != count for column in columns):
            raise ValueError("Rows: offset must have one element more than query and end at the row count")

    def __len__(self) -> int:
        return len(self.query)

    @property
    def lengths(self) -> np.ndarray:
        """(Q,) rows of each query."""
        return np.diff(self.offset)

    @classmethod
    def from_padded(
        cls,
        query: Sequence[Any] | np.ndarray,
        window: np.ndarray | None,
        video: np.ndarray | None = None,
        score: np.ndarray | None = None,
        count: np.ndarray | None = None,
    ) -> Rows:
        """Rows from arrays with K places per query.

        Args:
            query: (Q,) ids, integers or texts.
            window: (Q, K, 2) starts and ends, or None for VR.
            video: (Q, K) video indices.
            score: (Q, K).
            count: (Q,) how many of the K places are used; all by default.
        """
        first: Any = window if window is not None else video
        shape = np.shape(first)[:2]
        count = np.full(shape[0], shape[1]) if count is None else np.asarray(count)
        used = np.arange(shape[1]) < count[:, None]  # (Q, K)
        offset = np.concatenate([[0], np.cumsum(count)])
        columns: list[Any] = [
            None if column is None else np.asarray(column)[used] for column in (window, video, score)
        ]
        return cls(np.asarray(query), offset, *columns[:3])

    def take(self, entries: np.ndarray) -> Rows:
        """The rows of the given entries (places in ``query``), in that order."""
        lengths = self.lengths[entries]
        offset = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offset[-1]) + np.repeat(self.offset[:-1][entries] - offset[:-1], lengths)
        columns: dict[str, Any] = {
            name: None if column is None else column[rows]
            for name, column in (("window", self.window), ("video", self.video), ("score", self.score))
        }
        own: dict[str, Any] = {
            name: None if column is None else column[entries]
            for name, column in (("line", self.line), ("text", self.text))
        }
        return replace(self, query=self.query[entries], offset=offset, **own, **columns)

    def place(self, entry: int) -> dict[str, Any]:
        """Where entry number ``entry`` stands, as fields of an Issue."""
        place: dict[str, Any] = {"query": plain(self.query[entry])}
        if self.line is not None:
            return {**place, "line": int(self.line[entry]), "order": (int(self.line[entry]),)}
        name = self.pointer.removeprefix("/")
        section = (TASKS.index(name) + 1 if name in TASKS else 1,) if name else ()
        return {**place, "pointer": f"{self.pointer}/{entry}", "order": (*section, int(entry))}


@dataclass
class Saliency:
    """One list of numbers per query: predicted scores (any), or per relevant clip (gt)."""

    query: Column  # (Q,)
    offset: Column  # (Q + 1,)
    value: Column  # (C,) scores, or (C, 3) of the three raters
    clip: Column = None  # (C,) clip number; gt only


@dataclass
class Submission:
    """A method's answers: ranked rows per task (VCMR, SVMR, VR, or ``pred`` for one-video formats)."""

    tasks: dict[str, Rows]
    video_name: Column = None  # (V,) text
    video_index: Column = None  # (V,) int64, the index that rows use for that name
    scope: str | None = None  # "own_film": the lists hold moments of the query's own film only
    saliency: Saliency | None = None
    format: str = "tvr"
    name: str = "submission"  # file name, for messages
    path: str | None = None

    def __post_init__(self) -> None:
        if self.video_name is not None:
            self.video_name = np.asarray(self.video_name, dtype=np.str_)
            self.video_index = np.ascontiguousarray(self.video_index, dtype=np.int64)


@dataclass
class GroundTruth:
    """What is true: windows ``offset[n]:offset[n + 1]`` answer ``query[n]``, in ``video[n]``."""

    query: Column  # (N,) int64 or text
    offset: Column  # (N + 1,) int64
    window: Column  # (W, 2) float64
    video: Column = None  # (N,) text
    type: Column = None  # (N,) text: v, t, vt, or empty
    duration: Column = None  # (N,) float64, NaN when unknown
    movie: Column = None  # (N,) text
    text: Column = None  # (N,) text of the query
    saliency: Saliency | None = None
    line: Column = None
    format: str = "tvr"
    name: str = "gt"
    path: str | None = None
    window_video: Column = None  # (W,) text: video of each window, where a query has several
    relevance: Column = None  # (W,) int64 grade of each window

    def __post_init__(self) -> None:
        self.query = np.asarray(self.query)
        self.offset = np.ascontiguousarray(self.offset, dtype=np.int64)
        self.window = np.ascontiguousarray(self.window, dtype=np.float64).reshape(-1, 2)
        self.duration = _optional(self.duration, np.float64)
        self.relevance = _optional(self.relevance, np.int64)
        for name in ("video", "type", "movie", "text", "window_video"):
            if (column := getattr(self, name)) is not None:
                setattr(self, name, np.asarray(column, dtype=np.str_))
        if len(self.offset) != len(self.query) + 1 or int(self.offset[-1]) != len(self.window):
            raise ValueError("GroundTruth: offset needs one element more than query and ends at the windows")

    def __len__(self) -> int:
        return len(self.query)

    @property
    def num_windows(self) -> np.ndarray:
        """(N,) windows of each query."""
        return np.diff(self.offset)

    @property
    def length(self) -> np.ndarray:
        """(N,) length of each query's first window."""
        first = self.window[self.offset[:-1]]
        return first[:, 1] - first[:, 0]

    @classmethod
    def from_windows(cls, query: Any, windows: Any, **columns: Any) -> GroundTruth:
        """Ground truth from arrays: windows (N, 2), or N lists of [start, end]; columns by name."""
        if isinstance(windows, np.ndarray) and windows.ndim == 2:
            return cls(query, np.arange(len(windows) + 1), windows, **columns)
        offset = np.concatenate([[0], np.cumsum([len(item) for item in windows])])
        return cls(query, offset, [window for item in windows for window in item], **columns)

    def take(self, entries: np.ndarray) -> GroundTruth:
        """The given queries, in that order."""
        lengths = self.num_windows[entries]
        offset = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offset[-1]) + np.repeat(self.offset[:-1][entries] - offset[:-1], lengths)
        names = ("video", "type", "duration", "movie", "text", "line")
        columns: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else column[entries] for name in names
        }
        for name in ("window_video", "relevance"):
            columns[name] = None if (column := getattr(self, name)) is None else column[rows]
        return replace(self, query=self.query[entries], offset=offset, window=self.window[rows], **columns)

    def place(self, entry: int) -> dict[str, Any]:
        """Where query number ``entry`` stands, as fields of an Issue."""
        place: dict[str, Any] = {"query": plain(self.query[entry])}
        if self.line is None:
            return {**place, "order": (int(entry),)}
        return {**place, "line": int(self.line[entry]), "order": (int(self.line[entry]),)}


def plain(value: Any) -> Any:
    """A numpy scalar as the Python value that JSON knows."""
    return value.item() if isinstance(value, np.generic) else value
