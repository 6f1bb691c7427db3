"""Small films made for a test: each frame is grey, and its brightness tells its number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

CLOCK = Fraction(1, 1000)


def brightness(number: int) -> int:
    """Of frame `number`, 0 to 255."""
    return 20 + number * 7 % 200


def render(
    path: Path,
    times: Sequence[float],
    *,
    start: float = 0.0,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    pixel: tuple[int, int] = (1, 1),
) -> Path:
    """A film with a frame at each of the rising `times` (seconds after `start`); a pixel is wide : high."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base, stream.codec_context.sample_aspect_ratio = CLOCK, Fraction(*pixel)
        for number, seconds in enumerate(times):
            grey = np.full((size[1], size[0], 3), brightness(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = round(1000 * (start + seconds)), CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sounding(path: Path, cover: bool = False) -> Path:
    """Silence without a film, with a cover if told."""
    with av.open(str(path), "w", format="mp4") as container:
        audio = container.add_stream("aac", rate=44100, layout="mono")
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame(64, 48, "yuvj420p")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(audio.encode(silence))
        container.mux(audio.encode())
    return path


def with_subtitles(film: Path, srt: Path, out: Path) -> Path:
    """The film with the lines of an SRT file as a track of its own."""
    with av.open(str(film)) as video, av.open(str(srt)) as text, av.open(str(out), "w") as container:
        streams = ((video, video.streams.video[0]), (text, text.streams.subtitles[0]))
        own = [container.add_stream_from_template(stream) for _, stream in streams]
        for (source, stream), target in zip(streams, own, strict=True):
            for packet in [packet for packet in source.demux(stream) if packet.size]:
                packet.stream = target
                container.mux(packet)
    return out
