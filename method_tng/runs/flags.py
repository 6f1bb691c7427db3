"""Flags made from the settings: one for every option, with its meaning, its choices and its default."""

import argparse
import dataclasses
from collections.abc import Set
from typing import Any

from method_tng.contract.settings import DataSettings, SearchSettings, TrainSettings
from method_tng.runs.config import options_of
from method_tng.runs.systems import SYSTEMS, presets_of

TITLES = {
    DataSettings: "data: which files, and how films are cut",
    TrainSettings: "training: how weights are learned",
    SearchSettings: "search: how weights become moments",
}
METAVARS = {int: "N", float: "X", str: "WORD", tuple: "WORD"}


def add_layout(parser: argparse.ArgumentParser, system: str, otherwise: str) -> None:
    """The words that name a data set and what of it is used, a preset and its system."""
    parser.add_argument(
        "dset", nargs="?", help=f"data layout (tvr, tng-mini, ..., or a YAML file); {otherwise}"
    )
    parser.add_argument(
        "mode",
        nargs="?",
        metavar="ctx_mode",
        help="video, sub, video_sub, with _tef or without; or tef alone",
    )
    parser.add_argument("vid_feat_type", nargs="?", help="video feature of the layout, as resnet_i3d")
    presets = ", ".join(presets_of(system))
    parser.add_argument("--config", metavar="PRESET", help=f"{presets}, or a YAML file of options")
    parser.add_argument(
        "--system",
        default=system,
        metavar="NAME",
        help=f"{', '.join(SYSTEMS)} (what is listed here is of {system})",
    )


def add_options(parser: argparse.ArgumentParser, system: str, names: Set[str] | None = None) -> None:
    """Adds a flag for every option (or for those named); absent flags leave no trace in the result."""
    groups: dict[type, Any] = {}
    for part, field, kind in options_of(system):
        if names is not None and field.name not in names:
            continue
        if part not in groups:
            groups[part] = parser.add_argument_group(TITLES.get(part, f"model: of system {system}"))
        flag: dict[str, Any] = {"help": help_of(field), "default": argparse.SUPPRESS}
        if kind is bool:
            flag |= {"nargs": "?", "const": True, "type": _boolean, "metavar": "true|false"}
        elif kind is tuple:
            flag |= {"nargs": "+", "metavar": METAVARS[kind]}
        else:
            flag |= {"type": kind, "metavar": METAVARS[kind]}
        groups[part].add_argument(f"--{field.name}", **flag)


def help_of(field: dataclasses.Field) -> str:
    """An option's meaning, its choices where the meaning does not name them, and its default."""
    told = field.metadata["help"]
    choices = [choice for choice in field.metadata["choices"] or () if choice]
    if not all(choice in told for choice in choices):
        told += f" - {', '.join(choices)}"
    default = field.default
    if field.default_factory is not dataclasses.MISSING:  # of a list
        default = " ".join(str(item) for item in field.default_factory())
    if isinstance(default, bool):
        default = str(default).lower()
    told += f" [{default:g}]" if isinstance(default, float) else f" [{default}]" if default != "" else ""
    return told.replace("%", "%%")


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
