"""Writes the shots of a data set with their captions, in the published form (Movie101-R).

    python -m baselines.cnclip_rnl.scripts.write_shots DSET --splits val test --out FOLDER
        [--shot_seconds 20] [--window_offsets OFFSETS.json] [--OPTION VALUE ...]

One FOLDER/SPLIT.json each: a list of {"video_id", "video": "FILM_START_END", "caption": [text]}.  Ids count
all shots of all films in the order of the splits; shots that tell nothing are left out.
"""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.contract.errors import ConfigError
from method_tng.contract.files import write_text
from method_tng.dataset.annotations import read_split
from method_tng.dataset.captions import shots_with_captions
from method_tng.runs.door import Parser, add_data_options, data_settings, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, writes; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _write(words))


def _write(words: list[str]) -> int:
    parser = Parser("write_shots.py", allow_abbrev=False, description="Shots with captions, as published.")
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shot_seconds", type=float, default=20.0)
    add_data_options(parser)
    args = parser.parse_args(words)
    if not 0 < args.shot_seconds < math.inf:
        raise ConfigError(f"--shot_seconds is {args.shot_seconds:g}; expected seconds, more than 0")
    args.window_seconds = args.shot_seconds  # films are cut into shots here
    data, number = data_settings(args).data, 0
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.splits:
        shots, number = shots_with_captions(read_split(data, name), data, args.shot_seconds, number)
        path = args.out / f"{name}.json"
        write_text(path, json.dumps(shots, ensure_ascii=False))
        print(f"{len(shots)} shots with captions -> {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
