"""Extraction against plain decoding of the same film, and memory over a film's length.

    python -m tests.benchmarks.extraction [--seconds 1200] [--size 1920 1080]

Renders a film with moving bars, decodes it plainly, extracts it with descriptors; processor seconds and peak
memory of fresh processes.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25


def render(path: Path, seconds: int, size: tuple[int, int]) -> None:
    """A film of bars that move, with a cut every 10 s."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "250"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        across = np.arange(width)[None, :]
        for number in range(seconds * RATE):
            scene = number // (10 * RATE)
            light = ((across + 7 * number + 97 * scene) // (16 + scene % 32) % 2 * 180 + 30).astype(np.uint8)
            planes = np.concatenate(
                [np.broadcast_to(light, (height, width)), np.full((height // 2, width), 128)]
            )
            frame = av.VideoFrame.from_ndarray(planes.astype(np.uint8), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


PLAIN = """
import av, sys
for _ in range(int(sys.argv[2])):
    with av.open(sys.argv[1]) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream): pass
"""
EXTRACT = """
import av, sys
from pathlib import Path
from method_tng.encoders.descriptors import DescriptorEncoder
from method_tng.encoders.hashed import HashedEncoder
from method_tng.extraction import subtitles, video
from method_tng.extraction.film import Settings, Source, extract_film
for _ in range(int(sys.argv[2])):
    source = Source("film", Path(sys.argv[1]), "")
    extract_film(source, Path(sys.argv[3]), DescriptorEncoder(), HashedEncoder(), Settings(threads=1))
"""


def measured(code: str, *words: str) -> tuple[float, float]:
    """Processor seconds and peak MB of a fresh process."""
    tail = "\nimport resource\nuse = resource.getrusage(resource.RUSAGE_SELF)"
    tail += "\nprint(use.ru_utime + use.ru_stime, use.ru_maxrss / 1024)"
    told = subprocess.run(
        [sys.executable, "-c", code + tail, *words], check=True, capture_output=True, text=True
    )
    seconds, megabytes = told.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=1200)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720))
    parser.add_argument("--film", type=Path, help="a film of yours instead of a rendered one")
    parser.add_argument("--repeat", type=int, default=1, help="passes over the film")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = asked.film or Path(folder) / "film.mp4"
        if not asked.film:
            render(film, asked.seconds, tuple(asked.size))
        library, times = f"{folder}/library", str(asked.repeat)
        plain, plain_peak = measured(PLAIN, str(film), times)
        whole, whole_peak = measured(EXTRACT, str(film), times, library)
        plain -= measured(PLAIN, str(film), "0")[0]  # imports
        whole -= measured(EXTRACT, str(film), "0", library)[0]
        print(f"plain decoding {plain:.1f} s, {plain_peak:.0f} MB")
        print(f"extraction {whole:.1f} s, {whole_peak:.0f} MB")
        print(f"speed of extraction: {plain / whole:.2f} of plain decoding")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
