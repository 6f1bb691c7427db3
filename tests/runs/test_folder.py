"""Run folders and the files in them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from method_tng.contract.errors import CheckpointError
from method_tng.contract.files import write_whole
from method_tng.runs.checkpoint import fill, fingerprint, load_state, load_weights, save_state, save_weights
from method_tng.runs.config import RunSettings, resolve
from method_tng.runs.folder import RunFolder


def _settings(root: Path, exp_id: str = "a") -> RunSettings:
    return resolve([("x", {"results_root": str(root), "exp_id": exp_id, "dset_name": "tvr"})])


def test_a_run_is_found_by_path_name_and_unique_beginning_also_after_a_move(tmp_path: Path) -> None:
    run = RunFolder.create(_settings(tmp_path), {"command": ["train"]})
    assert run.path.name.startswith("tvr-video_sub-a-20")
    for model in (str(run.path), run.path.name, "tvr-video"):
        assert RunFolder.open(model, str(tmp_path)).settings == run.settings
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    shutil.move(run.path, moved)
    assert RunFolder.open(str(moved), "nowhere").facts["command"] == ["train"]


def test_two_runs_in_one_second_get_two_folders(tmp_path: Path) -> None:
    paths = {RunFolder.create(_settings(tmp_path), {}).path for _ in range(3)}
    assert len(paths) == 3


def test_an_ambiguous_or_unknown_name_is_told(tmp_path: Path) -> None:
    RunFolder.create(_settings(tmp_path, "a"), {})
    RunFolder.create(_settings(tmp_path, "b"), {})
    with pytest.raises(CheckpointError, match="is the beginning of 2 runs"):
        RunFolder.open("tvr", str(tmp_path))
    with pytest.raises(CheckpointError, match="did you mean 'tvr-video_sub'"):
        RunFolder.open("tvr_video_sub", str(tmp_path))
    with pytest.raises(CheckpointError, match="there is no run 'mad'"):
        RunFolder.open("mad", str(tmp_path))


def test_an_option_file_of_another_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "opt.json").write_text("{not json")
    with pytest.raises(CheckpointError, match=r"opt\.json cannot be read"):
        RunFolder.open(str(tmp_path), "")


def test_weights_come_back_equal_and_only_into_their_model(tmp_path: Path) -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save_weights(tmp_path / "w.safetensors", model.state_dict())
    load_weights(other, tmp_path / "w.safetensors")
    assert fingerprint(model.state_dict()) == fingerprint(other.state_dict())
    with pytest.raises(CheckpointError, match="1 of another shape: weight"):
        load_weights(nn.Linear(4, 2), tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=r"1 missing: 2\.bias"):
        fill(nn.ModuleDict({"2": nn.Linear(1, 1)}), {"2.weight": torch.zeros(1, 1)}, "x")
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        load_weights(model, tmp_path / "bad.safetensors")


def test_a_trainer_state_that_could_run_code_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "good.pt", {"a": torch.ones(2), "b": [1, "x"]})
    assert load_state(tmp_path / "good.pt")["b"] == [1, "x"]
    torch.save({"a": Path("x")}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError, match="cannot be read as a trainer state"):
        load_state(tmp_path / "bad.pt")


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(1))

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text() == "1"
    assert list(tmp_path.iterdir()) == [path]


def test_the_next_training_takes_away_what_a_kill_left_half_written(tmp_path: Path) -> None:
    run = RunFolder.create(resolve([("x", {"results_root": str(tmp_path)})]), {})
    left = [".find.best.safetensors.77.part", ".find.trainer_state.pt.77.part"]
    answers = ".val_films.json.78.part"  # of a search that goes on
    for name in (*left, answers, "find.best.safetensors"):
        (run.path / name).write_bytes(b"half")
    with run.locked():
        assert {path.name for path in run.path.iterdir()} >= {answers, "find.best.safetensors"}
        assert not [name for name in left if (run.path / name).exists()]
