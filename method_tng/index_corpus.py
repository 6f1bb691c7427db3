"""An index of films that sentences are typed at.

    python -m method_tng.index_corpus add INDEX (--run RUN | --zero_shot) (--library LIBRARY | --split SPLIT)
    python -m method_tng.index_corpus search INDEX "A man opens a door." [--top 5] [--by_film]
    python -m method_tng.index_corpus replace INDEX FILM ... | remove INDEX FILM ...
    python -m method_tng.index_corpus compact INDEX [--backend faiss|exact] | status INDEX | doctor INDEX

`add` makes the index when there is none, and replaces films that changed.  A library is what extract.sh
leaves; a split is one of the run's own data.
"""

import argparse
import sys
from collections.abc import Sequence

from method_tng.runs.door import enter
from method_tng.runs.indexing import index_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, does one thing to an index, reports; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _do(words))


def _do(words: list[str]) -> int:
    args = index_parser().parse_args(words)
    if args.verb == "search":
        return _search(args)
    if args.verb in ("add", "replace"):
        from method_tng.search.filling import fill

        print(f"{len(fill(vars(args)).films)} films in {args.index}")
        return 0
    return _tend(args)


def _search(args: argparse.Namespace) -> int:
    from method_tng.search.answers import SearchRequest, clock
    from method_tng.search.opening import open_searcher

    request = SearchRequest(" ".join(args.text), args.top, group_by_film=args.by_film)
    for found in open_searcher(args.index, args.results_root, args.backend).search(request).moments:
        said = f"  “{found.subtitle}”" if found.subtitle else ""
        print(f"{found.score:.4f}  {found.title}  {clock(found.start)} to {clock(found.end)}{said}")
    return 0


def _tend(args: argparse.Namespace) -> int:
    from method_tng.search import faiss_index
    from method_tng.search.answers import clock
    from method_tng.search.filling import tend_neighbours
    from method_tng.search.index import Index

    index = Index.open(args.index)
    if args.verb == "doctor":
        faults = [*index.faults(), *faiss_index.faults(index)]
        print("\n".join(faults) or "all files are whole")
        return 1 if faults else 0
    if args.verb == "remove":
        with index.writing():
            index.remove(args.films)
    if args.verb == "compact":
        with index.writing():
            print(f"{index.compact()} bytes freed")
        tend_neighbours(index, args.results_root, args.backend, anew=True)
    print(f"{index.told()}, {'FAISS finds windows' if faiss_index.is_there(index) else 'exact'}")
    if args.verb == "status":
        print("\n".join(f"{film.film_id}  {clock(film.duration)}  {film.title}" for film in index.films))
    return 0


if __name__ == "__main__":
    sys.exit(main())
