"""What every command does alike: parse, run, turn a fault of the user's into one sentence and exit code 2.

Parsing needs neither torch nor the models, so `--help` is quick.
"""

import argparse
import dataclasses
import difflib
import logging
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from easydict import EasyDict

from method_tng.contract.errors import ConfigError, TngError
from method_tng.contract.settings import RESULTS, DataSettings
from method_tng.runs.config import (
    RunSettings,
    Sourced,
    inference_options,
    refuse_ineffective,
    resolve,
)
from method_tng.runs.flags import add_layout, add_options
from method_tng.runs.folder import RunFolder
from method_tng.runs.option_files import read_layout, read_preset
from method_tng.runs.systems import presets_of

DATA_SET = "[DSET [CTX_MODE [VID_FEAT_TYPE]]]"
DEFAULTS = (
    "Defaults stand in []; a data set's preset may have others; opt.json of a run holds all that it has."
)
RECORDED = ("torch", "numpy", "h5py", "transformers", "safetensors")


def enter(work: Callable[[], int]) -> int:
    """Runs a command: its exit code, or 2 after one sentence for a fault that the user can mend."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    try:
        return work()
    except TngError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        return 141
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'a file'}: {error.strerror or error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


class Parser(argparse.ArgumentParser):
    """Tells a wrong word in one sentence, with the nearest option, instead of the long list of all."""

    def error(self, message: str) -> NoReturn:
        """Raises ConfigError."""
        words = [word.split("=")[0] for word in message.split() if word.startswith("--")]
        known = [name for action in self._actions for name in action.option_strings]
        asked = words[0] if "unrecognized" in message and words else ""
        near = difflib.get_close_matches(asked, known, n=1, cutoff=0.7)
        raise ConfigError(f"{message}{f'; did you mean {near[0]}?' if near else ''} (all options: --help)")


def parse_training(argv: Sequence[str]) -> tuple[EasyDict, RunFolder | None, RunSettings]:
    """The train command's own arguments, the run to resume (None for a new one), and the settings."""
    system = _named(argv, "--system") or "reloclnet"
    usage = f"train.sh {DATA_SET} [--config PRESET] [--system NAME] [--OPTION VALUE ...]"
    parser = Parser("train.sh", f"{usage}\n       train.sh --resume RUN", allow_abbrev=False)
    parser.description = f"Trains a system on narrations. {DEFAULTS}"
    add_layout(parser, system, "none: the demo corpus")
    parser.add_argument("--resume", metavar="RUN", help="go on with a stopped run, with the options it has")
    add_options(parser, system)
    parsed = EasyDict(vars(parser.parse_args(argv)))
    own = EasyDict({name: parsed.pop(name) for name in ("dset", "mode", "vid_feat_type", "config", "resume")})
    if own.resume:
        run = RunFolder.open(own.resume, parsed.pop("results_root", RESULTS))
        device = {"device": parsed.pop("device")} if "device" in parsed else {}
        extra = sorted(set(parsed) - {"system"})
        if extra or own.dset:
            raise ConfigError(
                f"--resume goes on with the run's own options; leave out {', '.join(extra) or own.dset}"
            )
        run.settings = resolve([("opt.json", run.settings.flat()), ("command line", device)])
        return own, run, run.settings
    return own, None, _training_settings(own, dict(parsed))


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """A data set as the train command takes it: a layout's name, or the paths as flags."""
    add_layout(parser, "reloclnet", "or give the paths as flags")
    add_options(parser, "reloclnet", {field.name for field in dataclasses.fields(DataSettings)})


def data_settings(parsed: argparse.Namespace, run: RunSettings | None = None) -> RunSettings:
    """The settings behind `add_data_options`; where they name no layout, a run's fill what is not told."""
    names = {field.name for field in dataclasses.fields(DataSettings)} | {"system", "exp_id", "results_root"}
    flags = {name: value for name, value in vars(parsed).items() if name in names}
    if run is not None and parsed.dset is None:
        return resolve([("opt.json", run.flat()), ("command line", flags | {"system": run.system})])
    own = EasyDict(vars(parsed))
    if own.get("as_published") and not own.config and own.system in presets_of(own.system):
        own.config = own.system  # named after its system: what its published checkpoints were trained with
    return _training_settings(own, flags)


