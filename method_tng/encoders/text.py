"""Text encoders: sentences -> word vectors, and back from their description to an equal encoder.

    TableEncoder         static vectors from a table
    HashedEncoder        no file at all
    TransformersEncoder  a language model in a local folder (its module is loaded when it is needed)
    SentenceEncoder      an image-text model in a local folder: one vector of the whole sentence

All have `encode(texts) -> list of (L, D) float32` and `describe() -> dict`, which is JSON.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from method_tng.contract.errors import CheckpointError, ConfigError
from method_tng.encoders.hashed import HashedEncoder
from method_tng.encoders.table import TableEncoder

if TYPE_CHECKING:
    from method_tng.encoders.language_model import TransformersEncoder

__all__ = ["HashedEncoder", "TableEncoder", "TextEncoder", "TransformersEncoder", "text_encoder_of"]


class TextEncoder(Protocol):
    """What every text encoder can do."""

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Texts -> for each its (L, D) float32 rows, L >= 1."""
        ...

    def describe(self) -> dict[str, Any]:
        """What `text_encoder_of` needs to make an equal encoder."""
        ...


def __getattr__(name: str) -> Any:
    """`TransformersEncoder` on demand: importing transformers takes seconds."""
    if name != "TransformersEncoder":
        raise AttributeError(name)
    from method_tng.encoders.language_model import TransformersEncoder

    return TransformersEncoder


def text_encoder_of(description: Mapping[str, Any], device: str = "cpu") -> TextEncoder:
    """The encoder that described itself so.

    Args:
        description: what `describe` gave; `sha256` may be missing, then any file will do.
        device: where a language model runs.

    Raises:
        ConfigError: no such kind of encoder.
        CheckpointError: its file or folder is missing, or holds something else than it did.
    """
    kind = description.get("kind")
    most = int(description.get("max_words", 0))
    if kind == "hashed":
        return HashedEncoder(int(description["width"]), int(description["seed"]))
    if kind == "table":
        digest = description.get("sha256")
        return TableEncoder.open(Path(description["path"]), description.get("language", "en"), most, digest)
    if kind == "transformers":
        return _language_model(Path(description["folder"]), most, device, description.get("sha256"))
    if kind == "sentences":
        return _sentences(description["folder"], device, description.get("sha256"))
    raise ConfigError(f"there is no text encoder {kind!r}; expected hashed, table, transformers or sentences")


def _sentences(folder: str, device: str, digest: str | None) -> TextEncoder:
    from method_tng.encoders.images import SentenceEncoder

    encoder = SentenceEncoder(folder, device)
    if digest not in (None, encoder.describe()["sha256"]):
        raise CheckpointError(_other_weights(folder))
    return encoder


def _other_weights(folder: Path | str) -> str:
    return (
        f"{folder} does not hold the weights the features were made with; put the right model there, or "
        "encode the queries again"
    )


def _language_model(folder: Path, max_words: int, device: str, digest: str | None) -> TextEncoder:
    from method_tng.encoders.language_model import TransformersEncoder, weights_digest

    encoder = TransformersEncoder(folder, max_words, device)
    if digest not in (None, weights_digest(folder)):
        raise CheckpointError(_other_weights(folder))
    return encoder
