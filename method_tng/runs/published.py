"""Weights files of published implementations: {"model": state dict, "model_cfg" or "opt": options, ...}, or a
state dict alone, whose one option is "shapes", those of its weights.

The options are a pickled EasyDict or the namespace of a command line, and a pickle can name any function of
the machine.  Without trust only what torch itself holds safe is read; with trust a few more names, and still
no other: an EasyDict becomes a plain dict on the way in, and its package is not needed.  A prefix `module.`,
which training in several processes leaves in the names of weights, is taken off.
"""

import argparse
import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from method_tng.contract.errors import CheckpointError

STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")


class PlainOptions(dict):
    """What an EasyDict becomes: its items; the attributes that repeat them are left out."""

    def __setstate__(self, state: object) -> None:
        """Ignores the attributes."""


ALLOWED: dict[tuple[str, str], Any] = {
    ("easydict", "EasyDict"): PlainOptions,
    ("argparse", "Namespace"): argparse.Namespace,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    **{("torch", f"{kind}Storage"): getattr(torch, f"{kind}Storage") for kind in STORAGES},
}


class RefusedName(pickle.UnpicklingError):
    """A pickle names something that is not on the list."""


class RestrictedUnpickler(pickle.Unpickler):
    """Knows the names of the list and no other."""

    def find_class(self, module: str, name: str) -> Any:
        """The thing of that name.  Raises RefusedName."""
        if (module, name) not in ALLOWED:
            raise RefusedName(f"{module}.{name}")
        return ALLOWED[module, name]


def import_checkpoint(path: Path | str, trust: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads a published weights file.

    Args:
        path: the file.
        trust: also read options that are pickled as an EasyDict; no code of the file runs then either.

    Returns:
        The state dict on the CPU, and the options as a plain dict.

    Raises:
        CheckpointError: no such file, not a weights file, not of the published form, or trust is needed.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"{path} is not there; expected a weights file as the published training writes it"
        )
    try:
        content = _read(path, weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust:
            raise CheckpointError(
                f"{path} holds more than tensors and plain values, probably options pickled as an EasyDict. "
                "If you know where it comes from, read it with --trust_checkpoint"
            ) from error
        content = _read_trusted(path)
    return _checked(path, content)


def _read_trusted(path: Path) -> Any:
    restricted = SimpleNamespace(
        __name__="restricted",
        Unpickler=RestrictedUnpickler,
        load=_load,
        UnpicklingError=pickle.UnpicklingError,
    )
    try:
        return _read(path, weights_only=False, pickle_module=restricted)
    except RefusedName as error:
        raise CheckpointError(
            f"{path} names {error}, which is neither a tensor nor an EasyDict; nothing of it was run. "
            "Save the file anew with options as a plain dict"
        ) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} cannot be read as a weights file: {error}") from error


def _read(path: Path, **how: Any) -> Any:
    """torch.load, with its many errors for a broken file made one."""
    try:
        return torch.load(path, map_location="cpu", **how)
    except (
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(
            f"{path} cannot be read as a weights file ({type(error).__name__}); is it whole?"
        ) from error


def _load(file: io.BufferedIOBase, **how: Any) -> Any:
    return RestrictedUnpickler(file, **how).load()


def _checked(path: Path, content: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if isinstance(content, dict) and "opt" in content and "model_cfg" not in content:
        options = content["opt"]
        options = vars(options) if isinstance(options, argparse.Namespace) else options
        content = {**content, "model_cfg": options}
    if isinstance(content, dict) and content and all(isinstance(value, Tensor) for value in content.values()):
        shapes = {name.removeprefix("module."): tuple(value.shape) for name, value in content.items()}
        content = {"model": content, "model_cfg": {"shapes": shapes}}
    wanted: dict[str, Callable[[Any], bool]] = {
        "model": lambda value: isinstance(value, dict) and all(isinstance(v, Tensor) for v in value.values()),
        "model_cfg": lambda value: isinstance(value, dict),
    }
    for key, fits in wanted.items():
        if not (isinstance(content, dict) and key in content and fits(content[key])):
            found = (
                f"the keys {', '.join(map(str, content))}" if isinstance(content, dict) else "no dictionary"
            )
            raise CheckpointError(
                f"{path} is not of the published form: {key!r} is missing or of another kind (found "
                f"{found}); expected a dictionary with model (weights by name) and model_cfg or opt (options)"
            )
    weights = {name.removeprefix("module."): value.detach() for name, value in content["model"].items()}
    return weights, _plain(content["model_cfg"])


def _plain(options: dict) -> dict[str, Any]:
    """The options without any class of ours, nested ones too."""
    return {str(key): _plain(value) if isinstance(value, dict) else value for key, value in options.items()}
