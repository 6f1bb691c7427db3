"""Subtitles of a film: the tracks inside it, and the files beside it (SRT, VTT, ASS) in any encoding."""

import contextlib
import html
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pysubs2
from charset_normalizer import from_bytes

from method_tng.contract.errors import DataError
from method_tng.extraction.library import Line
from method_tng.extraction.video import Caption

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
ENCODINGS = ("utf-8", "gb18030", "utf_16", "big5", "cp1252")  # tried when the bytes say nothing themselves
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DRAWING = re.compile(r"\{[^}]*\\p[1-9].*?(\{[^}]*\\p0[^}]*\}|$)", re.DOTALL)
MARKUP = re.compile(r"\{[^}]*\}|</?[a-zA-Z0-9][^<>]*>")


def lines_beside(film: Path, faults: list[str]) -> list[Line]:
    """The lines of FILM.srt, FILM.en.srt, FILM.zh.vtt, ..., by their start; the track is the part between.

    A file that cannot be read as subtitles adds a sentence to the faults.
    """
    found: list[Line] = []
    for path in _files_beside(film):
        try:
            found += _read(path, path.stem[len(film.stem) + 1 :] or path.suffix[1:])
        except DataError as error:  # the film is worth having without them
            faults.append(str(error))
    return sorted(found, key=lambda line: (line.start, line.end))


def state_beside(film: Path) -> tuple[str, ...]:
    """Name, bytes and nanoseconds of each subtitle file beside a film: another when one of them is."""
    stats = ((path.name, path.stat()) for path in _files_beside(film))
    return tuple(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)


def lines_of(captions: Iterable[Caption]) -> list[Line]:
    """The lines of the tracks inside a film, without their markup."""
    found = [Line(one.start, one.end, plain(one.text), one.track) for one in captions]
    return sorted((line for line in found if line.text), key=lambda line: (line.start, line.end))


def plain(text: str) -> str:
    """A line without drawings, override codes, tags and line breaks."""
    text = MARKUP.sub("", DRAWING.sub("", text))
    text = text.replace("\\N", " ").replace("\\n", " ").replace("\\h", " ")
    return " ".join(html.unescape(text).split())


def decoded(raw: bytes) -> str:
    """Bytes of unknown encoding as text: by their mark, as UTF-8, else as what they look most like."""
    for mark, encoding in MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, "replace")
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if raw[first:200:2].count(0) > len(raw[first:200:2]) / 2:  # numbers and times are half of it or more
            return raw.decode(encoding, "replace")
    with contextlib.suppress(UnicodeDecodeError):
        return raw.decode("utf-8")
    best = from_bytes(raw, cp_isolation=list(ENCODINGS)).best()
    return raw.decode(best.encoding if best else "gb18030", "replace")


def _files_beside(film: Path) -> list[Path]:
    names = (name for name in sorted(os.listdir(film.parent)) if name.startswith(f"{film.stem}."))
    return [path for path in map(film.parent.joinpath, names) if path.suffix.lower() in SUFFIXES]


def _read(path: Path, track: str) -> list[Line]:
    try:
        events = pysubs2.SSAFile.from_string(decoded(path.read_bytes()), path.suffix[1:].lower())
    except (OSError, ValueError, pysubs2.Pysubs2Error) as error:
        raise DataError(f"{path} cannot be read as subtitles ({error}); expected SRT, VTT or ASS") from error
    if not len(events):
        raise DataError(f"{path} cannot be read as subtitles (no line found); expected SRT, VTT or ASS")
    lines = (
        Line(one.start / 1000, one.end / 1000, plain(one.text), track) for one in events if not one.is_comment
    )
    return [line for line in lines if line.text and line.end > line.start]
