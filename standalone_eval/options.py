"""The command line's options.  Every long option is accepted with ``-`` and with ``_``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

COMMANDS = ("evaluate", "validate", "compare", "bounds", "convert", "retrieval")
BREAKDOWNS = (
    "type",
    "length",
    "quantiles",
    "relative",
    "position",
    "video",
    "movie",
    "words",
    "windows",
    "siblings",
)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options; ``evaluate`` is implied when the first word is no sub-command."""
    words = [word if not word.startswith("--") else _dashed(word) for word in argv]
    if not words or words[0] not in (*COMMANDS, "-h", "--help"):
        words = ["evaluate", *words]
    return _parser().parse_args(words)


def _dashed(word: str) -> str:
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="standalone_eval",
        description="Evaluates moment retrieval. Without a sub-command: evaluate, profile tvr; its options: "
        "evaluate --help. Words of an option are joined by - or _.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    files = "--submission_path FILE [--gt_path FILE] [--profile PROFILE] [--OPTION VALUE ...]"
    for name, told, add in (
        ("evaluate", "score a submission", _add_evaluate),
        ("validate", "check both files, compute nothing", _add_validate),
    ):
        add(commands.add_parser(name, help=told, usage=f"standalone_eval {name} {files}"))
    _add_compare(commands.add_parser("compare", help="compare two submissions, with significance"))
    _add_bounds(commands.add_parser("bounds", help="what is reachable at best"))
    _add_convert(commands.add_parser("convert", help="JSON <-> npz"))
    _add_retrieval(commands.add_parser("retrieval", help="text-video retrieval from a similarity matrix"))
    return parser


def _add_profile(parser: argparse.ArgumentParser, default: str = "tvr") -> None:
    parser.add_argument("--profile", default=default, help="whose numbers; auto: detect from the files")
    parser.add_argument(
        "--dataset", choices=("charades", "tacos"), help="thresholds and subsets of profile mesm"
    )
    parser.add_argument("--iou", type=float, nargs="+", help="IoU thresholds")
    parser.add_argument("--topk", type=int, nargs="+", help="the K of R@K")
    parser.add_argument("--tasks", nargs="+", help="VCMR SVMR VR; default: all in the file")
    parser.add_argument("--max-pred", type=int, help="rows looked at per query")
    parser.add_argument(
        "--compat", action="store_true", help="reproduce known faults of the public evaluator"
    )
    parser.add_argument("--allow-missing", action="store_true", help="queries without prediction are misses")
    parser.add_argument("--no-types", dest="types", action="store_false", default=None, help="no *_by_type")
    parser.add_argument("--nms", type=float, help="suppression threshold of profile mad-vlgnet")
    parser.add_argument("--clip-length", type=float, help="seconds per clip, profile window")
    parser.add_argument("--window-length", type=int, help="clips per window, profile window")
    parser.add_argument(
        "--exact-windows", action="store_true", default=None, help="real overlap, profile window"
    )
    parser.add_argument("--shot", type=float, help="seconds per shot: profile window, bounds")
    parser.add_argument("--issues", metavar="FILE", help="write every finding as JSON")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--submission-path", required=True, help="file, .gz, .npz or - for standard input")
    parser.add_argument("--gt-path", help="ground truth; not needed by single-file profiles")
    parser.add_argument("--save-path", help="result in the profile's own shape")
    parser.add_argument("--not-verbose", action="store_true", help="print nothing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, not as a table")
    _add_profile(parser)
    parser.add_argument("--details-path", metavar="FILE", help="full-precision JSON")
    parser.add_argument("--per-query", metavar="FILE", help=".csv, .jsonl or .npz")
    parser.add_argument("--bootstrap", type=int, metavar="N", default=0, help="resamples for intervals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cluster", choices=("none", "video", "movie"), default="none")
    parser.add_argument("--breakdown", nargs="+", choices=BREAKDOWNS, default=[])
    parser.add_argument("--table", nargs=2, metavar=("KIND", "FILE"), help="md, latex or csv, and where")
    parser.add_argument("--report", metavar="FILE.html", help="one self-contained HTML page")
    parser.add_argument("--export-top5", metavar="FILE", help="survivors of profile movie101-rnl as JSON")
    parser.add_argument("--fail-under", nargs="+", metavar="KEY=VALUE", default=[], help="exit 3 below")


def _add_validate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission_path", metavar="SUBMISSION")
    parser.add_argument("gt_path", metavar="GT", nargs="?", help="not needed by single-file profiles")
    _add_profile(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission_path", metavar="A")
    parser.add_argument("other_path", metavar="B")
    parser.add_argument("--gt-path", required=True)
    _add_profile(parser)
    parser.add_argument("--bootstrap", type=int, metavar="N", default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save-path", metavar="FILE", help="the comparison as JSON")
    parser.add_argument("--table", nargs=2, metavar=("KIND", "FILE"), help="md, latex or csv, and where")
    parser.add_argument("--report", metavar="FILE.html")


def _add_bounds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gt-path", required=True)
    parser.add_argument("--submission-path")
    _add_profile(parser, default="tng")
    parser.add_argument("--clip", type=float, default=1.5, help="seconds per clip of the grid bound")
    parser.add_argument(
        "--max-clips", type=int, default=16, help="longest moment of the grid bound, in clips"
    )
    parser.add_argument("--expand", type=float, default=0.0, help="seconds added on both sides of the shot")
    parser.add_argument("--save-path", metavar="FILE")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission_path", metavar="SUBMISSION")
    parser.add_argument("save_path", metavar="OUT.npz|OUT.json")
    _add_profile(parser)


def _add_retrieval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission_path", metavar="SIMS.npz")
    parser.add_argument("--ties", choices=("pessimistic", "optimistic", "index", "mean"))
    parser.add_argument("--topk", type=int, nargs="+")
    parser.add_argument("--compat", action="store_true")
    parser.add_argument("--save-path", metavar="FILE")
    parser.add_argument("--json", action="store_true")
