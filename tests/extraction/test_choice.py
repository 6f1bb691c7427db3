"""The choice of a text encoder: a new one takes its own options alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from method_tng.contract.errors import ConfigError
from method_tng.extraction.choice import encoder_of_run, new_encoder


def test_hashed_words_have_the_width_that_is_told() -> None:
    assert new_encoder("hashed", {}).encode(["a door"])[0].shape == (2, 256)
    assert new_encoder("hashed", {"width": 16}).encode(["a door"])[0].shape == (2, 16)


def test_a_table_reads_the_words_of_the_language_and_as_many_as_told(tmp_path: Path) -> None:
    path = tmp_path / "tables.npz"
    np.savez(path, en_words=["door"], en_vectors=np.eye(1, 2), zh_words=["门"], zh_vectors=np.eye(1, 3))
    assert new_encoder("table", {"source": str(path)}).encode(["the door"])[0].shape == (2, 2)
    encoder = new_encoder("table", {"source": str(path), "max_words": 2}, "zh")
    assert encoder.encode(["门开"])[0].tolist()[0] == [1, 0, 0]
    assert encoder.encode(["门开"])[0].shape == (2, 3)  # of 门, 门开 and 开
    assert encoder_of_run({"text_encoder": encoder.describe()}).describe() == encoder.describe()


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("hashed", {"source": "x"}, "--source has no effect with --encoder hashed"),
        ("hashed", {"max_words": 3}, "--max_words has no effect with --encoder hashed"),
        ("table", {"source": "x", "width": 3}, "--width has no effect with --encoder table"),
        ("transformers", {}, "needs --source, the model's local folder"),
    ],
)
def test_an_option_that_means_nothing_is_refused(kind: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        new_encoder(kind, options)


def test_a_run_brings_its_own_encoder_or_none() -> None:
    facts = {"text_encoder": {"kind": "hashed", "width": 8, "seed": 0}}
    assert encoder_of_run(facts).encode(["door"])[0].shape == (1, 8)
    with pytest.raises(ConfigError, match="--run takes the run's own encoder; leave out --width"):
        encoder_of_run(facts, ["width"])
    with pytest.raises(ConfigError, match="do not say how they were made"):
        encoder_of_run({"text_encoder": None})
