"""Single files that hold predictions and truth together: cnm, mad-vlgnet, window and retrieval."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Submission
from .fields import MISSING, id_array, window_of
from .format_npz import UNREADABLE
from .rowreader import kind_of
from .sources import Broken, Source


@dataclass
class Proposals:
    """CNM's output: P windows per query as shares of the duration."""

    window: np.ndarray  # (N, P, 2) float32 start and end in [0, 1]
    duration: np.ndarray  # (N,) seconds
    truth: np.ndarray  # (N, 2) seconds


@dataclass
class Candidates:
    """VLG-Net's output: one set of candidate windows, scored for every query."""

    window: np.ndarray  # (C, 2) seconds
    score: np.ndarray  # (Q, C)
    truth: np.ndarray  # (Q, 2) seconds


@dataclass
class RankedWindows:
    """A coarse stage's output: ranked window numbers per query."""

    query: np.ndarray  # (Q,) text
    offset: np.ndarray  # (Q + 1,)
    window: np.ndarray  # (R,) int64
    truth: np.ndarray  # (Q, 2) seconds


@dataclass
class Similarities:
    """Scores of texts with videos: (G, S, V) slots of the texts of each video, or (T, V) with targets."""

    sims: np.ndarray
    target: np.ndarray | None = None  # (T,)


Single = Proposals | Candidates | RankedWindows | Similarities


def read_submission(source: Source) -> Single:
    """The object in a single-file format; which one its keys tell."""
    if source.data[:2] == b"PK":
        return _similarities(source)
    may_hold_bool = any(word in source.data for word in (b"true", b"false"))
    value = source.whole()
    if not isinstance(value, dict):
        source.report("E003", f"expected one JSON object, found {kind_of(value)}")
        raise Broken
    reader = _Arrays(value, source, may_hold_bool)
    if "candidates" in value:
        return reader.candidates()
    if "gt" in value:
        return reader.ranked_windows()
    return reader.proposals()


