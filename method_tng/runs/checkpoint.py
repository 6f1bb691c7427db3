"""Weights and trainer states on disk, in safe form only: safetensors, and torch files of plain values."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from method_tng.contract.errors import CheckpointError
from method_tng.contract.files import write_whole


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Writes a state dict as safetensors, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
    write_whole(path, lambda temporary: save_file(plain, temporary))


def load_weights(model: nn.Module, path: Path) -> None:
    """Fills a model.

    Raises:
        CheckpointError: unreadable, or the weights are another model's; names the first differences.
    """
    try:
        weights = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error
    fill(model, weights, str(path))


def fill(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copies weights into a model, all of them and nothing else.

    Raises:
        CheckpointError: names missing, unexpected and differently shaped entries.
    """
    own = model.state_dict()
    missing = [name for name in own if name not in weights]
    unexpected = [name for name in weights if name not in own]
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if missing or unexpected or shapes:
        parts = (("missing", missing), ("not of this model", unexpected), ("of another shape", shapes))
        told = "; ".join(f"{len(found)} {what}: {', '.join(found[:3])}" for what, found in parts if found)
        raise CheckpointError(
            f"{source} does not fit the model: {told}. Were other options used for training?"
        )
    model.load_state_dict(dict(weights))


def fingerprint(weights: Mapping[str, Tensor]) -> str:
    """Sixteen hexadecimal digits that change when any weight changes."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a trainer state (tensors, numbers, strings, lists, dictionaries), whole or not at all."""
    write_whole(path, lambda temporary: torch.save(dict(state), temporary))


def load_state(path: Path) -> dict[str, Any]:
    """Reads a trainer state; nothing in the file can run code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not there: this run was never saved, or is complete") from error
    except Exception as error:
        raise CheckpointError(f"{path} cannot be read as a trainer state: {error}") from error
