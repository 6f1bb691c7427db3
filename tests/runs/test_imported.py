"""A published checkpoint becomes a run folder, through the command."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from easydict import EasyDict
from safetensors.torch import load_file

from method_tng import prepare, train
from method_tng.contract.settings import DataSettings
from method_tng.runs.folder import RunFolder

GOLDEN = Path(__file__).parents[1] / "golden" / "reloclnet"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A golden state in the published form, its options pickled as an EasyDict."""
    state = {name: torch.from_numpy(value) for name, value in np.load(GOLDEN / "model_a_state.npz").items()}
    config = EasyDict(json.loads((GOLDEN / "model_a.json").read_text())["config"])
    torch.save({"model": state, "model_cfg": config, "epoch": 7}, tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


def _import(checkpoint: Path, *more: str) -> int:
    return prepare.main(
        ["import", str(checkpoint), "tvr", "--results_root", str(checkpoint.parent / "r"), *more]
    )


def test_an_imported_run_holds_the_same_weights_and_the_published_behaviour(checkpoint: Path) -> None:
    assert _import(checkpoint, "--trust_checkpoint") == 0
    run = RunFolder.open(str(next((checkpoint.parent / "r").iterdir())), "")
    stored = load_file(run.weights("find"))
    for name, value in np.load(GOLDEN / "model_a_state.npz").items():
        assert np.array_equal(stored[name].numpy(), value)
    model, data = run.settings.model, run.settings.data
    assert model.pad_compat
    assert not model.mask_related
    assert (model.hidden_size, data.max_ctx_l, data.max_desc_l) == (32, 20, 12)
    assert (data.ctx_mode, data.label_end, data.vocabulary) == ("video_sub_tef", "upstream", False)


def test_pickled_options_are_not_read_without_trust(checkpoint: Path, capsys: pytest.CaptureFixture) -> None:
    assert _import(checkpoint) == 2
    assert "--trust_checkpoint" in capsys.readouterr().err


def test_an_imported_run_is_not_trained_over(
    checkpoint: Path, capsys: pytest.CaptureFixture, tiny: DataSettings
) -> None:
    names = ("annotations", "durations", "video_features", "sub_features", "query_features")
    paths = [word for name in names for word in (f"--{name}", getattr(tiny, name))]
    assert _import(checkpoint, "--trust_checkpoint", *paths, "--vid_feat_size", "0") == 0
    run = next((checkpoint.parent / "r").iterdir())
    before = (run / "find.best.safetensors").read_bytes()
    assert train.main(["--resume", str(run)]) == 2
    assert "was imported and has no trainer state" in capsys.readouterr().err
    assert (run / "find.best.safetensors").read_bytes() == before
