"""A published checkpoint of the family becomes a run that answers, and that another one starts from."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from baselines.rgnet.model import RGNet
from baselines.rgnet.settings import RGNetSettings
from method_tng import inference, prepare, train
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from tests.tiny import QUERY, VIDEO, make_tiny

OPTIONS = {
    "hidden_dim": 16, "nheads": 2, "dim_feedforward": 16, "enc_layers": 1, "dec_layers": 2, "num_queries": 3,
    "v_motion_feat_dim": VIDEO, "v_appear_feat_dim": VIDEO, "t_feat_dim": QUERY, "max_v_l": 20, "max_q_l": 8,
    "pos_temperature": 100, "adapter_module": "none", "retrieval_loss_coef": 10,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataSettings:
    """The tiny corpus with sentence vectors, in windows that overlap."""
    folder = tmp_path / "data"
    sentences = str(folder / "tiny_sentence.h5")
    settings = make_tiny(folder, sentence_features=sentences, ctx_mode="video", sub_features="")
    return replace(settings, window_stride=20.0, window_edges="cut")


def flags(data: DataSettings) -> list[str]:
    changed = {name: value for name, value in asdict(data).items() if value != getattr(DataSettings(), name)}
    return [word for name, value in changed.items() for word in (f"--{name}", str(value))]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Weights as several processes save them, some of which nothing reads, and a command line's options."""
    settings = RGNetSettings(
        hidden_size=16, n_heads=2, dim_feedforward=16, enc_layers=1, dec_layers=2, num_queries=3
    )
    model = RGNet(settings, DataSettings(ctx_mode="video"), Sizes(frames=VIDEO, words=QUERY, sentence=VIDEO))
    weights = {**model.state_dict(), "saliency_proj.weight": torch.zeros(1, 16)}
    weights["transformer.decoder.bbox_embed.1.layers.0.weight"] = torch.zeros(16, 16)
    state = {"model": {f"module.{name}": value for name, value in weights.items()}, "epoch": 9}
    torch.save({**state, "opt": argparse.Namespace(**OPTIONS)}, tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


def test_it_is_imported_answers_and_is_fine_tuned(
    checkpoint: Path, data: DataSettings, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = ["--results_root", str(tmp_path / "runs")]
    words = ["import", str(checkpoint), "--system", "rgnet", "--trust_checkpoint", *flags(data), *root]
    assert prepare.main(words) == 0, capsys.readouterr().err
    imported = next((tmp_path / "runs").iterdir())
    stored = load_file(imported / "find.best.safetensors")
    assert "saliency_proj.weight" not in stored
    assert inference.main([imported.name, "val", "--tasks", "TNG", "--max_vcmr_video", "3", *root]) == 0
    sizes = "--hidden_size 16 --n_heads 2 --dim_feedforward 16 --enc_layers 1 --dec_layers 2 --num_queries 3"
    once = ["--n_epoch", "1", "--lr", "0", "--eval_split", "", "--final_split", "", "--exp_id", "tuned"]
    tuned = ["--system", "rgnet", *sizes.split(), *once, "--init_from", imported.name]
    assert train.main([*tuned, *flags(data), *root]) == 0, capsys.readouterr().err
    run = next(path for path in (tmp_path / "runs").iterdir() if "tuned" in path.name)
    again = load_file(run / "find.last.safetensors")
    assert all(torch.equal(again[name], value) for name, value in stored.items())
