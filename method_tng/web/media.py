"""A film's own files, by its id alone: the video and the small pictures.

A path is never made from a request.  What the library names is followed to its end, and served only where
that still lies in the folder of films, or in the library's folder: a link that leads out is refused.
"""

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from fastapi import Request

from method_tng.contract.errors import DataError
from method_tng.search.answers import FilmEntry
from method_tng.search.searcher import Searcher
from method_tng.web.faults import refusal

TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".ogv": "video/ogg", ".avi": "video/x-msvideo", ".ts": "video/mp2t",
    ".m2ts": "video/mp2t", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".wmv": "video/x-ms-wmv",
}  # fmt: skip
ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{1,18})?\s*-\s*(\d{1,18})?\s*", re.IGNORECASE)


class Media:
    """The files of the films that a searcher holds."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._pictures = lru_cache(256)(lambda film_id: dict(self._stamped(film_id)))

    def film(self, film_id: str) -> FilmEntry:
        """A film.  Refuses an id that is not in the index."""
        try:
            return self._searcher.film(film_id)
        except DataError as error:
            raise refusal(404, "unknown_film", "there is no film of this id in the index") from error

    def video(self, film_id: str) -> Path:
        """A film's file.  Refuses one that is gone, or is a link that leads out of the folder of films."""
        film = self.film(film_id)
        if not film.source:
            raise refusal(404, "no_video", "the index was made from features alone and knows no video")
        source = Path(film.source)
        depth = len(Path(film.folder).parts)
        return _inside(source, source.parents[depth], "no_video")

    def pictures(self, film_id: str) -> Mapping[int, Path]:
        """Milliseconds -> small picture, in their order."""
        self.film(film_id)
        return self._pictures(film_id)

    def picture(self, film_id: str, milliseconds: int) -> Path:
        """The small picture that was taken nearest to a time.  Refuses where there is none."""
        pictures = self.pictures(film_id)
        if not pictures:
            raise refusal(404, "no_picture", "there are no small pictures of this film")
        nearest = pictures[min(pictures, key=lambda taken: abs(taken - milliseconds))]
        return _inside(nearest, nearest.parents[2], "no_picture")

    def _stamped(self, film_id: str) -> list[tuple[int, Path]]:
        return [(round(1000 * seconds), path) for seconds, path in self._searcher.thumbnails(film_id)]


def media_type(path: Path) -> str:
    """What a file is, by its ending."""
    return TYPES.get(path.suffix.lower(), "application/octet-stream")


def settle_range(request: Request, size: int) -> None:
    """Refuses a byte range outside of a file, and forgets one that is no single range (RFC 9110, 14.2)."""
    told = request.headers.get("range")
    if told is None:
        return
    found = ONE_RANGE.fullmatch(told)
    first, last = found.groups() if found else (None, None)
    if (first is None and last is None) or (first and last and int(last) < int(first)):
        kept = [(name, value) for name, value in request.scope["headers"] if name.lower() != b"range"]
        request.scope["headers"] = kept
    elif (first is not None and int(first) >= size) or (first is None and int(last or 0) == 0):
        message = f"the file has {size} bytes"
        raise refusal(416, "range_not_satisfiable", message, {"Content-Range": f"bytes */{size}"})


def _inside(path: Path, folder: Path, code: str) -> Path:
    try:
        real, home = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
        fits = real.is_relative_to(home) and real.is_file()
    except OSError:
        fits = False
    if not fits:
        told = "the file is not where it was when the film was extracted"
        raise refusal(404, code, f"{told}, or is a link out of its folder")
    return real
