"""Models of transformers in a local folder: whole, or refused in a sentence.  Nothing is ever downloaded."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoTokenizer
from transformers.utils import logging

from method_tng.contract.errors import CheckpointError

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, EOFError, SafetensorError, UnpicklingError)


@contextlib.contextmanager
def loading(folder: Path | str, what: str, wanted: str) -> Iterator[None]:
    """Whatever transformers says of a folder's files becomes one sentence.

    Args:
        folder: of the model, or its hub name.
        what: is looked for, as "text model".
        wanted: what to do.

    Raises:
        CheckpointError: instead of their errors.
    """
    logging.disable_progress_bar()
    try:
        yield
    except UNREADABLE as error:
        reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"{folder} holds no {what} that transformers loads ({reason}); {wanted}"
        ) from error


def load_model(
    kind: Any, folder: Path | str, part: Callable[[nn.Module], nn.Module] = lambda model: model
) -> Any:
    """A model in full precision.

    Args:
        kind: class of transformers.
        folder: where it lies, or the hub name of one in the local cache.
        part: of the model that is used; the rest may be missing.

    Raises:
        CheckpointError: weights are missing; they would be drawn.
    """
    told = {"local_files_only": True, "dtype": torch.float32, "output_loading_info": True}
    model, loaded = kind.from_pretrained(folder, **told)
    used = {id(weight) for weight in part(model).parameters()}
    missing = sorted(
        name for name, weight in model.named_parameters()
        if name in loaded["missing_keys"] and id(weight) in used and "pooler" not in name.split(".")
    )  # fmt: skip
    if missing:
        raise CheckpointError(
            f"{folder}: the weights lack {len(missing)} of those that config.json describes (as "
            f"{missing[0]}); expected all files of one model, fetch them again"
        )
    return model


def load_tokenizer(folder: Path | str) -> Any:
    """A model's tokenizer.  Raises CheckpointError when it knows no words: its files are missing."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise CheckpointError(
            f"{folder}: the tokenizer knows no words; expected tokenizer.json or vocab.txt of the same "
            "model, fetch it again"
        )
    return tokenizer
