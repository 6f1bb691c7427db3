"""A moment of a film as a small MP4 (H.264, AAC, index in front) that every browser plays.

Pictures and sound are encoded anew: copied packets could only begin at a key frame, seconds before.
The clip's second 0 is the moment's start on the film's own clock, the one that extraction uses: seconds
from the start of the video stream.  Pictures stand upright and are made smaller where they are large.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as Ended
from av.error import FFmpegError
from av.filter import Graph
from av.video.reformatter import ColorRange

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_whole
from method_tng.extraction.video import video_stream

LARGEST = (1280, 720)  # pixels of a clip, either way round
TICK = Fraction(1, 90000)  # seconds, of the clip's pictures
SOUND_RATE = 48000
TOLERANCE = 1e-4  # seconds by which a key frame may be late
SHORTEST = 1e-3  # seconds that a picture must last
MARGINS = (0.0, 10.0, 60.0)  # seconds before the moment at which a film is entered, till it is early enough
UPRIGHT = {90: [("transpose", "cclock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "clock")]}
FILES_ONLY = {"protocol_whitelist": "file"}  # a play list that calls itself a film reaches no network


def cut_clip(
    source: Path, start: float, end: float, out: Path, wanted: Callable[[], bool] = lambda: True
) -> None:
    """Writes the moment [start, end) of a film to `out`, whole or not at all.

    Args:
        source: the film.
        start, end: seconds; a moment that reaches over the film's end is cut there.
        out: the MP4.
        wanted: asked over and over; the clip is given up when it says no.

    Raises:
        DataError: no such moment, no film, no picture that can be decoded, or it is given up.
    """
    if not 0 <= start < end:
        raise DataError(f"{source}: no clip from {start:g} s to {end:g} s; expected 0 <= start < end")
    try:
        write_whole(out, lambda temporary: _cut(source, (start, end), temporary, wanted))
    except FFmpegError as error:
        raise DataError(
            f"{source}: no clip can be cut from {start:g} s on ({_told(error)}); convert the film to H.264"
        ) from error


def _cut(source: Path, span: tuple[float, float], out: Path, wanted: Callable[[], bool]) -> None:
    with av.open(str(source), options=FILES_ONLY) as film:
        video = video_stream(film)
        if video is None:
            raise DataError(f"{source} holds no video that can be decoded; expected a film")
        video.thread_type = "AUTO"
        sound = next((one for one in film.streams.audio if one.codec_context is not None), None)
        zero = float((video.start_time or 0) * video.time_base)
        _enter(film, video, zero + span[0])
        with av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}) as clip:
            pictures = _Pictures(clip, video, zero, span)
            sounds = _Sounds(clip, sound, zero, span, pictures) if sound else None
            for part, frame in _decoded(film, [pictures, sounds] if sounds else [pictures], wanted):
                part.take(frame)
            pictures.end()
            if not pictures.count:
                raise DataError(f"{source} shows nothing at {span[0]:g} s; the film ends before")
            if sounds:
                sounds.end()


def _enter(film: Any, video: Any, second: float) -> None:
    """Puts the film at a key frame that is not later than a second of its container's clock."""
    for margin in MARGINS:
        place = int((second - margin) / video.time_base)
        try:
            film.seek(place, stream=video)
            stamps = (packet.pts for packet in film.demux(video) if packet.pts is not None)
            early = next(stamps, None)
            film.seek(place, stream=video)
        except FFmpegError:  # some containers cannot be sought in, others not before their start
            continue
        if early is not None and early * video.time_base <= second + TOLERANCE:
            return
    film.seek(video.start_time or 0, stream=video)


def _decoded(film: Any, parts: list[Any], wanted: Callable[[], bool]) -> Iterator[tuple[Any, Any]]:
    """Every frame with the part it belongs to, till all parts have had enough."""
    by_stream = {part.source.index: part for part in parts}
    for packet in film.demux(*(part.source for part in parts)):
        if not wanted():
            raise DataError(f"{film.name}: cutting a clip was given up; ask for a shorter one")
        part = by_stream[packet.stream.index]
        if part.full:
            if all(one.full for one in parts):
                return
            continue
        try:
            frames = packet.decode()
        except FFmpegError:  # a damaged packet; what follows may be whole
            continue
        for frame in frames:
            if frame.pts is not None:
                yield part, frame


