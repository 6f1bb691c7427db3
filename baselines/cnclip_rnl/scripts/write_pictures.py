"""Writes the pictures that the first stage is fine-tuned from: FRAMES/FILM/MILLISECONDS.jpg.

    python -m baselines.cnclip_rnl.scripts.write_pictures FILMS FRAMES [--rate 1] [--size 256]

FILMS is a folder of video files; a film's id is its path in it.  Films that are done are left alone.
Exit code 1: some could not be read.
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.contract.errors import ConfigError
from method_tng.runs.door import Parser, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, writes; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _write(words))


def _write(words: list[str]) -> int:
    parser = Parser("write_pictures.py", allow_abbrev=False, description="Pictures of films.")
    parser.add_argument("films", type=Path, help="folder of films")
    parser.add_argument("frames", type=Path, help="where a folder of pictures per film goes")
    parser.add_argument("--rate", type=float, default=1.0, help="pictures a second")
    parser.add_argument("--size", type=int, default=256, help="of the shorter side")
    args = parser.parse_args(words)
    if not (0 < args.rate < math.inf and args.size > 0):
        raise ConfigError(f"--rate is {args.rate:g} and --size {args.size}; expected both more than 0")
    from method_tng.extraction.pictures import write_pictures

    written, failed = write_pictures(args.films, args.frames, args.rate, args.size)
    print(f"{written} films -> {args.frames}, {len(failed)} left out")
    for fault in failed:
        print(f"left out: {fault}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
