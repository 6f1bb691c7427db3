"""Which text encoder is meant: the one a run's query features came from, or a new one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from method_tng.contract.errors import ConfigError
from method_tng.encoders.text import TextEncoder, text_encoder_of


def encoder_of_run(facts: Mapping[str, Any]) -> TextEncoder:
    """The encoder of a run's query features; `facts` is its run.json.

    Raises:
        ConfigError: the query features came from elsewhere, without a word on how they were made.
    """
    if not facts.get("text_encoder"):
        raise ConfigError(
            "the run's query features do not say how they were made (imported ones), so no other sentence "
            "can be encoded alike; encode the training queries with `prepare text` and train again"
        )
    return text_encoder_of(facts["text_encoder"])


def new_encoder(kind: str, source: Path | None, width: int) -> TextEncoder:
    """An encoder by kind: hashed needs a width, table an .npz file, transformers a model's local folder.

    Raises:
        ConfigError: the source is missing.
    """
    if kind == "hashed":
        return text_encoder_of({"kind": "hashed", "width": width, "seed": 0})
    if source is None:
        wanted = "the table's .npz file" if kind == "table" else "the model's local folder"
        raise ConfigError(f"--encoder {kind} needs --source, {wanted}")
    return text_encoder_of({"kind": kind, "path": str(source), "folder": str(source)})
