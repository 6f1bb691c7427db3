"""Seconds and memory of typed sentences over a generated index.

    python -m tests.benchmarks.search FOLDER [--films 100] [--hours 2] [--preset movies|reloclnet]

Wall and processor seconds of whole searches (encoding, finding, opening, 20 moments with their stream
scores), one after the other, the first left out; memory is that of the process, mapped pages of the index
included.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from method_tng.search.answers import SearchRequest
from method_tng.search.opening import open_searcher
from method_tng.search.searcher import Searcher

PRESETS = ("movies", "reloclnet")
WORDS = ("a", "man", "woman", "child", "opens", "the", "door", "runs", "walks", "sits", "street", "night")


def main() -> None:
    """Makes the index if it is not there, searches it, prints a line per kind of search."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=100)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--preset", choices=PRESETS, default="movies")
    parser.add_argument("--queries", type=int, default=60)
    asked = parser.parse_args()
    place = asked.folder / "index"
    words = ["--films", str(asked.films), "--hours", str(asked.hours), "--preset", asked.preset]
    generator = [sys.executable, "-m", "tests.benchmarks.generated_index", str(asked.folder), *words]
    subprocess.run(generator, check=True)  # in a process of its own: it is not to be measured
    before, began = resident_megabytes(), time.perf_counter()
    searcher = open_searcher(place)
    opened = time.perf_counter() - began
    print(f"{searcher.health()}, {torch.get_num_threads()} threads, opened in {opened:.1f} s")
    for what, options in (("all films", {}), ("a moment per film", {"group_by_film": True})):
        for clock in (time.perf_counter, time.process_time):
            taken = [1e3 * seconds for seconds in timed(searcher, asked.queries, options, clock)]
            low, middle, high = np.percentile(taken, (0, 50, 95))
            name = "wall" if clock is time.perf_counter else "of all cores"
            print(f"{what}, {name}: p50 {middle:.0f} ms, p95 {high:.0f} ms, least {low:.0f} ms")
    print(f"{resident_megabytes():.0f} MB, before opening {before:.0f} MB")


def timed(searcher: Searcher, count: int, options: dict, clock: Callable[[], float]) -> list[float]:
    """Seconds of each search but the first, by a clock."""
    draw, taken = np.random.default_rng(0), []
    for _ in range(count + 1):
        text = " ".join(draw.choice(WORDS, 8))
        began = clock()
        searcher.search(SearchRequest(text, **options))
        taken.append(clock() - began)
    return taken[1:]


def resident_megabytes() -> float:
    """Memory of this process, mapped files included."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1e3


if __name__ == "__main__":
    main()
