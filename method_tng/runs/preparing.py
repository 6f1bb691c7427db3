"""The arguments of the prepare command."""

import argparse
from pathlib import Path

from method_tng.runs.door import Parser, add_data_options

ENCODER_OPTIONS = ("encoder", "source", "width", "max_words")


def prepare_parser() -> argparse.ArgumentParser:
    """Every sub-command with its options; `command` of the result names it."""
    parser = Parser("prepare", allow_abbrev=False, description="Makes what training needs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    demo = commands.add_parser("demo", help="the demo corpus")
    demo.add_argument("--out", type=Path, default=Path("data/demo"))
    tng = commands.add_parser("tng", help="a pack from a Movie101v2 checkout")
    tng.add_argument("--pack", required=True, help="tng-tiny, tng-mini or tng-full")
    tng.add_argument("--checkout", type=Path, help="the checkout's folder")
    tng.add_argument(
        "--narrations", type=Path, help="a prepared narrations.jsonl(.gz) instead of the checkout"
    )
    tng.add_argument("--tables", type=Path, help="fitted tables; without them they are fitted")
    tng.add_argument("--out", type=Path, default=Path("data/packs"))
    tng.add_argument("--languages", choices=("zh-en", "en-zh"), default="zh-en", help="content-query")
    tng.add_argument("--names", choices=("mask", "keep"), default="mask")
    tng.add_argument("--forms", nargs="+", choices=("windows", "movies"), default=["windows", "movies"])
    text = commands.add_parser("text", help="query features of any annotation file")
    text.add_argument("--run", help="encode as this run's query features were encoded")
    _add_encoder_options(text)
    text.add_argument("--out", type=Path, required=True)
    check = commands.add_parser("check", help="all problems of a data set at once")
    for command in (text, check):
        command.add_argument("--splits", nargs="+", default=["train", "val"])
    published = commands.add_parser("import", help="a published checkpoint as a run folder")
    published.add_argument("checkpoint", type=Path)
    published.add_argument(
        "--trust_checkpoint", action="store_true", help="read options pickled as an EasyDict"
    )
    published.add_argument("--exp_id", default="imported")
    for command in (text, check, published):
        add_data_options(command)
        command.add_argument("--results_root", default="method_tng/results")
    published.set_defaults(config="reloclnet")  # the options that published checkpoints were trained with
    return parser


def _add_encoder_options(text: argparse.ArgumentParser) -> None:
    """A new text encoder; what is not told leaves no trace."""
    kinds = ("hashed", "table", "transformers")
    absent = argparse.SUPPRESS
    text.add_argument("--encoder", choices=kinds, default=absent, help="a new encoder; without --run: hashed")
    text.add_argument("--source", default=absent, help="the table (.npz; see --language) or model's folder")
    text.add_argument("--width", type=int, default=absent, help="of hashed vectors; 256")
    text.add_argument(
        "--max_words", type=int, default=absent, help="most rows of a text; all the encoder takes"
    )
