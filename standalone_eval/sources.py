"""Files as JSON values, one at a time, each with its place: plain or gzip, BOM or not, LF or CRLF.

Big files are never parsed as one value: a jsonl file is walked line by line, a JSON object member by
member and its lists item by item, so that parsed objects live only until they are columns.  Numbers are
parsed by the standard ``json`` module, or by ``orjson`` where it is installed and sees the same value.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

from .issues import Findings

try:
    import orjson
except ImportError:  # the standard parser gives the same columns
    orjson = None  # type: ignore[assignment]

MAY_HOLD_BOOL = b"true"  # stands for the text of parsed entries: readers then check every type
TOO_DEEP = "not JSON that can be read: nested too deeply"
WHITESPACE = " \t\n\r"
DECODER = json.JSONDecoder()


class Broken(Exception):
    """The file cannot be walked further; its issue is already recorded."""


@dataclass
class Source:
    """An input file in memory, with the name and role that messages use."""

    path: str
    role: str  # "submission" or "gt"
    data: bytes
    findings: Findings
    replaced: set[tuple[str, int]] = field(default_factory=set)  # (list, row) that had a fault
    parsed: Sequence[Any] | None = None  # entries at hand, read as if they were the lines of a file

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return "standard input" if self.path == "-" else Path(self.path).name

    def report(self, code: str, message: str, **place: Any) -> None:
        """Records an issue of this file; an ``E`` code stops the evaluation."""
        self.findings.add(code, message, role=self.role, file=self.name, **place)

    def text(self) -> str:
        """The whole file as text; the bytes are given up to save memory."""
        try:
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.report("E002", f"not UTF-8 text at byte {error.start}; save the file as UTF-8")
            raise Broken from error
        self.data = b""
        return text

    def lines(self) -> Iterator[tuple[int, Any, bytes]]:
        """(line number, value, its bytes) of every line that is not blank; broken ones are reported."""
        if self.parsed is not None:
            for number, value in enumerate(self.parsed, start=1):
                yield number, value, MAY_HOLD_BOOL
            return
        data, number = self.data, 0
        start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        while start < len(data):
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            number += 1
            line = data[start:end]
            start = end + 1
            if not line.strip():
                continue
            try:
                value = parse_line(line)
            except ValueError as error:
                self.report(
                    "E002", json_fault(error, last=not data[end:].strip()), line=number, order=(number,)
                )
                continue
            except RecursionError:
                self.report("E002", TOO_DEEP, line=number, order=(number,))
                continue
            yield number, value, line

    def whole(self) -> Any:
        """The file as one parsed value."""
        with self.syntax():
            cursor = Cursor(self.text())
            value = cursor.value()
            cursor.finish()
        return value

    def syntax(self) -> _SyntaxGuard:
        """A guard that turns a JSON error into E002 and :class:`Broken`."""
        return _SyntaxGuard(self)


class _SyntaxGuard:
    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, RecursionError):
            self.source.report("E002", TOO_DEEP)
            raise Broken from error
        if isinstance(error, JSONDecodeError) or (isinstance(error, ValueError) and kind is ValueError):
            self.source.report("E002", json_fault(error))
            raise Broken from error


def read_source(path: str | Path, role: str, findings: Findings) -> Source:
    """Reads a file (``-``: standard input), unpacked when it is gzip; E001 and :class:`Broken` on failure."""
    source = Source(str(path), role, b"", findings)
    try:
        data = sys.stdin.buffer.read() if source.path == "-" else Path(path).read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        elif source.path.endswith(".gz"):
            raise OSError("the name ends in .gz but the content is not gzip")
    except EOFError as error:
        source.report("E001", "the gzip file is truncated; copy it again")
        raise Broken from error
    except (OSError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        source.report("E001", f"cannot be read: {reason} ({source.path})")
        raise Broken from error
    source.data = data
    return source


def fingerprint(path: str | None) -> dict[str, Any]:
    """Name, size and sha256 of an input file, as the details JSON shows them."""
    if path is None or path == "-":
        return {"file": None, "bytes": None, "sha256": None}
    data = Path(path).read_bytes()
    return {"file": Path(path).name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def parse_line(line: bytes) -> Any:
    """The value of one line.  What orjson refuses (NaN, lone surrogates) the standard module decides."""
    if orjson is not None:
        try:
            return orjson.loads(line)
        except ValueError:
            pass
    return json.loads(line.decode("utf-8"))


def json_fault(error: BaseException, last: bool = True) -> str:
    """What is wrong with a JSON text, with line and column; a truncated file is named as such."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text at byte {error.start}; save the file as UTF-8"
    if not isinstance(error, JSONDecodeError):
        return f"not JSON: {error}"
    place = f"line {error.lineno} column {error.colno}"
    unfinished = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
    if last and unfinished:
        return f"not JSON: the file is truncated, it ends inside a value at {place} ({error.msg})"
    return f"not JSON: {error.msg} at {place}"


class Cursor:
    """A place in a JSON text that moves over values; used to read big lists item by item."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.start = 0  # where the last value began

    def peek(self) -> str:
        """The next character that is not white space, '' at the end."""
        text, at = self.text, self.at
        while at < len(text) and text[at] in WHITESPACE:
            at += 1
        self.at = at
        return text[at] if at < len(text) else ""

    def take(self, wanted: str, what: str) -> None:
        """Steps over one character, or raises a JSON error that says ``what`` was expected."""
        if self.peek() != wanted or not wanted:
            raise JSONDecodeError(f"Expecting {what}", self.text, self.at)
        self.at += 1

    def value(self) -> Any:
        """The value at this place; its text is ``text[start:at]``."""
        self.peek()
        self.start = self.at
        value, self.at = DECODER.raw_decode(self.text, self.at)
        return value

    def members(self) -> Iterator[str]:
        """Keys of the object at this place; the caller consumes each value before the next key."""
        self.take("{", "an object")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            self.take('"', "property name enclosed in double quotes")
            key, self.at = scanstring(self.text, self.at, True)
            self.take(":", "':' delimiter")
            yield key
            if self.peek() == "}":
                self.at += 1
                return
            self.take(",", "',' delimiter")

    def items(self) -> Iterator[Any]:
        """Values of the list at this place, one after the other."""
        self.take("[", "a list")
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self.at += 1
                return
            self.take(",", "',' delimiter")

    def finish(self) -> None:
        """Raises a JSON error unless only white space is left."""
        if self.peek():
            raise JSONDecodeError("Extra data", self.text, self.at)