def parse_inference(argv: Sequence[str]) -> tuple[EasyDict, RunFolder, RunSettings]:
    """The inference command's arguments, the run, and its settings with what was overridden."""
    parser = Parser("inference.sh", "inference.sh RUN SPLIT [--OPTION VALUE ...]", allow_abbrev=False)
    parser.description = f"Answers a split with a run and its options, but for those told here. {DEFAULTS}"
    parser.add_argument("model", help="a run folder's path, its name, or a unique beginning of its name")
    parser.add_argument("split", help="val, test, test_public, ...")
    named_first = argv and not argv[0].startswith("-")  # else, as with --help, options of the main system
    run = RunFolder.open(argv[0], _named(argv, "--results_root") or RESULTS) if named_first else None
    system = run.settings.system if run else "reloclnet"
    add_options(parser, system, inference_options(system))
    parsed = EasyDict(vars(parser.parse_args(argv)))
    own = EasyDict(model=parsed.pop("model"), split=parsed.pop("split"))
    run = run or RunFolder.open(own.model, parsed.get("results_root", RESULTS))
    settings = resolve([("opt.json", run.settings.flat()), ("command line", parsed)])
    refuse_ineffective("command line", parsed, settings)
    return own, run, settings


def facts_of(argv: Sequence[str]) -> dict[str, Any]:
    """What run.json says of the command: its words, versions, commit."""
    versions = {"python": platform.python_version()}
    for package in RECORDED:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    root = Path(__file__).resolve().parents[2]
    commit = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {"command": list(argv), "versions": versions, "commit": commit}


def _training_settings(own: EasyDict, flags: dict[str, Any]) -> RunSettings:
    """The layers of options, lowest first; the demo corpus when nothing names any data."""
    presets = presets_of(flags["system"])
    preset = own.config if own.config in presets else ""
    layout: list[Sourced] = []
    asked: list[Sourced] = []
    if own.config and not preset:  # a file of the user's
        asked = [read_preset(own.config, flags["system"])]
    if own.dset is None and not any("annotations" in values for _, values in [*asked, ("", flags)]):
        own.dset = "demo"
    if own.dset is not None:
        modes = [values["ctx_mode"] for values in (flags, *dict(asked).values()) if "ctx_mode" in values]
        suits, layout = read_layout(own.dset, own.mode or next(iter(modes), None), own.vid_feat_type)
        preset = preset or (suits if suits in presets else "")
    base: list[Sourced] = [read_preset(preset, flags["system"])] if preset else []
    for source, values in asked:
        _require_system(source, values, flags["system"])
        found = resolve([*base, *layout, *asked], flags["system"])
        if not values.keys() >= found.flat().keys():  # else the options of a whole run, whose opt.json it is
            refuse_ineffective(source, values, found)
    settings = resolve([*base, *layout, *asked, ("command line", flags)])
    refuse_ineffective("command line", flags, settings)
    if settings.train.debug:
        short = dataclasses.replace(settings.train, n_epoch=min(2, settings.train.n_epoch))
        settings = dataclasses.replace(settings, train=short)
    return settings


def _require_system(source: str, values: Mapping[str, Any], system: str) -> None:
    """Makes sure that a file of options is meant for the system that flags and presets are read for."""
    named = values.get("system", system)
    if named != system:
        raise ConfigError(
            f"{source}: system is {named!r}, but options are read for {system!r}; expected one, give "
            f"--system {named}"
        )


def _named(argv: Sequence[str], flag: str) -> str | None:
    """The value of a flag before the parser exists, which needs it."""
    for index, word in enumerate(argv):
        if word == flag and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None
