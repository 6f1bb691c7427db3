"""Parsed row lists -> columns.  Clean lists take a fast path without Python work per row; the others are
checked element by element and every fault is reported with its pointer.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from .columns import Rows, plain
from .sources import Source

LITERALS_TEXT = ("true", "false")
LITERALS_BYTES = (b"true", b"false")
EXACT = float(2**53)  # above it a float is not an exact integer
EMPTY_ROWS = "has no rows; every query needs at least one"


class RowReader:
    """Gathers the rows of one task, entry by entry.

    Args:
        source: the file, which gets the issues.
        names: what the elements of a row are, in order, such as ("video", "st", "ed", "score").
        needed: how many of them a row must have.
        used: how many of them are looked at; the rest may be anything.
        score_at: place of the score in a row, None when rows carry none.
    """

    def __init__(
        self, source: Source, names: Sequence[str], needed: int, used: int, score_at: int | None = None
    ) -> None:
        self.source = source
        self.names = tuple(names)
        self.needed = needed
        self.used = used
        self.score_at = score_at
        self.columns = [np.empty(1 << 10) for _ in self.names]
        self.size = 0
        self.ends: list[int] = []
        self.scored: list[bool] = []  # per entry, whether all its rows have a score
        self.some_scored = False
        self.replaced: set[int] = set()  # rows with a reported fault, now zeros
        self.wide: list[tuple[int, int]] = []  # (row, exact index) of integers that no float holds

    def add(self, rows: Any, text: str | bytes, place: dict[str, Any]) -> None:
        """One entry's rows; ``text`` is the JSON they came from, ``place`` where the list stands."""
        block = self._fast(rows, text)
        if block is None:
            block = self._careful(rows, place)
        count = len(block)
        while self.size + count > len(self.columns[0]):
            self.columns = [np.concatenate([column, np.empty_like(column)]) for column in self.columns]
        width = min(block.shape[1], len(self.names)) if count else 0
        for number in range(width):
            self.columns[number][self.size : self.size + count] = block[:, number]
        for number in range(width, len(self.names)):
            self.columns[number][self.size : self.size + count] = np.nan
        if len(self.scored) < len(self.ends) + 1:
            self.scored.append(self.score_at is not None and width > self.score_at)
        self.size += count
        self.ends.append(self.size)

    def blank(self) -> None:
        """An entry without rows, whose fault is already reported."""
        self.ends.append(self.size)
        self.scored.append(False)

    def _fast(self, rows: Any, text: str | bytes) -> np.ndarray | None:
        """The rows as an array when all are lists of one length and of plain numbers, else None."""
        if type(rows) is not list or not rows:
            return None
        literals = LITERALS_TEXT if isinstance(text, str) else LITERALS_BYTES
        may_hold_bool = any(word in text for word in literals)  # type: ignore[operator]
        if may_hold_bool and not all(
            isinstance(row, list | tuple) and bool not in set(map(type, row)) for row in rows
        ):
            return None
        try:
            widths = set(map(len, rows))
            if len(widths) != 1 or max(widths) < self.needed:
                return None
            block = np.frombuffer(array("d", chain.from_iterable(rows)))
        except (TypeError, OverflowError):
            return None
        block = block.reshape(len(rows), -1)
        if self.names[0] == "video" and not (np.abs(block[:, 0]) < EXACT).all():
            return None
        return block

    def _careful(self, rows: Any, place: dict[str, Any]) -> np.ndarray:
        """The same row by row; a faulty element is reported and replaced, so that row numbers stay."""
        report, pointer, order = self.source.report, place.get("pointer", ""), place.get("order", ())
        if not isinstance(rows, list):
            report("E011", f"expected a list of rows {self.shape}, found {kind_of(rows)}", **place)
            rows = []
        elif not rows:
            report("E040", EMPTY_ROWS, **place)
        block = np.full((len(rows), len(self.names)), np.nan)
        block[:, : self.needed] = 0.0
        all_scored = bool(rows)
        for number, row in enumerate(rows):
            here = {**place, "pointer": f"{pointer}/{number}", "order": (*order, number)}
            if not isinstance(row, list | tuple):
                self.replaced.add(self.size + number)
                report("E011", f"expected a row {self.shape}, found {kind_of(row)}", **here)
            elif len(row) < self.needed:
                self.replaced.add(self.size + number)
                found = plural(len(row), "element")
                report("E015", f"row has {found}, expected at least {self.needed} {self.shape}", **here)
            else:
                self._careful_row(row, block[number], number, here)
            scored = self.score_at is not None and isinstance(row, list | tuple) and len(row) > self.score_at
            all_scored = all_scored and scored
            self.some_scored |= scored
        if self.score_at is not None:
            self.scored.append(all_scored)
        return block

    def _careful_row(
        self, row: Sequence[Any], target: np.ndarray, number: int, place: dict[str, Any]
    ) -> None:
        elements = [
            at for at in range(min(len(row), len(self.names))) if at < self.used or at == self.score_at
        ]
        for at in elements:
            here = {**place, "pointer": f"{place['pointer']}/{at}"}
            value = checked_number(row[at], self.names[at], self.source, here)
            if value is None:
                target[:] = 0.0
                self.replaced.add(self.size + number)
                return
            target[at] = float(value)
            if at == 0 and self.names[0] == "video" and isinstance(value, int) and abs(value) >= EXACT:
                self.wide.append((self.size + number, value))

    @property
    def shape(self) -> str:
        """How a row looks, for messages: ``[video, st, ed, score]``."""
        return f"[{', '.join(self.names)}]"

    def finish(
        self, query: np.ndarray, line: list[int] | None = None, pointer: str = "", rows_at: str = ""
    ) -> Rows:
        """The rows as columns, after checking for finite numbers, whole indices and reversed windows."""
        offset = np.array([0, *self.ends], dtype=np.int64)
        used = [column[: self.size] for column in self.columns]
        named = dict(zip(self.names, used, strict=True))
        video = self._whole(named["video"]) if "video" in named else None
        window = np.stack([named["st"], named["ed"]], axis=1) if self.used > 1 else None
        if window is not None:
            window += 0.0  # no negative zeros: every parser and the npz give the same bits
        score = None
        if self.score_at is not None and (self.some_scored or any(self.scored)):
            score = named[self.names[self.score_at]] + 0.0
        lines = None if line is None else np.array(line, dtype=np.int64)
        rows = Rows(query, offset, window, video, score, lines, pointer)
        self._check(rows, rows_at)
        return rows

    def _whole(self, column: np.ndarray) -> np.ndarray:
        safe = np.where(np.isfinite(column) & (np.abs(column) < 2.0**63), column, 0.0)
        video = safe.astype(np.int64)
        for row, value in self.wide:
            video[row] = value if -(2**63) <= value < 2**63 else 0
        self._fractional = np.flatnonzero((video != column) & (np.abs(column) < EXACT))
        self._outside = np.flatnonzero(~np.isfinite(column) | (np.abs(column) >= 2.0**63))
        return video

    def _check(self, rows: Rows, rows_at: str) -> None:
        """Whole-column checks; the places of the few offenders are worked out afterwards."""

        def each(indices: np.ndarray, element: int | None, code: str, message: Any) -> None:
            for index in self.source.findings.shown(indices, code):
                entry = int(np.searchsorted(rows.offset, index, side="right")) - 1
                place = rows.place(entry)
                number = int(index - rows.offset[entry])
                tail = f"{rows_at}/{number}" + ("" if element is None else f"/{element}")
                place["pointer"] = place.get("pointer", "") + tail
                place["order"] = (*place["order"], number, element or 0)
                self.source.report(code, message(index), **place)

        if rows.video is not None:
            column = self.columns[0]
            each(self._fractional, 0, "E011", lambda i: f"video index {column[i]} is not a whole number")
            each(
                self._outside, 0, "E012", lambda i: f"video index {column[i]} is not a finite 64-bit integer"
            )
        for element, name in enumerate(self.names):
            if name == "video" or (element >= self.used and element != self.score_at):
                continue
            values = self.columns[element][: self.size]
            bad = ~np.isfinite(values)
            if element == self.score_at:
                bad &= np.repeat(np.array(self.scored, dtype=bool), rows.lengths)
            each(
                np.flatnonzero(bad),
                element,
                "E012",
                lambda i, v=values, n=name: f"{n} is {v[i]}, expected a finite number",
            )
        if rows.window is not None:
            start, end = rows.window[:, 0], rows.window[:, 1]
            each(
                np.flatnonzero(start > end),
                None,
                "E013",
                lambda i: f"window is reversed: start {start[i]} is after end {end[i]}",
            )


def checked_number(value: Any, name: str, source: Source, place: dict[str, Any]) -> int | float | None:
    """The value when it is a finite number, else None after reporting E011 or E012."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        source.report("E011", f"{name} is {kind_of(value)}, expected a number", **place)
        return None
    try:
        finite = math.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        source.report("E012", f"{name} is {short(value)}, expected a finite number", **place)
        return None
    return value


def kind_of(value: Any) -> str:
    """A JSON value in words, with its content when short: ``the text "1.0"``, ``null``, ``a list``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'the text "{short(value)}"'
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"the number {short(value)}"


def short(value: Any, limit: int = 40) -> str:
    """The value as text, cut when long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def plural(count: int, noun: str) -> str:
    """``1 element``, ``2 elements``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
