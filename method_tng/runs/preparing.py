"""The arguments of the prepare command."""

import argparse
from pathlib import Path
from typing import Any

from method_tng.contract.settings import RESULTS
from method_tng.runs.door import DATA_SET, Parser, add_data_options

FORMS = ["windows", "movies"]
ENCODER_OPTIONS = ("source", "width", "max_words")


def prepare_parser() -> argparse.ArgumentParser:
    """Every sub-command with its options; `command` of the result names it."""
    parser = Parser("prepare", allow_abbrev=False, description="Makes what training needs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    demo = commands.add_parser("demo", help="the demo corpus")
    demo.add_argument("--out", type=Path, default=Path("data/demo"), help="a folder; data/demo")
    tng = commands.add_parser("tng", help="a pack from a Movie101v2 checkout")
    tng.add_argument("--pack", required=True, help="tng-tiny, tng-mini or tng-full")
    tng.add_argument("--checkout", type=Path, help="the checkout's folder")
    tng.add_argument(
        "--narrations", type=Path, help="a prepared narrations.jsonl(.gz) instead of the checkout"
    )
    tng.add_argument("--tables", type=Path, help="fitted tables; without them they are fitted")
    tng.add_argument("--out", type=Path, default=Path("data/packs"), help="a folder; data/packs")
    tng.add_argument("--languages", choices=("zh-en", "en-zh"), default="zh-en", help="content-query; zh-en")
    tng.add_argument("--names", choices=("mask", "keep"), default="mask", help="of persons; masked")
    tng.add_argument(
        "--forms",
        nargs="+",
        choices=FORMS,
        default=FORMS,
        help="cut into windows, whole films, or both; both",
    )
    options = f"{DATA_SET} [--OPTION VALUE ...]"
    text = commands.add_parser(
        "text", help="query features of any annotation file", usage=f"prepare text {options} --out FILE.h5"
    )
    _add_encoder_options(text)
    text.add_argument("--out", type=Path, required=True, metavar="FILE.h5", help="what is written")
    check = commands.add_parser(
        "check", help="all problems of a data set at once", usage=f"prepare check {options}"
    )
    for command in (text, check):
        command.add_argument(
            "--splits", nargs="+", default=["train", "val"], metavar="SPLIT", help="train and val unless told"
        )
    published = commands.add_parser(
        "import", help="a published checkpoint as a run folder", usage=f"prepare import CHECKPOINT {options}"
    )
    published.add_argument("checkpoint", type=Path, help="the published file, or the folder that holds it")
    published.add_argument(
        "--trust_checkpoint", action="store_true", help="read options pickled as an EasyDict"
    )
    published.add_argument("--exp_id", default="imported", help="word for the run in its folder's name")
    _add_converters(commands)
    for command in (text, check, published):
        add_data_options(command)
        command.add_argument("--results_root", default=RESULTS, help="where run folders are")
    published.set_defaults(as_published=True)
    return parser


def _add_converters(commands: Any) -> None:
    """Other families' files into ours: each takes a source, a file to write, and how."""
    ego4d = commands.add_parser("ego4d", help="lines of queries from Ego4D's nested annotations, or NaQ's")
    ego4d.add_argument("source", type=Path, help="nlq_train.json, nlq_val.json, ...")
    ego4d.add_argument(
        "--training", dest="how", action="store_true", help="leave out what nothing can be learned from"
    )
    features = commands.add_parser("features", help="an HDF5 file of ours from an LMDB or another HDF5 file")
    features.add_argument("source", type=Path, help="LMDB, folder of .npy or .npz files, or HDF5 file")
    features.add_argument(
        "--field",
        dest="how",
        choices=("features", "token_features", "sentence"),
        default="features",
        help="array of an LMDB's archives; sentence = cls_features or eot_features",
    )
    for command in (ego4d, features):
        command.add_argument("--out", type=Path, required=True, metavar="FILE", help="what is written")


def _add_encoder_options(text: argparse.ArgumentParser) -> None:
    """A run's text encoder or a new one; options that are not told leave no trace."""
    kinds = ("hashed", "table", "transformers", "sentences")
    absent = argparse.SUPPRESS
    chosen = text.add_mutually_exclusive_group()
    chosen.add_argument("--run", help="encode as this run's query features were encoded")
    chosen.add_argument(
        "--encoder", choices=kinds, default="hashed", help="a new encoder; hashed unless told"
    )
    text.add_argument("--source", default=absent, help="the table (.npz; see --language) or model's folder")
    text.add_argument("--width", type=int, default=absent, help="of hashed vectors; 256")
    text.add_argument(
        "--max_words", type=int, default=absent, help="most rows of a text; all the encoder takes"
    )
