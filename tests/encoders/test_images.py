"""Image-text models from local folders: tiny random ones of every kind, saved and loaded offline."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessor,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from method_tng.contract.errors import CheckpointError
from method_tng.encoders.images import SentenceEncoder, TransformersImageEncoder, pooled

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "snow", "雪", "人"]
TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = TEXT | {"image_size": 16, "patch_size": 8}
PROJECTED = {"projection_dim": 12}
KINDS = {
    "clip": (CLIPConfig, CLIPModel, CLIPImageProcessor, PROJECTED, {"eos_token_id": 3}),
    "chinese_clip": (
        ChineseCLIPConfig,
        ChineseCLIPModel,
        ChineseCLIPImageProcessor,
        {"projection_dim": 12},
        {},
    ),
    "siglip": (SiglipConfig, SiglipModel, SiglipImageProcessor, {}, {}),
    "siglip2": (Siglip2Config, Siglip2Model, Siglip2ImageProcessor, {}, {}),
}


def save_tiny(folder: Path, kind: str) -> Path:
    """A random model of a kind with its processors, small enough for a test."""
    config, model, processor, more, of_text = KINDS[kind]
    torch.manual_seed(0)
    text = TEXT | {"vocab_size": len(WORDS), "max_position_embeddings": 60} | of_text
    model(config(text_config=text, vision_config=VISION, **more)).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    told = {"size": size, "crop_size": size, "do_center_crop": False}
    told = {"patch_size": 8, "max_num_patches": 16} if kind == "siglip2" else told
    processor(**told).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_sentences_get_unit_vectors_of_one_space(kind: str, tmp_path: Path) -> None:
    encoder = TransformersImageEncoder(save_tiny(tmp_path, kind))
    pictures = list(np.random.default_rng(0).integers(0, 256, (3, 30, 40, 3), dtype=np.uint8))
    rows, sentences = encoder.encode(pictures), encoder.encode_sentences(["a man", "雪 人"])
    assert rows.shape == (3, encoder.width) and sentences.shape == (2, encoder.width)
    for found in (rows, sentences):
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.allclose(encoder.encode(pictures[1:2]), rows[1:2], atol=1e-6)
    assert encoder.frame_size(1920, 1080)[1] <= 32 < encoder.frame_size(1920, 1080)[0] * 2
    again = TransformersImageEncoder.open(encoder.describe())
    assert np.array_equal(again.encode(pictures), rows)


def test_other_weights_under_the_same_path_are_told(tmp_path: Path) -> None:
    described = TransformersImageEncoder(save_tiny(tmp_path, "clip")).describe()
    with pytest.raises(CheckpointError, match="does not hold the weights the features were made with"):
        TransformersImageEncoder.open(described | {"weights": "others"})


def test_a_folder_without_such_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"fetch config\.json"):
        TransformersImageEncoder(tmp_path)


def _without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop("visual_projection.weight", None)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _without_words(folder: Path) -> None:
    for path in [*folder.glob("tokenizer*"), *folder.glob("vocab*")]:
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: _cut(folder / "model.safetensors"), "holds no image-text model that"),
        (lambda folder: (folder / "config.json").write_text("{"), "holds no image-text model"),
        (_without_a_weight, "the weights lack 1 of those that config.json describes"),
        (_without_words, "the tokenizer knows no words"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "holds no tokenizer"),
    ],
)  # fmt: skip
def test_files_that_are_broken_or_missing_are_told(
    spoil: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    spoil(save_tiny(tmp_path, "clip"))
    with pytest.raises(CheckpointError, match=told) as caught:
        SentenceEncoder(tmp_path).encode(["a man"])
    assert "\n" not in str(caught.value)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])  # as a fetch leaves it that broke off


def test_pooled_takes_what_any_version_gives() -> None:
    vector = torch.ones(2, 3)

    class Output:
        pooler_output = vector

    assert all(pooled(one) is vector for one in (vector, (torch.zeros(2, 5, 3), vector), Output()))
