"""Text encoders: the same text always gives the same rows, and a description gives back an equal encoder."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from method_tng.contract.errors import CheckpointError, ConfigError
from method_tng.contract.words import words_of
from method_tng.encoders.text import HashedEncoder, TableEncoder, TransformersEncoder, text_encoder_of

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "he", "opens", "the", "door", "rain", "他", "开", "门")
TEXTS = ["He opens the door.", "Rain", "他开门", ""]


def save_tokenizer(folder: Path) -> None:
    """A word-level tokenizer that puts [CLS] and [SEP] around every text."""
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


@pytest.fixture(params=["bert", "clip"])
def model_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A tiny model with random weights, saved as its makers would."""
    torch.manual_seed(0)
    text = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"intermediate_size": 16, "max_position_embeddings": 9}
    if request.param == "bert":
        BertModel(BertConfig(**text)).save_pretrained(tmp_path)
    else:
        text |= {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
        vision = {
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
        }
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision)).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    return tmp_path


def test_a_language_model_gives_a_row_per_token_and_none_for_special_ones(model_folder: Path) -> None:
    rows = TransformersEncoder(model_folder).encode(TEXTS)
    assert [part.shape for part in rows] == [(5, 16), (1, 16), (1, 16), (1, 16)]
    assert all(part.dtype == np.float32 for part in rows)


def test_a_language_model_gives_the_same_rows_alone_and_in_company(model_folder: Path) -> None:
    encoder = TransformersEncoder(model_folder)
    for text, rows in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], rows, atol=1e-5)


def test_long_texts_are_cut_where_the_model_ends(model_folder: Path) -> None:
    assert TransformersEncoder(model_folder).encode(["rain " * 50])[0].shape == (7, 16)
    assert TransformersEncoder(model_folder, max_words=5).encode(["rain " * 50])[0].shape == (3, 16)


def test_a_language_model_comes_back_from_its_description(model_folder: Path) -> None:
    encoder = TransformersEncoder(model_folder)
    description = json.loads(json.dumps(encoder.describe()))
    for one, other in zip(text_encoder_of(description).encode(TEXTS), encoder.encode(TEXTS), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(CheckpointError, match="does not hold the weights"):
        text_encoder_of({**description, "sha256": "0"})


def test_a_folder_without_weights_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config.json and no model.safetensors; fetch"):
        TransformersEncoder(tmp_path)


def test_hashed_words_are_unit_vectors_and_relatives_lie_near() -> None:
    encoder = HashedEncoder(4096)
    walk, walks, table = (encoder.encode([word])[0][0] for word in ("walking", "walked", "table"))
    assert walk @ walk == pytest.approx(1, abs=1e-5)
    assert walk @ walks > walk @ table + 0.03
    assert abs(walk @ table) < 0.05
    assert [len(rows) for rows in encoder.encode(TEXTS)] == [4, 1, 5, 1]


def test_hashed_words_are_the_same_on_every_machine() -> None:
    row = HashedEncoder(8).encode(["door"])[0][0]
    expected = [0.386028, -0.270049, -0.270049, -0.386028, -0.038091, -0.386028, -0.617986, 0.15407]
    np.testing.assert_allclose(row, expected, atol=1e-6)


def test_another_seed_gives_other_vectors_and_a_description_the_same_ones() -> None:
    encoder = HashedEncoder(32, seed=3)
    again = text_encoder_of(json.loads(json.dumps(encoder.describe())))
    np.testing.assert_array_equal(encoder.encode(TEXTS)[0], again.encode(TEXTS)[0])
    assert not np.array_equal(encoder.encode(TEXTS)[0], HashedEncoder(32).encode(TEXTS)[0])


def test_a_table_looks_words_up_and_gives_strangers_a_small_vector_of_their_own() -> None:
    encoder = TableEncoder(["he", "door"], np.eye(2, dtype=np.float16))
    rows = encoder.encode(["He, the DOOR the", "café"])
    np.testing.assert_array_equal(rows[0][[0, 2]], np.eye(2))
    assert np.linalg.norm(rows[0][1]) == pytest.approx(0.3, abs=1e-6)
    np.testing.assert_array_equal(rows[0][1], rows[0][3])
    assert len(rows[1]) == 1
    assert len(TableEncoder(["he"], np.eye(1), max_words=2).encode(["he he he"])[0]) == 2


def test_a_table_in_chinese_has_characters_and_pairs() -> None:
    encoder = TableEncoder(["他", "他开"], np.eye(2), language="zh")
    rows = encoder.encode(["他开门"])[0]
    assert len(rows) == len(words_of("他开门")) == 5
    np.testing.assert_array_equal(rows[:2], np.eye(2))


def test_a_table_comes_back_from_its_description_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    np.savez(path, en_words=np.array(["he"]), en_vectors=np.ones((1, 2)))
    description = TableEncoder.open(path, max_words=4).describe()
    assert text_encoder_of(description).describe() == description
    np.savez(path, en_words=np.array(["he"]), en_vectors=np.zeros((1, 2)))
    with pytest.raises(CheckpointError, match="not the table the features were made with"):
        text_encoder_of(description)
    with pytest.raises(CheckpointError, match="take another language"):
        TableEncoder.open(path, "zh")


def test_an_unknown_kind_of_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="no text encoder 'magic'"):
        text_encoder_of({"kind": "magic"})