class _Arrays:
    """Reads named arrays from a parsed object, with their shapes checked."""

    def __init__(self, value: dict[str, Any], source: Source, may_hold_bool: bool) -> None:
        self.value = value
        self.source = source
        self.may_hold_bool = may_hold_bool

    def array(self, key: str, shape: tuple[int | None, ...]) -> np.ndarray:
        """A float64 array of the given shape (None: any length); E010, E011 or E012 otherwise."""
        place = {"pointer": f"/{key}"}
        value = self.value.get(key, MISSING)
        if value is MISSING:
            self.source.report("E010", f"required key {key} is missing")
            raise Broken
        if self.may_hold_bool and _holds_bool(value):
            self.source.report("E011", f"{key} holds true or false, expected numbers", **place)
            raise Broken
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            array = np.array(None)
        wanted = " x ".join("n" if length is None else str(length) for length in shape)
        fits = array.ndim == len(shape) and all(
            length is None or length == have for length, have in zip(shape, array.shape, strict=True)
        )
        if array.dtype.kind not in "iuf" or not fits:
            self.source.report(
                "E011", f"{key} must be numbers of shape {wanted}, found {_seen(array)}", **place
            )
            raise Broken
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            self.source.report("E012", f"{key} holds NaN or infinity, expected finite numbers", **place)
            raise Broken
        return array

    def windows(self, key: str, count: int | None = None) -> np.ndarray:
        """(n, 2) windows, not reversed."""
        array = self.array(key, (count, 2))
        for row in np.flatnonzero(array[:, 0] > array[:, 1]):
            message = f"window is reversed: start {array[row, 0]} is after end {array[row, 1]}"
            self.source.report("E013", message, pointer=f"/{key}/{row}", order=(int(row),))
        return array

    def proposals(self) -> Proposals:
        """CNM's object."""
        if "center_width" in self.value:
            pairs = self.array("center_width", (None, None, 2)).astype(np.float32)
            half = pairs[..., 1] / 2
            start = np.maximum(pairs[..., 0] - half, 0)
            end = np.minimum(pairs[..., 0] + half, 1)
            window = np.stack([start, end], axis=-1)
        else:
            if "windows" not in self.value:
                self.source.report("E010", "required key center_width (or windows) is missing")
                raise Broken
            window = self.array("windows", (None, None, 2)).astype(np.float32)
        count = len(window)
        if not window.shape[1]:
            self.source.report("E040", "has no proposals; every query needs at least one")
        duration = self.array("duration", (count,))
        for row in np.flatnonzero(duration <= 0):
            self.source.report("E011", f"duration {duration[row]} is not above 0", pointer=f"/duration/{row}")
        return Proposals(window, duration, self.windows("gt_seconds", count))

    def candidates(self) -> Candidates:
        """VLG-Net's object."""
        window = self.windows("candidates")
        score = self.array("scores", (None, len(window)))
        return Candidates(window, score, self.windows("gt", len(score)))

    def ranked_windows(self) -> RankedWindows:
        """The coarse stage's object: ``windows`` by query id, ``gt`` a list of {query_id, timestamps}."""
        lists, truths = self.value.get("windows"), self.value["gt"]
        if not isinstance(lists, dict) or not isinstance(truths, list):
            self.source.report("E010", "required keys: windows (query id -> window numbers) and gt (a list)")
            raise Broken
        queries: list[str] = []
        windows: list[tuple[float, float]] = []
        for number, entry in enumerate(truths):
            place: dict[str, Any] = {"pointer": f"/gt/{number}", "order": (number,)}
            query = entry.get("query_id") if isinstance(entry, dict) else None
            if isinstance(query, bool) or not isinstance(query, int | str) or "\0" in str(query):
                self.source.report("E010", "expected an object with query_id and timestamps", **place)
                continue
            window = window_of(entry.get("timestamps"), self.source, {**place, "query": query})
            if str(query) in set(queries):
                self.source.report("E023", f"query {query} appears twice", **place)
            queries.append(str(query))
            windows.append(window or (0.0, 0.0))
        self._same_queries(lists, queries)
        numbers = [self._numbers(lists[query], query) for query in queries if query in lists]
        offset = np.concatenate([[0], np.cumsum([len(item) for item in numbers])]).astype(np.int64)
        flat = np.array([number for item in numbers for number in item], dtype=np.int64)
        return RankedWindows(id_array(queries), offset, flat, np.array(windows).reshape(-1, 2))

    def _same_queries(self, lists: dict[str, Any], queries: list[str]) -> None:
        for query in lists.keys() - set(queries):
            self.source.report("E020", f"query {query} is not in gt", pointer=f"/windows/{query}")
        for query in set(queries) - lists.keys():
            self.source.report("E021", f"query {query} has no windows")

    def _numbers(self, value: Any, query: str) -> list[int]:
        fine = isinstance(value, list) and all(type(item) is int and abs(item) < 2**62 for item in value)
        if not fine:
            message = "expected a list of window numbers (integers)"
            self.source.report("E011", message, pointer=f"/windows/{query}", query=query)
            return []
        if not value:
            self.source.report("E040", "has no windows; every query needs at least one", query=query)
        return value


def _holds_bool(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_bool(item) for item in value)
    return isinstance(value, bool)


def _seen(array: np.ndarray) -> str:
    if array.dtype.kind not in "iuf":
        return "something else (texts, nulls or lists of different lengths)"
    return " x ".join(map(str, array.shape))


def _similarities(source: Source) -> Similarities:
    try:
        with np.load(io.BytesIO(source.data), allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
    except UNREADABLE as error:
        source.report("E002", f"not a readable npz archive ({error})")
        raise Broken from error
    sims, target = members.get("sims"), members.get("target")
    if sims is None:
        source.report("E010", "required array sims is missing")
        raise Broken
    if sims.dtype.kind not in "iuf":
        source.report("E011", f"sims has dtype {sims.dtype}, expected numbers")
        raise Broken
    if sims.ndim == 2:
        whole = np.zeros(0) if target is None else target
        fits = whole.shape == sims.shape[:1] and whole.dtype.kind in "iu"
        if not fits or not ((whole >= 0) & (whole < sims.shape[1])).all():
            source.report("E011", "sims of shape [T][V] needs target: T integers 0 ... V - 1")
            raise Broken
    elif sims.ndim != 3 or sims.shape[0] != sims.shape[2]:
        source.report("E011", f"sims has shape {list(sims.shape)}, expected [V][slots][V] or [T][V]")
        raise Broken
    return Similarities(sims, target)


def write_submission(path: Any, submission: Submission) -> None:
    """Single files hold predictions and truth together and are not converted."""
    raise ValueError("files that hold predictions and truth together cannot be converted")
