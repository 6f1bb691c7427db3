"""Chinese-CLIP that learns: what it reads, and what it says of folders it cannot use."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from method_tng.contract.errors import CheckpointError
from method_tng.encoders.chinese_clip import ChineseClipTowers
from method_tng.encoders.images import TransformersImageEncoder
from tests.encoders.tiny_clip import save_tiny_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_clip(tmp_path / "clip")


def test_it_says_what_the_extraction_says(folder: Path) -> None:
    towers, encoder = ChineseClipTowers(folder).eval(), TransformersImageEncoder(folder)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    stacked = torch.from_numpy(pictures).permute(0, 3, 1, 2)[:, None]  # (3, 1, 3, 16, 16)
    with torch.no_grad():
        rows = F.normalize(towers.read_pictures(stacked)[:, 0], dim=-1)
        told = F.normalize(towers.read_texts(["红圆", "蓝", ""]), dim=-1)
    torch.testing.assert_close(rows, torch.from_numpy(encoder.encode(list(pictures))), atol=1e-5, rtol=0)
    expected = torch.from_numpy(encoder.encode_sentences(["红圆", "蓝", ""]))
    torch.testing.assert_close(told, expected, atol=1e-5, rtol=0)


def test_pictures_of_any_size_and_in_any_portions_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towers = ChineseClipTowers(folder).eval()
    pictures = torch.randint(0, 256, (2, 5, 3, 20, 30), dtype=torch.uint8)
    with torch.no_grad():
        together = towers.read_pictures(pictures)
        monkeypatch.setattr("method_tng.encoders.chinese_clip.PICTURES_AT_ONCE", 3)
        torch.testing.assert_close(towers.read_pictures(pictures), together)
    assert together.shape == (2, 5, 12)


def test_a_longer_text_is_cut(folder: Path) -> None:
    towers = ChineseClipTowers(folder, text_length=4).eval()
    with torch.no_grad():
        rows = towers.read_texts(["红绿蓝黄圆方", "红绿"])
    assert torch.equal(rows[0], rows[1])


def test_texts_in_pieces_that_fit_are_read_as_they_are(folder: Path) -> None:
    towers = ChineseClipTowers(folder, text_length=5).eval()
    with torch.no_grad():
        pieces, real = towers.read_whole_texts(["红绿", "", "红绿蓝黄圆方红"])
        expected = towers.read_texts(["红绿", "", "红绿蓝", "黄圆方", "红"])
    assert real.tolist() == [[True, False, False], [True, False, False], [True] * 3]
    torch.testing.assert_close(pieces[real], expected)


def test_computing_again_changes_no_gradient(folder: Path) -> None:
    found = []
    for recompute in (False, True):
        towers = ChineseClipTowers(folder, recompute=recompute).train()
        pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        (towers.read_pictures(pixels[:, None]).sum() + towers.read_texts(["红", "绿圆"]).sum()).backward()
        found.append([value.grad for value in towers.parameters() if value.grad is not None])
    assert len(found[0]) == len(found[1]) == len(list(towers.parameters())) - 1  # the scale is not used
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_a_folder_without_a_model_or_with_another_one_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no Chinese-CLIP model"):
        ChineseClipTowers(tmp_path / "nowhere")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckpointError, match="of type bert; expected chinese_clip"):
        ChineseClipTowers(tmp_path / "bert")


def _other_width(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "projection_dim": 2 * config["projection_dim"]})
    )


def _no_words(folder: Path) -> None:
    for path in [*folder.glob("vocab*"), *folder.glob("token*")]:
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_other_width, "holds no Chinese-CLIP model that transformers loads"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "holds no Chinese-CLIP model"),
        (lambda folder: save_file({"other": torch.zeros(2)}, folder / "model.safetensors"), "weights lack"),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{"), "cannot be read as a JSON"),
        (_no_words, "the tokenizer knows no words"),
    ],
)
def test_files_that_do_not_belong_together_are_told(
    spoil: Callable[[Path], object], told: str, folder: Path, tmp_path: Path
) -> None:
    spoilt = Path(shutil.copytree(folder, tmp_path / "spoilt"))
    spoil(spoilt)
    with pytest.raises(CheckpointError, match=told):
        ChineseClipTowers(spoilt)
