"""The commands as a user runs them: processes on the tiny corpus, from training to the evaluator."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
import pytest

from method_tng.contract.settings import DataSettings
from tests.tiny import make_tiny

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def _door(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = (
        ["bash", f"method_tng/scripts/{name}.sh"]
        if name != "prepare"
        else [sys.executable, "-m", "method_tng.prepare"]
    )
    environment = {**ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [*command, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _data_flags(data: DataSettings) -> list[str]:
    changed = {name: value for name, value in asdict(data).items() if value != getattr(DataSettings(), name)}
    return [word for name, value in changed.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataSettings, Path]:
    """The tiny corpus and a run of the main system on it."""
    folder = tmp_path_factory.mktemp("trained")
    data = make_tiny(folder / "data")
    told = _door(
        "train", *_data_flags(data), "--config", "reloclnet", "--hidden_size", "16", "--n_heads", "2",
        "--lr", "0.01",
        "--pad_compat", "false", "--n_epoch", "3", "--device", "cpu",
        "--results_root", str(folder / "results"),
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    run = next((folder / "results").iterdir())
    assert f"run folder: {run}" in told.stdout
    assert "VR   which film" in told.stdout
    assert "[Epoch] 003 [Recall] R@1 (moments: IoU 0.5) VR" in (run / "train.log").read_text()
    assert f"find starts to learn; run folder: {run}" in told.stderr
    assert re.search(
        r"epoch 1/3  val: R@1 \(moments: IoU 0.5\) VR \d+\.\d, SVMR .*, the best so far", told.stderr
    )
    return data, run


def test_a_run_holds_all_that_is_needed_to_repeat_it(trained: tuple[DataSettings, Path]) -> None:
    _, run = trained
    names = {path.name for path in run.iterdir()}
    assert {"opt.json", "run.json", "train.log", "tensorboard_log", "find.best.safetensors"} <= names
    facts = json.loads((run / "run.json").read_text())
    assert facts["command"][0] == "train"
    assert {"torch", "numpy", "python"} <= set(facts["versions"])


def test_a_moved_run_answers_alike_and_search_options_can_change(
    trained: tuple[DataSettings, Path], tmp_path: Path
) -> None:
    _, run = trained
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    before = (run / "val_films.json").read_bytes()
    told = _door("inference", str(moved), "val")
    assert told.returncode == 0, told.stderr
    assert (moved / "val_films.json").read_bytes() == before
    told = _door(
        "inference", str(moved), "val", "--tasks", "VCMR", "VR", "--nms_thd", "0.3", "--eval_id", "nms"
    )
    assert told.returncode == 0, told.stderr
    assert "SVMR" not in told.stdout
    assert set(json.loads((moved / "val_nms_windows.json").read_text())) == {"video2idx", "VCMR", "VR"}
    assert (moved / "val_films.json").read_bytes() == before


def test_the_evaluator_finds_the_table_again_in_json_and_in_columns(
    trained: tuple[DataSettings, Path], tmp_path: Path
) -> None:
    _, run = trained
    stored = json.loads((run / "val_metrics.json").read_text())["metrics"]["windows"]
    for suffix in ("json", "npz"):
        save = tmp_path / f"{suffix}.json"
        told = _door(
            "eval", "--submission_path", str(run / f"val_windows.{suffix}"),
            "--gt_path", str(run / "val_windows_gt.jsonl"),
            "--save_path", str(save), "--profile", "tng",
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        again = json.loads(save.read_text())
        for task, metrics in stored.items():
            assert {name: again[task][name] for name in metrics} == metrics


def test_a_split_without_ground_truth_is_answered_with_a_warning(
    trained: tuple[DataSettings, Path], tmp_path: Path
) -> None:
    data, run = trained
    rows = [
        json.loads(line) for line in Path(data.annotations.replace("{split}", "val")).read_text().splitlines()
    ]
    blind = tmp_path / "tiny_val.jsonl"
    blind.write_text(
        "".join(json.dumps({"desc_id": row["desc_id"], "desc": row["desc"]}) + "\n" for row in rows)
    )
    told = _door(
        "inference",
        str(run),
        "val",
        "--annotations",
        str(tmp_path / "tiny_{split}.jsonl"),
        "--eval_id",
        "blind",
    )
    assert told.returncode == 0, told.stderr
    assert "no ground truth: SVMR and TNG left out" in told.stderr
    assert set(json.loads((run / "val_blind_films.json").read_text())) == {"video2idx", "VCMR", "VR"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "tvrr"], "there is no data layout 'tvrr'; did you mean 'tvr'?"),
        (["train", "tvr", "--margin", "much"], "argument --margin: invalid float value"),
        (["train", "--max_ctx", "3"], "unrecognized arguments: --max_ctx; did you mean --max_ctx_l?"),
        (["train", "--resume", "nowhere"], "there is no run 'nowhere'"),
        (["train", "--resume", "nowhere", "--lr", "3"], "there is no run 'nowhere'"),
        (["inference", "nowhere", "val"], "there is no run 'nowhere'"),
        (["prepare", "check", "tvr"], "data/tvr_train_release.jsonl does not exist"),
        (["prepare", "import", "nowhere.ckpt", "tvr"], "nowhere.ckpt is not there"),
        (["prepare", "text", "demo", "--out", "x.h5", "--encoder", "table"], "table needs --source"),
    ],
)  # fmt: skip
def test_a_wrong_word_gets_one_sentence_and_exit_code_2(words: list[str], told: str) -> None:
    found = _door(*words)
    assert found.returncode == 2
    assert told in found.stderr + found.stdout
    assert "Traceback" not in found.stderr


def test_broken_features_are_told_without_a_traceback(
    trained: tuple[DataSettings, Path], tmp_path: Path
) -> None:
    data, _ = trained
    broken = tmp_path / "video.h5"
    shutil.copy(data.video_features, broken)
    with h5py.File(broken, "r+") as file:
        name = next(film for film in file if film.startswith("train"))
        rows = file[name][...]
        rows[3, 1] = np.nan
        file[name][...] = rows
    told = _door(
        "train", *_data_flags(data), "--video_features", str(broken), "--results_root", str(tmp_path / "r")
    )
    assert told.returncode == 2
    assert str(broken) in told.stderr
    assert "NaN" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("door", ["train", "inference", "eval", "prepare"])
def test_help_is_quick_because_torch_is_not_imported(door: str) -> None:
    module = f"method_tng.{'evaluate' if door == 'eval' else door}"
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, "--help"],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert not {"torch", "transformers", "h5py"} & imported
