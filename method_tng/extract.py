"""Turns a folder of films into a library: features, thumbnails, subtitles and facts of every film.

    python -m method_tng.extract FOLDER OUT [--encoder descriptors|transformers --source MODEL_FOLDER]
    python -m method_tng.extract FOLDER OUT --verify OTHER

A library that is there is gone on with: films that are complete stay.  Exit code 1: some films were left out.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from method_tng.runs.door import Parser, enter


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, extracts, reports; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _extract(words))


def _extract(words: list[str]) -> int:
    parser = Parser("extract.sh", allow_abbrev=False, description="A folder of films into a library.")
    parser.add_argument("folder", type=Path, help="films, in folders or not; subtitles beside them are read")
    parser.add_argument("out", type=Path, help="the library's folder")
    kinds = ("descriptors", "transformers")
    parser.add_argument("--encoder", choices=kinds, default=kinds[0], help="descriptors need no model")
    parser.add_argument("--source", help="local folder of a CLIP, Chinese-CLIP or SigLIP model")
    parser.add_argument("--rate", type=float, default=2.0, help="frames a second that are looked at")
    parser.add_argument("--clip_length", type=float, default=2.0, help="seconds of a feature row")
    parser.add_argument("--processes", type=int, help="films at a time (as many as cores; 1 with a model)")
    parser.add_argument("--device", default="cpu", help="where a model runs")
    parser.add_argument(
        "--verify", type=Path, metavar="OTHER", help="compare OUT with another library instead"
    )
    args = parser.parse_args(words)
    if args.verify:
        return _verify(args.out, args.verify)
    from method_tng.extraction.choice import plan_of
    from method_tng.extraction.jobs import extract, films_of

    plan = plan_of(vars(args), os.cpu_count() or 1)
    outcome = extract(films_of(args.folder), args.out, plan)
    seconds = sum(film.duration for film in outcome.done)
    print(
        f"{len(outcome.done)} films extracted ({seconds:.0f} s), {outcome.kept} were complete, "
        f"{len(outcome.failed)} left out -> {args.out}"
    )
    for fault in outcome.failed:
        print(f"left out: {fault}")
    return 1 if outcome.failed else 0


def _verify(out: Path, other: Path) -> int:
    from method_tng.extraction.comparing import differences
    from method_tng.extraction.library import Library

    found = differences(Library.open(out), Library.open(other))
    for difference in found:
        print(difference)
    print(f"{len(found)} differences" if found else "the libraries are alike")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
