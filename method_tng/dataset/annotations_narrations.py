"""Narrations of one's own films: JSON lines, or a folder with an SRT or VTT file per film.

Lines: {"text", "movie_id", "start", "end"}, optionally "query_id", "duration" of the film, and "spans"
([[start, end], ...]) in place of start and end; without times and film a line is a query to be answered.
Folder: `FILM.srt` or `FILM.vtt`, an audio description; every subtitle is a narration.
A query without an id is called FILM#INDEX, counted from 0 within its film.  How long a film is: the file of
durations, else the line, else its features, else the end of its last narration rounded up to a clip.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from method_tng.contract.errors import DataError, MissingExtra
from method_tng.contract.items import Interval, Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.faults import Faults
from method_tng.dataset.feature_store import FeatureStore
from method_tng.dataset.found import Found
from method_tng.dataset.records import path_of, read_lines

SUFFIXES = (".srt", ".vtt")


class OwnLine(msgspec.Struct):
    """A narration.

    {"text": "A man opens a door.", "movie_id": "film", "start": 61.0, "end": 65.5}
    """

    text: str
    query_id: int | str | None = None
    movie_id: str = ""
    start: float | None = None
    end: float | None = None
    spans: list[Interval] | None = None
    duration: float | None = None


def read(data: DataSettings, split: str, faults: Faults) -> Found:
    """The narrations of a split, in file order, films by name where each has a file."""
    path = path_of(data.annotations, split)
    lines = _subtitles(path) if path.is_dir() else read_lines(path, OwnLine, faults)
    found = Found()
    numbers: Counter[str] = Counter()
    for place, line in lines:
        spans = _spans(line)
        if spans is None:
            faults.add(f"{place}: found only one of start and end; expected both, or spans, or none of them")
            continue
        query_id = (
            f"{line.movie_id or split}#{numbers[line.movie_id]}"
            if line.query_id is None
            else str(line.query_id)
        )
        numbers[line.movie_id] += 1
        found.add(Narration(query_id, line.text.strip(), line.movie_id, spans), place, line.duration)
    if not data.durations:
        _durations_of_features(found, data, split)
    return found


def _spans(line: OwnLine) -> tuple[Interval, ...] | None:
    """The moments of a line; None when half of one is missing."""
    if line.spans is not None:
        return tuple(line.spans)
    if line.start is None and line.end is None:
        return ()
    return None if line.start is None or line.end is None else ((line.start, line.end),)


def _subtitles(folder: Path) -> Iterator[tuple[str, OwnLine]]:
    """Every subtitle of every film of a folder."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(
            f"{folder} holds no SRT or VTT file; expected one per film, called FILM.srt or FILM.vtt"
        )
    for file in files:
        for number, event in enumerate(_events(file), start=1):
            text = " ".join(event.plaintext.split())
            line = OwnLine(text, movie_id=file.stem, start=event.start / 1000, end=event.end / 1000)
            yield f"{file}, subtitle {number}", line


def _events(file: Path) -> list[Any]:
    """The subtitles of a file, in its order."""
    try:
        import pysubs2
    except ImportError as error:
        raise MissingExtra("pysubs2", "video") from error
    try:
        events = [event for event in pysubs2.load(str(file), encoding="utf-8-sig") if not event.is_comment]
    except (OSError, UnicodeDecodeError, pysubs2.Pysubs2Error) as error:
        raise DataError(
            f"{file} cannot be read as subtitles ({error}); expected SRT or VTT in UTF-8, convert it"
        ) from error
    if not events:
        raise DataError(f"{file} holds no subtitle; expected at least one, write it again or remove it")
    return events


def _durations_of_features(found: Found, data: DataSettings, split: str) -> None:
    """Fills in how long films are by their features; all films of the file, when the lines name none."""
    path = (data.video_features if "video" in data.ctx_mode.split("_") else data.sub_features).replace(
        "{split}", split
    )
    if not path:
        return
    try:
        store = FeatureStore(path)
    except DataError:
        return  # texts can be prepared before features; whoever opens the features meets the same error
    for film in list(found.films) or store.ids():
        if found.films.get(film) is None and film in store:
            found.films[film] = store.num_rows(film) * data.clip_length
