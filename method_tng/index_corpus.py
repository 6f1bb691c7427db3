"""An index of films that sentences are typed at.

    python -m method_tng.index_corpus add INDEX --run RUN (--library LIBRARY | --split SPLIT) [--films ...]
    python -m method_tng.index_corpus search INDEX "A man opens a door." [--top 5]
    python -m method_tng.index_corpus remove INDEX FILM ... | compact INDEX | status INDEX | doctor INDEX

`add` makes the index when there is none, and replaces films that are in it.  A library is what extract.sh
leaves; a split is one of the run's own data.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from method_tng.contract.errors import ConfigError
from method_tng.runs.door import Parser, enter
from method_tng.runs.folder import RunFolder

if TYPE_CHECKING:
    from method_tng.search.index import Index


def main(argv: Sequence[str] | None = None) -> int:
    """Parses, does one thing to an index, reports; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    return enter(lambda: _do(words))


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = Parser("index.sh", allow_abbrev=False, description="An index of films.")
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="VERB")
    for verb in ("add", "search", "remove", "compact", "status", "doctor"):
        one = verbs.add_parser(verb)
        one.add_argument("index", type=Path)
        if verb == "add":
            one.add_argument("--run", required=True, help="a trained run: path or name")
            one.add_argument("--library", type=Path, help="what extract.sh made")
            one.add_argument("--split", help="a split of the run's own data instead")
            one.add_argument("--films", nargs="+", help="only these")
            one.add_argument("--results_root", default="method_tng/results")
        if verb == "search":
            one.add_argument("text")
            one.add_argument("--top", type=int, default=10)
        if verb == "remove":
            one.add_argument("films", nargs="+", metavar="FILM")
    return parser.parse_args(words)


def _do(words: list[str]) -> int:
    args = _arguments(words)
    from method_tng.search.answers import SearchRequest, clock
    from method_tng.search.index import Index
    from method_tng.search.opening import add_library, add_split, open_searcher

    if args.verb == "add":
        if (args.library is None) == (args.split is None):
            raise ConfigError("give either --library or --split: where the films are")
        run = RunFolder.open(args.run, args.results_root)
        add, place = (add_library, args.library) if args.library else (add_split, args.split)
        print(f"{len(add(args.index, run, place, args.films).films)} films in {args.index}")
        return 0
    if args.verb == "search":
        answer = open_searcher(args.index).search(SearchRequest(args.text, args.top))
        for found in answer.moments:
            said = f"  “{found.subtitle}”" if found.subtitle else ""
            print(f"{found.score:.4f}  {found.title}  {clock(found.start)} to {clock(found.end)}{said}")
        return 0
    return _tend(args.verb, Index.open(args.index), getattr(args, "films", []))


def _tend(verb: str, index: "Index", films: list[str]) -> int:
    if verb == "doctor":
        faults = index.faults()
        print("\n".join(faults) or "all files are whole")
        return 1 if faults else 0
    if verb == "remove":
        with index.writing():
            index.remove(films)
    if verb == "compact":
        with index.writing():
            print(f"{index.compact()} bytes freed")
    model = index.manifest.model
    print(f"{len(index.films)} films, {sum(film.windows for film in index.films)} windows, run {model.run}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
