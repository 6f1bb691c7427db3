"""One film into a library: frames, features, thumbnails, subtitles, manifest, in one pass and one piece.

Every file is written whole; the manifest comes last, so a film whose manifest is there is complete.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import h5py
import numpy as np
from PIL import Image

from method_tng.contract.files import write_whole
from method_tng.encoders.text import TextEncoder
from method_tng.extraction.library import Film, Line, write_record

if TYPE_CHECKING:
    from method_tng.extraction.video import Count, Facts, Video

BATCH = 16  # pictures encoded together
THUMBNAIL_WIDTH, THUMBNAIL_QUALITY, THUMBNAIL_EVERY = 320, 80, 5.0


class ImageEncoder(Protocol):
    """Pictures to rows; `encoders/descriptors.py` and `encoders/images.py` hold them."""

    width: int

    def frame_size(self, width: int, height: int) -> tuple[int, int]: ...

    def restart(self) -> None: ...

    def encode(self, pictures: Sequence[np.ndarray]) -> np.ndarray: ...

    def describe(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Source:
    """A film that is to be extracted."""

    film_id: str
    path: Path
    folder: str  # inside the folder of films


@dataclass(frozen=True)
class Settings:
    """How films are extracted."""

    rate: float = 2.0  # frames a second that are looked at
    clip_length: float = 2.0  # seconds of a feature row
    threads: int = 0  # of a decoder


class ClipMeans:
    """The mean row of each clip, from rows that come in the order of their seconds."""

    def __init__(self, clip_length: float, width: int) -> None:
        self.clip_length = clip_length
        self._rows: list[np.ndarray] = []
        self._sum, self._count = np.zeros(width, np.float64), 0

    def add(self, seconds: Sequence[float], rows: np.ndarray) -> None:
        """Rows (n, width) of pictures shown at these seconds."""
        for second, row in zip(seconds, rows, strict=True):
            self._close_before(int((second + 1e-6) // self.clip_length))
            self._sum += row
            self._count += 1

    def whole(self, duration: float) -> np.ndarray:
        """(clips, width) float32; a clip in which no picture begins shows the one before."""
        self._close_before(max(1, int(np.ceil(duration / self.clip_length - 1e-6))))
        return np.stack(self._rows)

    def _close_before(self, clip: int) -> None:
        while len(self._rows) < clip:
            if self._count:
                self._rows.append((self._sum / self._count).astype(np.float32))
                self._sum, self._count = np.zeros_like(self._sum), 0
            else:
                before = self._rows[-1] if self._rows else np.zeros(len(self._sum), np.float32)
                self._rows.append(before)


def extract_film(
    source: Source, library: Path, images: ImageEncoder, words: TextEncoder, settings: Settings
) -> Film:
    """Extracts a film into a library.

    Raises:
        DataError: it is no film that can be decoded; nothing of it is kept.
    """
    from method_tng.extraction.subtitles import lines_beside, lines_of, state_beside
    from method_tng.extraction.video import Video

    pictures = library / "thumbnails" / source.film_id
    fresh = pictures.with_name(f".{source.film_id}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        with Video(source.path, settings.threads) as video:
            stat, beside = source.path.stat(), state_beside(source.path)
            rows, times = _features(video, images, settings, fresh)
            facts, count = video.facts(), video.count
            lines = [*lines_of(video.captions_from_start()), *lines_beside(source.path, count.remarks)]
        shutil.rmtree(pictures, ignore_errors=True)
        fresh.rename(pictures)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _write_rows(library / "features" / f"{source.film_id}.h5", source.film_id, rows, times)
    _write_lines(library, source.film_id, lines, words, (len(rows), settings.clip_length))
    _remark(facts, count)
    versions = {"av": version("av"), "numpy": version("numpy")}
    made = {"images": images.describe(), "words": words.describe(), "versions": versions}
    made |= {"clip_length": settings.clip_length, "rate": settings.rate}
    film = Film(
        film_id=source.film_id,
        title=source.path.stem,
        folder=source.folder,
        source=str(source.path.absolute()),  # not where a link leads: it is followed when it is read
        source_size=stat.st_size,
        source_changed=stat.st_mtime_ns,
        source_hash=_digest(source.path),
        duration=round(count.end, 6),
        told_duration=facts.told_duration,
        begin=round(facts.begin, 6),
        width=facts.width,
        height=facts.height,
        rotation=facts.rotation,
        container=facts.container,
        video_codec=facts.video_codec,
        audio_codec=facts.audio_codec,
        playable=facts.playable,
        faststart=facts.faststart,
        frames=count.frames,
        used=count.used,
        faults=count.faults,
        subtitle_tracks=tuple(dict.fromkeys(line.track for line in lines)),
        beside=beside,
        remarks=tuple(count.remarks),
        made=made,
    )
    write_record(library / "films" / f"{source.film_id}.json", film)
    return film


def _features(
    video: "Video", images: ImageEncoder, settings: Settings, thumbnails: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Rows per clip and the seconds of the frames behind them; thumbnails are written on the way."""
    images.restart()
    means, times, due = ClipMeans(settings.clip_length, images.width), [], 0.0
    for seconds, frames in _batches(video.frames(settings.rate)):
        size = images.frame_size(*video.shown_size(frames[0]))
        means.add(seconds, images.encode([video.picture(frame, size) for frame in frames]))
        times += seconds
        for second, frame in zip(seconds, frames, strict=True):
            if second >= due - 1e-6:
                picture = Image.fromarray(video.picture(frame, _thumbnail_size(*video.shown_size(frame))))
                picture.save(thumbnails / f"{round(1000 * second):09d}.jpg", quality=THUMBNAIL_QUALITY)
                due = (second // THUMBNAIL_EVERY + 1) * THUMBNAIL_EVERY
    return means.whole(video.count.end), np.array(times)


def _thumbnail_size(width: int, height: int) -> tuple[int, int]:
    return THUMBNAIL_WIDTH, max(1, round(THUMBNAIL_WIDTH * height / width))


def _batches(frames: Iterator[tuple[float, Any]]) -> Iterator[tuple[list[float], list[Any]]]:
    seconds: list[float] = []
    waiting: list[Any] = []
    for second, frame in frames:
        seconds.append(second)
        waiting.append(frame)
        if len(waiting) == BATCH:
            yield seconds, waiting
            seconds, waiting = [], []
    if waiting:
        yield seconds, waiting


def _remark(facts: "Facts", count: "Count") -> None:
    if facts.told_duration and facts.begin + count.end < 0.98 * facts.told_duration - 1:
        told = f"the container says {facts.told_duration:.1f} s"
        count.remarks.append(f"{count.end:.1f} s could be decoded, {told}")
    if count.faults:
        count.remarks.append(f"{count.faults} packets or frames could not be decoded and are left out")
    if facts.picture_tracks:
        count.remarks.append(f"{facts.picture_tracks} subtitle tracks are pictures and cannot be read")
    if facts.container == "mp4" and not facts.faststart:
        count.remarks.append("the index stands at the end of the file: it starts slowly over a network")


def _write_rows(path: Path, film_id: str, rows: np.ndarray, times: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            file[film_id] = rows.astype(np.float16) if np.abs(rows).max() < 6e4 else rows
            if times is not None:
                file["times"] = times

    write_whole(path, write)


def _write_lines(
    library: Path, film_id: str, lines: list[Line], words: TextEncoder, shape: tuple[int, float]
) -> None:
    """The lines, and per clip the mean of the words that are said in it (zero in silence)."""
    write_record(library / "subtitles" / f"{film_id}.json", lines)
    num_clips, clip_length = shape
    vectors = words.encode([line.text for line in lines]) if lines else []
    rows = np.zeros((num_clips, len(words.encode(["x"])[0][0])), np.float32)
    for line, vector in zip(lines, vectors, strict=True):
        first, last = int(line.start // clip_length), int(max(line.start, line.end - 1e-6) // clip_length)
        rows[max(0, first) : last + 1] += vector.sum(axis=0)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    _write_rows(library / "sub_features" / f"{film_id}.h5", film_id, rows / np.maximum(norms, 1e-6))


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
