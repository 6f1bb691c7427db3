"""Single fields of parsed JSON entries, checked: ids, numbers, texts and windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import plain
from .rowreader import checked_number, kind_of
from .sources import Source

MISSING = object()
INT64 = range(-(2**63), 2**63)


class IdColumn:
    """The ids of a file's entries: all integers or all texts."""

    def __init__(self, source: Source, key: str) -> None:
        self.source = source
        self.key = key
        self.values: list[int | str] = []
        self.mixed = False

    def add(self, value: Any, place: dict[str, Any]) -> int | str | None:
        """Takes one id, or reports E010/E011 and returns None."""
        value, wanted = plain(value), f"{self.key} must be an integer or a text"
        if value is MISSING:
            self.source.report("E010", f"required key {self.key} is missing", **place)
        elif isinstance(value, bool) or not isinstance(value, int | str):
            self.source.report("E011", f"{wanted}, found {kind_of(value)}", **place)
        elif isinstance(value, int) and value not in INT64:
            self.source.report("E011", f"{wanted} of 64 bits, found {kind_of(value)}", **place)
        elif isinstance(value, str) and "\0" in value:
            self.source.report("E011", f"{wanted} without NUL characters", **place)
        elif self.values and type(value) is not type(self.values[0]):
            if not self.mixed:
                self.source.report(
                    "E011",
                    f"{self.key} is {kind_of(value)}, but earlier ones are like {self.values[0]!r}; "
                    "use integers or texts throughout",
                    **place,
                )
            self.mixed = True
        else:
            self.values.append(value)
            return value
        return None

    def array(self) -> np.ndarray:
        """(Q,) int64 or text."""
        return id_array(self.values)


def identified(source: Source, ids: IdColumn) -> Iterator[tuple[dict[str, Any], dict[str, Any], bytes]]:
    """(place, entry, its bytes) of every jsonl line that is an object with an id; others are reported."""
    for line, entry, text in source.lines():
        place: dict[str, Any] = {"line": line, "order": (line,)}
        if not isinstance(entry, dict):
            source.report("E003", f"expected one JSON object per line, found {kind_of(entry)}", **place)
            continue
        query = ids.add(entry.get(ids.key, MISSING), place)
        if query is not None:
            yield {**place, "query": query}, entry, text


def id_array(values: list[Any]) -> np.ndarray:
    """Ids as an array: int64 when the first is an integer (or there is none), else text."""
    if values and isinstance(values[0], str):
        return np.array(values, dtype=np.str_)
    return np.array(values, dtype=np.int64)


def report_duplicates(source: Source, code: str, ids: np.ndarray, place_of: Any, what: str) -> None:
    """Reports every repeated id with both positions.  ``place_of(entry)`` gives Issue fields."""
    unique, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    if len(unique) == len(ids):
        return
    repeated = np.flatnonzero(first[inverse] != np.arange(len(ids)))
    for entry in repeated:
        place = place_of(int(entry))
        before = place_of(int(first[inverse[entry]]))
        where = (
            f"line {before['line']}"
            if "line" in before
            else before.get("pointer", f"entry {first[inverse[entry]]}")
        )
        here = f"line {place['line']}" if "line" in place else place.get("pointer", f"entry {entry}")
        source.report(code, f"{what} {plain(ids[entry])} appears twice: at {where} and at {here}", **place)


def number_of(entry: dict[str, Any], key: str, source: Source, place: dict[str, Any]) -> float | None:
    """A finite number field; None after a report when it is missing or wrong."""
    if key not in entry:
        source.report("E010", f"required key {key} is missing", **place)
        return None
    value = checked_number(entry[key], key, source, sub(place, key))
    return None if value is None else float(value)


def optional_number(entry: dict[str, Any], key: str, source: Source, place: dict[str, Any]) -> float:
    """A finite number field that may be absent or null: NaN then."""
    if entry.get(key) is None:
        return float("nan")
    value = checked_number(entry[key], key, source, sub(place, key))
    return float("nan") if value is None else float(value)


def text_of(entry: dict[str, Any], key: str, source: Source, place: dict[str, Any]) -> str:
    """A required text field, '' after a report."""
    value = entry.get(key, MISSING)
    if value is MISSING:
        source.report("E010", f"required key {key} is missing", **place)
        return ""
    if not isinstance(value, str) or "\0" in value:
        source.report("E011", f"{key} is {kind_of(value)}, expected a text", **sub(place, key))
        return ""
    return value


def optional_text(entry: dict[str, Any], key: str) -> str:
    """A text field that only describes: anything but a text counts as absent."""
    value = entry.get(key)
    return value.replace("\0", "") if isinstance(value, str) else ""


def window_of(value: Any, source: Source, place: dict[str, Any]) -> tuple[float, float] | None:
    """A gt window ``[st, ed]``; None after reporting E011, E012 or E013."""
    if not isinstance(value, list) or len(value) != 2:
        found = f"a list of {len(value)}" if isinstance(value, list) else kind_of(value)
        source.report("E011", f"expected a window [st, ed], found {found}", **place)
        return None
    start = checked_number(value[0], "st", source, sub(place, 0))
    end = checked_number(value[1], "ed", source, sub(place, 1))
    if start is None or end is None:
        return None
    if start > end:
        source.report("E013", f"window is reversed: start {start} is after end {end}", **place)
        if "E013" not in source.findings.lenient:
            return None
    return float(start) + 0.0, float(end) + 0.0


def windows_of(value: Any, source: Source, place: dict[str, Any]) -> list[tuple[float, float]]:
    """A list of gt windows; E043 when empty."""
    if not isinstance(value, list):
        source.report("E011", f"expected a list of windows [st, ed], found {kind_of(value)}", **place)
        return []
    if not value:
        source.report("E043", "the query has no window, expected at least one [st, ed]", **place)
        return []
    found = [window_of(item, source, sub(place, number)) for number, item in enumerate(value)]
    return [window for window in found if window is not None]


def sub(place: dict[str, Any], key: str | int) -> dict[str, Any]:
    """The place of a member inside the given place."""
    return {**place, "pointer": f"{place.get('pointer', '')}/{key}"}
