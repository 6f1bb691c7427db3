"""Recall and speed of FAISS against the exact search, on a generated index.

    python -m tests.benchmarks.neighbours FOLDER [--films 1000] [--hours 2] [--queries 100] [--noise 1.0]

Queries lie near drawn clips, as those of a trained model would: in each stream a clip's direction plus noise
of the given length.  Recall counts what of the exact search's best ten films, and of its best hundred
windows, is found at the default number of probes, and at others.  Clips cluster by film.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from method_tng.contract.protocols import Code
from method_tng.retrieval.ranking import best_films
from method_tng.search.faiss_index import FETCHED, PROBES, Neighbours, is_there, open_neighbours, update
from method_tng.search.opening import open_searcher
from method_tng.search.searcher import Searcher
from method_tng.search.windows import one_core
from tests.benchmarks.generated_index import clips_like_queries


def main() -> None:
    """Builds what is not there, compares, prints a line per number of probes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--preset", choices=("movies", "reloclnet"), default="movies")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--noise", type=float, default=1.0)
    parser.add_argument("--probes", type=int, nargs="+", default=[16, PROBES])
    parser.add_argument("--fetched", type=int, nargs="+", default=[FETCHED])
    asked = parser.parse_args()
    words = [str(asked.folder), "--films", str(asked.films), "--hours", str(asked.hours)]
    words += ["--preset", asked.preset]
    subprocess.run([sys.executable, "-m", "tests.benchmarks.generated_index", *words], check=True)
    searcher = open_searcher(asked.folder / "index")
    index, windows, model = searcher.index, searcher.windows, searcher.model
    if not is_there(index):
        began = time.perf_counter()
        with index.writing():
            update(index, model)
        print(f"built in {time.perf_counter() - began:.0f} s")
    found = open_neighbours(index, windows, model)
    counts = f"{found.vectors.ntotal} vectors of {found.vectors.d} numbers, {found.vectors.nlist} clusters"
    print(f"{len(index.films)} films, {len(windows)} windows, {counts}")
    queries = drawn_queries(searcher, asked.queries, asked.noise)
    exact, taken = relevance_of_all(searcher, queries)
    print(f"exact: {1e3 * np.median(taken):.0f} ms")
    for probes in asked.probes:
        for fetched in asked.fetched:
            finder = Neighbours(found.record, found.vectors, windows, model, probes, fetched)
            print(f"{probes} probes, {fetched} fetched: {compared(searcher, finder, queries, exact)}")


def drawn_queries(searcher: Searcher, count: int, noise: float) -> list[Code]:
    """Query codes near clips of films that are spread over the index, one query each."""
    films = np.linspace(0, len(searcher.windows.films) - 1, count).astype(int).tolist()
    return [
        clips_like_queries(searcher.windows.of_film(film)[1], 1, noise, seed)
        for seed, film in enumerate(films)
    ]


@one_core()
@torch.inference_mode()
def relevance_of_all(searcher: Searcher, queries: Sequence[Code]) -> tuple[list[torch.Tensor], list[float]]:
    """What the model says of all windows, per query, and the seconds it took."""
    rows, scores, taken = torch.arange(len(searcher.windows)), [], []
    for query in queries:
        began = time.perf_counter()
        scores.append(searcher.windows.relevance(searcher.model, query, rows))
        taken.append(time.perf_counter() - began)
    return scores, taken


@one_core()
@torch.inference_mode()
def compared(
    searcher: Searcher, finder: Neighbours, queries: Sequence[Code], exact: Sequence[torch.Tensor]
) -> str:
    """Recalls and milliseconds in words."""
    windows, films, finding, scoring, counts = [], [], [], [], []
    everything = torch.ones(len(searcher.windows), dtype=torch.bool)
    for query, scores in zip(queries, exact, strict=True):
        began = time.perf_counter()
        rows = finder.find(query, everything)
        found = time.perf_counter()
        part = searcher.windows.relevance(searcher.model, query, rows)
        scoring.append(time.perf_counter() - found)
        finding.append(found - began)
        counts.append(len(rows))
        ours = torch.full_like(scores, -torch.inf)
        ours[rows] = part
        windows.append(_shared(ours, scores, 100))
        both = [
            best_films(one[None], searcher.windows.movies, len(searcher.windows.films))[0]
            for one in (ours, scores)
        ]
        films.append(_shared(*both, 10))
    return (
        f"film recall@10 {np.mean(films):.4f}, window recall@100 {np.mean(windows):.4f}, "
        f"{np.median(counts):.0f} windows, {1e3 * np.median(finding):.0f} ms to find, "
        f"{1e3 * np.median(scoring):.0f} ms to score"
    )


def _shared(ours: torch.Tensor, exact: torch.Tensor, keep: int) -> float:
    keep = min(keep, len(exact))
    best = [set(one.topk(keep).indices[one.topk(keep).values > -torch.inf].tolist()) for one in (ours, exact)]
    return len(best[0] & best[1]) / keep


if __name__ == "__main__":
    main()
