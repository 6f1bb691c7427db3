"""The arguments of the index command."""

import argparse
from pathlib import Path

from method_tng.contract.settings import RESULTS
from method_tng.runs.door import Parser


def index_parser() -> argparse.ArgumentParser:
    """Every verb with its options; `verb` of the result names it."""
    parser = Parser("index.sh", allow_abbrev=False, description="An index of films.")
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="VERB")
    add = verbs.add_parser("add", help="films into an index, which is made if there is none")
    replace = verbs.add_parser("replace", help="films of an index read and encoded again")
    search = verbs.add_parser("search", help="the moments of a sentence")
    remove = verbs.add_parser("remove", help="films out of an index")
    compact = verbs.add_parser("compact", help="frees what removed and replaced films took")
    status = verbs.add_parser("status", help="what an index holds")
    doctor = verbs.add_parser("doctor", help="reads all files and tells which are damaged")
    for verb in (add, replace, search, remove, compact, status, doctor):
        verb.add_argument("index", type=Path, help="the index's folder")
        verb.add_argument("--results_root", default=RESULTS, help="where runs are looked for")
    run = add.add_mutually_exclusive_group()
    run.add_argument("--run", help="a trained run: path or name; none: the run the index was made with")
    run.add_argument(
        "--zero_shot", action="store_true", help="no training: the library's own image-text model"
    )
    add.add_argument("--films", nargs="+", metavar="FILM", help="only these")
    for verb in (replace, remove):
        verb.add_argument("films", nargs="+", metavar="FILM", help="names as status lists them")
    for verb in (add, replace):
        verb.add_argument("--library", type=Path, help="what extract.sh made; none: that of the index")
        verb.add_argument("--split", help="a split of the run's own data instead")
    for verb in (add, compact):
        verb.add_argument("--backend", choices=("exact", "faiss"), help="whether FAISS shall find windows")
    search.add_argument("text", nargs="+", metavar="TEXT", help="a sentence, in quotes or not")
    search.add_argument("--top", type=_count, default=10, metavar="N", help="most moments; 10")
    search.add_argument("--by_film", action="store_true", help="only the best moment of each film")
    search.add_argument(
        "--backend",
        choices=("auto", "exact", "faiss"),
        default="auto",
        help="auto: FAISS where it is prepared",
    )
    return parser


def _count(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} moments cannot be listed; expected at least 1")
    return number
