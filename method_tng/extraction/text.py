"""Query features: the narrations of annotation files as word vectors in an HDF5 file."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from method_tng.contract.errors import DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.dataset.feature_store import write_features
from method_tng.encoders.text import TextEncoder

TOGETHER = 1024  # texts given to the encoder at once


def encode_annotations(data: DataSettings, splits: Sequence[str], encoder: TextEncoder, out: Path) -> int:
    """Writes the word vectors of all narrations of some splits, whole or not at all.

    The file's attribute `text_encoder` describes the encoder, so that a typed sentence can be encoded alike.

    Args:
        data: where the annotations are, in any supported format.
        splits: names of splits; a narration that stands in several is encoded once.
        encoder: turns texts into rows.
        out: the HDF5 file, query id -> (words, width) float32.

    Returns:
        How many narrations were encoded.

    Raises:
        DataError: an annotation is faulty, or the same id has different texts.
    """
    texts: dict[str, str] = {}
    for split in splits:
        for narration in read_split(data, split).narrations:
            if texts.setdefault(narration.query_id, narration.text) != narration.text:
                raise DataError(
                    f"query {narration.query_id!r} of split {split!r} has another text in an earlier split; "
                    "expected unique ids over all splits of one file, encode the splits into separate files"
                )
    write_features(out, _rows(texts, encoder), {"text_encoder": json.dumps(encoder.describe())})
    return len(texts)


def _rows(texts: dict[str, str], encoder: TextEncoder) -> Iterator[tuple[str, np.ndarray]]:
    ids = list(texts)
    for start in range(0, len(ids), TOGETHER):
        part = ids[start : start + TOGETHER]
        encoded = encoder.encode(texts[query_id] for query_id in part)
        yield from zip(part, encoded, strict=True)