class _Pictures:
    """The clip's pictures: the one that is seen at its start, and those that follow."""

    def __init__(self, clip: Any, source: Any, zero: float, span: tuple[float, float]) -> None:
        self.source, self.full, self.count = source, False, 0
        self._clip, self._zero, self._span = clip, zero, span
        self._stream = clip.add_stream("libx264", rate=25)  # nominal: every picture has its own time
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "23", "bf": "0"}
        self._stream.codec_context.time_base = TICK
        self._stream.codec_context.flags |= Flags.frame_duration
        self._seen: tuple[Any, float] | None = None  # the last frame and its second; written when it ends
        self._graph: Graph | None = None
        self._drawn: tuple = ()

    def take(self, frame: Any) -> None:
        """A frame of the film, in the order of their times."""
        second = frame.time - self._zero
        if self._seen is not None:
            self._write(*self._seen, second)
        self._seen = frame, second
        self.full = second >= self._span[1]

    def end(self) -> None:
        """Nothing follows."""
        if self._seen is not None and not self.full:
            frame, second = self._seen
            usual = float(1 / self.source.average_rate) if self.source.average_rate else 1.0
            lasts = float(frame.duration * frame.time_base) if frame.duration else usual
            self._write(frame, second, second + lasts)
        if self.count:
            self._clip.mux(self._stream.encode())

    def _write(self, frame: Any, second: float, ends: float) -> None:
        start, end = self._span
        stamp = round(max(0.0, second - start) / TICK) if self.count else 0
        lasts = round((min(ends, end) - start) / TICK) - stamp
        if lasts < SHORTEST / TICK:  # before the moment, or a stamp that does not rise
            return
        upright = self._upright(frame)
        if not self.count:
            self._stream.width, self._stream.height = upright.width, upright.height
        upright.pts, upright.duration, upright.time_base, upright.pict_type = stamp, lasts, TICK, 0
        self._clip.mux(self._stream.encode(upright))
        self.count += 1

    def _upright(self, frame: Any) -> Any:
        shape = (frame.width, frame.height, frame.format.name)
        if self._graph is None or self._drawn != shape:
            size = (self._stream.width, self._stream.height) if self.count else None
            self._graph, self._drawn = _upright_graph(frame, self.source, size), shape
        frame.pts, frame.time_base = self.count, TICK
        self._graph.push(frame)
        return self._graph.pull()


class _Sounds:
    """The clip's sound, silent where the film has none."""

    def __init__(self, clip: Any, source: Any, zero: float, span: tuple, pictures: _Pictures) -> None:
        self.source, self.full, self._pictures = source, False, pictures
        self._clip, self._zero, self._span = clip, zero, span
        self._layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._stream = clip.add_stream("aac", rate=SOUND_RATE, layout=self._layout)
        self._stream.bit_rate = 128_000
        self._graph: Graph | None = None
        self._waiting: list[Any] = []  # till there is a picture: a file's head needs the picture's size

    def take(self, frame: Any) -> None:
        """A frame of the film's sound."""
        seconds = frame.time - self._zero
        self.full = seconds >= self._span[1]
        if self.full or seconds + frame.samples / frame.sample_rate <= self._span[0]:
            return
        if self._graph is None:
            begin, stop = (self._zero + second for second in self._span)
            self._graph = _sound_graph(frame, begin, stop, self._layout)
        self._graph.push(frame)
        self._drain()

    def end(self) -> None:
        """Nothing follows."""
        if self._graph is not None:
            self._graph.push(None)
        self._drain()
        self._clip.mux(self._stream.encode())

    def _drain(self) -> None:
        while self._graph is not None:
            try:
                self._waiting.append(self._graph.pull())
            except (NothingYet, Ended):
                break
        if self._pictures.count:
            for frame in self._waiting:
                self._clip.mux(self._stream.encode(frame))
            self._waiting.clear()


def _upright_graph(frame: Any, source: Any, size: tuple[int, int] | None) -> Graph:
    """Turns pictures upright, with square pixels, small and even sides; `size` where it is settled."""
    rotation = int(frame.rotation) % 360
    width, height = frame.width, frame.height
    aspect = source.sample_aspect_ratio
    width = width * aspect if aspect else width
    width, height = (height, width) if rotation % 180 else (width, height)
    share = min(1.0, max(LARGEST) / max(width, height), min(LARGEST) / min(width, height))
    width, height = size or (max(2, round(float(side) * share / 2) * 2) for side in (width, height))
    told = (
        "full" if frame.color_range == ColorRange.JPEG else "auto"
    )  # brightness from 0 to 255, not 16 to 235
    scale = ("scale", f"{width}:{height}:in_range={told}:out_range=limited")
    steps = [*UPRIGHT.get(rotation, []), scale, ("setsar", "1")]
    graph = Graph()
    first = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, name="in", time_base=TICK
    )
    return _linked(graph, first, [*steps, ("format", "yuv420p")], "buffersink")


def _sound_graph(frame: Any, begin: float, stop: float, layout: str) -> Graph:
    """Cuts the samples of [begin, stop) of the container's clock, from 0 on, without holes."""
    graph = Graph()
    first = graph.add_abuffer(
        format=frame.format, sample_rate=frame.sample_rate, layout=frame.layout, time_base=frame.time_base
    )
    steps = [
        ("atrim", f"start={begin:.6f}:end={stop:.6f}"),
        ("asetpts", f"PTS-{begin:.6f}/TB"),
        ("aresample", f"{SOUND_RATE}:async=1:first_pts=0"),
        ("aformat", f"sample_fmts=fltp:sample_rates={SOUND_RATE}:channel_layouts={layout}"),
    ]
    return _linked(graph, first, steps, "abuffersink")


def _linked(graph: Graph, first: Any, steps: list[tuple[str, str]], last: str) -> Graph:
    graph.link_nodes(first, *(graph.add(name, words or None) for name, words in steps), graph.add(last))
    graph.configure()
    return graph


def _told(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
