"""A film's frames at a steady rate, its subtitles and its facts, in one pass over the file.

Times are seconds from the start of the video stream and come from presentation stamps, never from a
frame's number: rates vary, streams start late, files are broken.  A packet that cannot be decoded and a frame
without a stamp are left out and counted; a file that ends early ends there.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from method_tng.contract.errors import DataError

logger = logging.getLogger(__name__)

TOLERANCE = 1e-6  # seconds by which a frame may lie before its grid point
BACK = 2.0  # seconds; a stamp that lies farther back begins another film in the same file
LATEST = 500_000.0  # seconds; a stamp beyond belongs to no film
BROWSER_CODECS = {
    "mp4": ({"h264", "av1"}, {"aac", "mp3", ""}),
    "webm": ({"vp8", "vp9", "av1"}, {"opus", "vorbis", ""}),
}


@dataclass(frozen=True)
class Facts:
    """What the container says."""

    container: str
    video_codec: str
    audio_codec: str
    width: int  # as shown, turned upright
    height: int
    rotation: int  # degrees, counter-clockwise
    told_duration: float  # 0 = it does not say
    begin: float  # seconds of the first picture on the clock by which players show the file
    text_tracks: tuple[str, ...]
    picture_tracks: int  # subtitles that are pictures: not readable
    playable: bool
    faststart: bool


@dataclass
class Count:
    """What was met on the way; complete when the frames are exhausted."""

    frames: int = 0
    used: int = 0
    faults: int = 0
    end: float = 0.0  # seconds, of the last frame's end
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Caption:
    """A line of an embedded subtitle track."""

    start: float
    end: float
    text: str  # may hold ASS override codes
    track: str


class Video:
    """An open film.  Use as a context manager.

    Args:
        path: the file.
        threads: of the decoder; 0 = as many as it likes.

    Raises:
        DataError: no video that can be opened.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        self.path = path
        try:
            self._container = av.open(str(path))
        except (FFmpegError, OSError) as error:
            raise DataError(
                f"{path} cannot be opened as a film ({_told(error)}); copy or convert it again"
            ) from error
        stream = video_stream(self._container)
        if stream is None:
            self._container.close()
            raise DataError(
                f"{path} holds no video stream that can be decoded; expected a film, take it out of the "
                "folder or convert it"
            )
        self._stream = stream
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        self.count = Count()
        self.captions: list[Caption] = []
        self._rotation = 0
        self._scalers: dict[tuple[int, int], VideoReformatter] = {}
        rate = self._stream.average_rate
        self._tick = float(self._stream.time_base)
        self._usual = float(1 / rate) if rate else 0.0  # seconds of a frame that does not say
        self._zero: float | None = None
        self._latest = 0.0  # seconds of a frame

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def facts(self) -> Facts:
        """What the container says; the rotation once a frame was decoded."""
        context, container = self._stream.codec_context, self._container
        name = _container_name(container.format.name, self.path)
        codec = context.codec.canonical_name  # of the format, not of the decoder that happens to read it
        sounds = [
            one.codec_context.name if one.codec_context else "unknown" for one in container.streams.audio
        ]
        audio = sounds[0] if sounds else ""
        videos, audios = BROWSER_CODECS.get(name, (set(), set()))
        plain = (context.pix_fmt or "yuv420p") in ("yuv420p", "yuvj420p")
        width, height = self.shown_size(context)
        tracks = [stream for stream in container.streams.subtitles if _is_text(stream)]
        return Facts(
            container=name,
            video_codec=codec,
            audio_codec=audio,
            width=width,
            height=height,
            rotation=self._rotation,
            told_duration=container.duration / av.time_base if container.duration else 0.0,
            begin=(self._zero or 0.0) - min(0.0, (container.start_time or 0) / av.time_base),
            text_tracks=tuple(_track_name(stream) for stream in tracks),
            picture_tracks=len(container.streams.subtitles) - len(tracks),
            playable=codec in videos and audio.removesuffix("float") in audios and plain,
            faststart=name == "mp4" and _index_in_front(self.path),
        )

    def frames(self, rate: float) -> Iterator[tuple[float, Any]]:
        """Seconds and frame, the first at or after each point of a grid of `rate` points a second.

        A frame that stays for several points is given once.
        """
        due = 0.0
        for seconds, frame in self._decoded():
            if seconds >= due - TOLERANCE:
                self.count.used += 1
                yield seconds, frame
                due = (np.floor((seconds + TOLERANCE) * rate) + 1) / rate

    def shown_size(self, frame: Any) -> tuple[int, int]:
        """Width and height of a frame when it stands upright and its pixels are made square."""
        width = round(frame.width * (self._stream.sample_aspect_ratio or 1))
        return (frame.height, width) if self._rotation % 180 else (width, frame.height)

    def picture(self, frame: Any, size: tuple[int, int]) -> np.ndarray:
        """(height, width, 3) uint8 RGB of a frame, upright and scaled to `size` = (width, height)."""
        width, height = size[::-1] if self._rotation % 180 else size
        # One scaler per size, kept: making one costs as much as using it.
        scaler = self._scalers.setdefault((width, height), VideoReformatter())
        scaled = scaler.reformat(frame, width, height, "rgb24", interpolation="AREA")
        pixels = scaled.to_ndarray()
        return np.ascontiguousarray(np.rot90(pixels, self._rotation // 90)) if self._rotation else pixels

    def _decoded(self) -> Iterator[tuple[float, Any]]:
        """Every frame with its seconds; the embedded subtitles are gathered on the way."""
        texts = [stream for stream in self._container.streams.subtitles if _is_text(stream)]
        for packet in self._packets([self._stream, *texts]):
            if packet.stream.type == "subtitle":
                self._gather(packet)
                continue
            try:
                frames = packet.decode()
            except FFmpegError:
                self.count.faults += 1
                continue
            for frame in frames:
                seconds = self._seconds(frame)
                if seconds is not None:
                    yield seconds, frame
        if not self.count.frames:
            raise DataError(f"{self.path}: no frame could be decoded; copy or convert the film again")

    def _packets(self, streams: Sequence[Any]) -> Iterator[Any]:
        try:
            yield from self._container.demux(*streams)
        except FFmpegError as error:  # the file ends in the middle of something
            self.count.faults += 1
            self.count.remarks.append(f"the file breaks off after {self.count.end:.1f} s ({_told(error)})")

    def _seconds(self, frame: Any) -> float | None:
        """Seconds of a frame from the first one; None without a stamp."""
        self.count.frames += 1
        if frame.pts is None:
            self.count.faults += 1
            return None
        stamp = frame.time  # pts x time base
        if self._zero is None:
            begin = self._stream.start_time
            self._zero = stamp if begin is None else begin * self._tick
            self._rotation = int(frame.rotation) % 360
        seconds = stamp - self._zero
        if not max(-TOLERANCE, self._latest - BACK) <= seconds <= LATEST:  # a stamp that jumps
            self.count.faults += 1
            return None
        lasts = frame.duration * self._tick if frame.duration else self._usual
        self._latest = max(self._latest, seconds)
        self.count.end = max(self.count.end, seconds + lasts)
        return seconds

    def _gather(self, packet: Any) -> None:
        if packet.pts is None:
            return
        try:
            found = packet.decode()
        except FFmpegError:
            self.count.faults += 1
            return
        start = float(packet.pts * packet.time_base)
        end = start + float((packet.duration or 0) * packet.time_base)
        for item in found:
            for line in getattr(item, "rects", [item]):
                text = _text_of(line)
                if text:
                    self.captions.append(Caption(start, end, text, _track_name(packet.stream)))

    def captions_from_start(self) -> list[Caption]:
        """The embedded lines, their times from the first frame; complete when the frames are exhausted."""
        zero = self._zero or 0.0
        return [Caption(line.start - zero, line.end - zero, line.text, line.track) for line in self.captions]


def video_stream(container: Any) -> Any:
    """The first stream of moving pictures that can be decoded, covers left out; None where there is none."""
    known = (one for one in container.streams.video if one.codec_context is not None)
    return next((one for one in known if not one.disposition & Disposition.attached_pic), None)


def _text_of(line: Any) -> str:
    for name in ("dialogue", "text"):
        value = getattr(line, name, b"")
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if value:
            return value
    return ""


def _is_text(stream: Any) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in (
        "subrip",
        "srt",
        "ass",
        "ssa",
        "mov_text",
        "webvtt",
        "text",
    )


def _track_name(stream: Any) -> str:
    return stream.metadata.get("language") or f"track {stream.index}"


def _container_name(names: str, path: Path) -> str:
    """mp4 for MP4 and QuickTime, webm for WebM by its ending, else the first name of the format."""
    if "mp4" in names.split(","):
        return "mp4"
    if "webm" in names.split(",") and path.suffix.lower() == ".webm":
        return "webm"
    return names.split(",")[0]


def _index_in_front(path: Path) -> bool:
    """Whether an MP4's index (moov) comes before its data (mdat)."""
    with open(path, "rb") as file:
        while len(head := file.read(8)) == 8:
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            if name in (b"moov", b"mdat"):
                return name == b"moov"
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False


def _told(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
