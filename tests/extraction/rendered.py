"""Small films made for a test: each frame is grey, and its brightness tells its number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

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
) -> Path:
    """A film with a frame at each of the rising `times` (seconds after `start`)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = CLOCK
        for number, seconds in enumerate(times):
            grey = np.full((size[1], size[0], 3), brightness(number), np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = round(1000 * (start + seconds)), CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
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
