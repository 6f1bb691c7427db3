"""Weights files of the published form: read with trust, and nothing else than read."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from easydict import EasyDict

from method_tng.contract.errors import CheckpointError
from method_tng.runs.published import import_checkpoint

GOLDEN = Path(__file__).parent.parent / "golden" / "reloclnet"


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / "model_a_state.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def save(path: Path, content: Any, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_published_file_is_read_with_trust_alone(tmp_path: Path, state: dict, legacy: bool) -> None:
    options = EasyDict(hidden_size=32, ctx_mode="video_sub_tef", nested=EasyDict(a=[1, 2]))
    path = save(tmp_path / "model.ckpt", {"model": state, "model_cfg": options, "epoch": 7}, legacy)
    with pytest.raises(CheckpointError, match="--trust_checkpoint"):
        import_checkpoint(path)
    weights, read = import_checkpoint(path, trust=True)
    assert read == {"hidden_size": 32, "ctx_mode": "video_sub_tef", "nested": {"a": [1, 2]}}
    assert type(read) is dict and type(read["nested"]) is dict
    assert set(weights) == set(state) and all(torch.equal(weights[name], state[name]) for name in state)


def test_plain_options_need_no_trust(tmp_path: Path, state: dict) -> None:
    path = save(tmp_path / "model.ckpt", {"model": state, "model_cfg": {"hidden_size": 32}, "epoch": 7})
    assert import_checkpoint(path)[1] == {"hidden_size": 32}


def test_options_of_a_command_line_and_weights_of_several_processes_are_read(
    tmp_path: Path, state: dict
) -> None:
    content = {
        "model": {f"module.{name}": value for name, value in state.items()},
        "opt": Namespace(hidden_dim=32, lr_drop=[25]),
    }
    weights, options = import_checkpoint(save(tmp_path / "model.ckpt", content), trust=True)
    assert options == {"hidden_dim": 32, "lr_drop": [25]} and set(weights) == set(state)


def test_weights_alone_tell_their_shapes(tmp_path: Path, state: dict) -> None:
    parallel = {f"module.{name}": value for name, value in state.items()}
    weights, options = import_checkpoint(save(tmp_path / "model-14", parallel))
    assert set(weights) == set(state) and list(options) == ["shapes"]
    assert options["shapes"] == {name: tuple(value.shape) for name, value in state.items()}


class Harm:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_something_is_refused_even_with_trust(tmp_path: Path, legacy: bool) -> None:
    harm = tmp_path / "harm"
    path = save(tmp_path / "model.ckpt", {"model": {}, "model_cfg": Harm(harm)}, legacy)
    with pytest.raises(CheckpointError, match=r"mkdir, which is neither a tensor nor an EasyDict"):
        import_checkpoint(path, trust=True)
    assert not harm.exists()


@pytest.mark.parametrize("trust", [False, True])
def test_broken_and_foreign_files_are_told_in_a_sentence(tmp_path: Path, state: dict, trust: bool) -> None:
    with pytest.raises(CheckpointError, match="is not there"):
        import_checkpoint(tmp_path / "nothing.ckpt", trust)
    (tmp_path / "text.ckpt").write_text("hello, world: this is no weights file at all")
    whole = save(tmp_path / "whole.ckpt", {"model": state, "model_cfg": {}}).read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    for name in ("text.ckpt", "half.ckpt"):
        with pytest.raises(CheckpointError, match=name):
            import_checkpoint(tmp_path / name, trust)
    for content in ({"model": state}, {"model": {"a": 1}, "model_cfg": {}}, {}, [1, 2]):
        path = save(tmp_path / "foreign.ckpt", content)
        with pytest.raises(CheckpointError, match="not of the published form"):
            import_checkpoint(path, trust)
