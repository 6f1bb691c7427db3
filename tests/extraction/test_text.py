"""Query features of annotation files."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng.contract.errors import DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.encoders.text import HashedEncoder, text_encoder_of
from method_tng.extraction.text import encode_annotations


def test_every_narration_is_encoded_and_the_file_says_how(tiny: DataSettings, tmp_path: Path) -> None:
    out = tmp_path / "new" / "queries.h5"
    count = encode_annotations(tiny, ["train", "val"], HashedEncoder(16), out)
    with h5py.File(out) as file:
        again = text_encoder_of(json.loads(file.attrs["text_encoder"]))
        assert len(file) == count
        for split in ("train", "val"):
            for narration in read_split(tiny, split).narrations:
                np.testing.assert_array_equal(file[narration.query_id][()], again.encode([narration.text])[0])


def test_one_id_with_two_texts_is_refused_and_nothing_is_written(tiny: DataSettings, tmp_path: Path) -> None:
    path = Path(tiny.annotations.format(split="train"))
    changed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    changed[0]["desc"] += " Again."
    other = path.with_name("changed_again.jsonl")
    other.write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
    original = path.with_name("changed_train.jsonl")
    original.write_bytes(path.read_bytes())
    data = replace(tiny, annotations=str(path.with_name("changed_{split}.jsonl")), durations="")
    with pytest.raises(DataError, match="another text"):
        encode_annotations(data, ["train", "again"], HashedEncoder(16), tmp_path / "queries.h5")
    assert not (tmp_path / "queries.h5").exists()
