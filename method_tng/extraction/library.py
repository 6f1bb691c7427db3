"""A library: what extraction leaves of a folder of films, and how everybody else reads it.

    library.json                   format, encoder, frames per second, seconds per feature row, thumbnails
    films/FILM.json                what is known of a film, written last: with it the film is complete
    features/FILM.h5               dataset FILM (rows, width), a row per clip_length seconds of the film;
                                   dataset times (frames,): seconds of every frame that was looked at
    subtitles/FILM.json            its lines          sub_features/FILM.h5   the same as rows of word vectors
    thumbnails/FILM/MILLISECONDS.jpg

Reading needs no extra.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_whole

FORMAT = 1


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a film.

    Attributes:
        film_id: its name in the library, safe in a file's name and in a web address.
        title: the file's name without its ending.
        folder: of the file inside the folder of films, "" at its top.
        source: the file's absolute path, `folder` and name at its end.
        source_size, source_changed: bytes and nanoseconds, by which a film that was changed is noticed.
        source_hash: sha256 of the file.
        duration: seconds from the first frame to the end of the last.
        told_duration: seconds as the container says, 0 when it does not.
        begin: seconds of the first frame on the clock by which players show the file.
        rotation: degrees by which frames were turned.
        playable: a browser plays the file as it is.
        faststart: an MP4 whose index stands in front.
        frames, used, faults: decoded frames, frames that were looked at, packets and frames left out.
        beside: state of the subtitle files beside it, by which new ones are noticed.
        remarks: what was odd, a sentence each.
        made: encoder, processor, versions and settings of the extraction.
    """

    film_id: str
    title: str
    folder: str
    source: str
    source_size: int
    source_changed: int
    source_hash: str
    duration: float
    told_duration: float
    width: int
    height: int
    rotation: int
    container: str
    video_codec: str
    audio_codec: str
    playable: bool
    faststart: bool
    frames: int
    used: int
    faults: int
    subtitle_tracks: tuple[str, ...]
    remarks: tuple[str, ...]
    made: dict[str, Any]
    begin: float = 0.0
    beside: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """A subtitle: seconds from the film's first frame."""

    start: float
    end: float
    text: str
    track: str


class Library:
    """The films of an extraction.

    Attributes:
        folder: where it lies.
        facts: library.json.
        films: in the order of their ids.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], films: tuple[Film, ...]) -> None:
        self.folder, self.facts, self.films = folder, facts, films
        self._by_id = {film.film_id: film for film in films}

    @classmethod
    def open(cls, folder: Path | str) -> "Library":
        """Reads what is known of the complete films.

        Raises:
            DataError: no library of this format, or a manifest that is damaged.
        """
        folder = Path(folder)
        facts = _read(folder / "library.json", dict[str, Any])
        if facts.get("format") != FORMAT:
            raise DataError(
                f"{folder}/library.json has format {facts.get('format')!r}; expected {FORMAT}, extract the "
                "films with this version"
            )
        paths = sorted((folder / "films").glob("*.json"))
        return cls(folder, facts, tuple(_read(path, Film) for path in paths))

    @property
    def features(self) -> Path:
        """The folder of feature files, as `video_features` of the data settings takes it."""
        return self.folder / "features"

    @property
    def clip_length(self) -> float:
        """Seconds of a feature row."""
        return float(self.facts["clip_length"])

    def film(self, film_id: str) -> Film:
        """A film by its id.  Raises DataError for an unknown one."""
        if film_id not in self._by_id:
            raise DataError(f"{self.folder} holds no film {film_id!r} ({len(self.films)} films)")
        return self._by_id[film_id]

    def subtitles(self, film_id: str) -> list[Line]:
        """A film's subtitle lines by their start; none when it has no subtitles."""
        path = self.folder / "subtitles" / f"{self.film(film_id).film_id}.json"
        return _read(path, list[Line]) if path.is_file() else []

    def thumbnails(self, film_id: str) -> list[tuple[float, Path]]:
        """Seconds and file of each small picture, in order."""
        folder = self.folder / "thumbnails" / self.film(film_id).film_id
        return [(int(path.stem) / 1000, path) for path in sorted(folder.glob("*.jpg"))]


def write_record(path: Path, record: Any) -> None:
    """Indented JSON of a struct or plain values, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(record), indent=2)
    write_whole(path, lambda temporary: temporary.write_bytes(text + b"\n"))


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is not there; expected a library, make it with: "
            f"bash method_tng/scripts/extract.sh FOLDER_OF_FILMS {path.parent}"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); extract the film again") from error
