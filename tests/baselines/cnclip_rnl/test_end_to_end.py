"""Both stages through the commands: from pictures to shots never seen before, and what bad input is told."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.scripts import shot_recall, write_shots
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng import inference, prepare, train
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.runs.config import resolve
from method_tng.runs.systems import recipe_of
from tests.baselines.cnclip_rnl.shape_films import CHARACTERS, WIDTH, flags, make_shape_films
from tests.encoders.tiny_clip import save_tiny_clip

SYSTEM = ["--system", "cnclip_rnl", "--device", "cpu"]
SMALL = {
    "hidden_size": 16, "num_frames": 30, "short_windows": "mask", "mask_alignment": True, "max_words": 4,
    "anchor_widths": [3, 5, 8], "num_attn_layers": 1, "around_seconds": 20, "n_epoch": 1, "bsz": 16,
    "lr": 0.01, "optimizer": "adam", "eval_split": "", "final_split": "", "retrieve_bsz": 8,
}  # fmt: skip
FROM_PICTURES = {"num_pictures": 2, "picture_size": 16}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataSettings]:
    """A folder with films, and how to read them."""
    folder = tmp_path_factory.mktemp("shapes")
    return folder, make_shape_films(folder)


def trained(data: DataSettings, root: Path, *words: str, **options: object) -> int:
    return train.main([*SYSTEM, *words, *flags(data, **{**SMALL, "results_root": root, **options})])


def only_run(root: Path) -> Path:
    (run,) = (path for path in root.iterdir() if path.is_dir())
    return run


def test_chinese_clip_is_fine_tuned_until_it_finds_shots_it_has_not_seen(
    films: tuple[Path, DataSettings], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, data = films
    clip = save_tiny_clip(tmp_path / "clip", CHARACTERS)
    pictures = {"pictures": folder / "pictures", "clip_model": clip, **FROM_PICTURES}
    root = tmp_path / "runs"
    assert trained(data, root, retrieve_n_epoch=10, retrieve_lr=3e-3, **pictures) == 0, (
        capsys.readouterr().err
    )
    run = only_run(root)
    assert (run / "retrieve.best.safetensors").is_file() and (run / "ground.best.safetensors").is_file()
    capsys.readouterr()
    assert shot_recall.main([str(run), "val", "--device", "cpu"]) == 0
    told = capsys.readouterr().out
    found = re.search(r"in its film +queries +R@1 ([0-9.]+)", told)
    assert found and float(found[1]) >= 85, told  # chance: 12.5
    assert inference.main([str(run), "val", "--tasks", "VR", "TNG", "--device", "cpu"]) == 0
    moved = shutil.move(clip, tmp_path / "moved")
    capsys.readouterr()
    assert inference.main([str(run), "val", "--tasks", "VR", "--device", "cpu"]) == 2
    assert "holds no Chinese-CLIP model" in capsys.readouterr().err
    assert (
        inference.main([str(run), "val", "--tasks", "VR", "--device", "cpu", "--clip_model", str(moved)]) == 0
    )


def test_pictures_that_are_missing_or_broken_stop_training_in_one_sentence(
    films: tuple[Path, DataSettings], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder, data = films
    pictures, clip = tmp_path / "pictures", save_tiny_clip(tmp_path / "clip", CHARACTERS)
    shutil.copytree(folder / "pictures", pictures)
    options = {"pictures": pictures, "clip_model": clip, **FROM_PICTURES}
    first = pictures / "train0" / "000000000.jpg"
    for path in sorted(first.parent.iterdir())[:4]:
        path.write_bytes(b"nothing")
    assert trained(data, tmp_path / "runs", **options) == 2
    assert "cannot be read as a picture" in one_sentence(capsys)
    for path in sorted(first.parent.iterdir())[:4]:
        path.unlink()
    assert trained(data, tmp_path / "runs", **options) == 2
    assert "no picture within" in one_sentence(capsys)
    assert trained(data, tmp_path / "runs", clip_model=clip) == 2
    assert "bring no pictures" in one_sentence(capsys)


def test_a_film_shorter_than_a_shot_is_told(
    films: tuple[Path, DataSettings], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--splits", "val", "--out", str(tmp_path), *flags(films[1])]
    assert write_shots.main([*words, "--shot_seconds", "200"]) == 2
    assert "shorter than a shot of 200 s" in one_sentence(capsys)


def test_words_of_another_width_are_told(
    films: tuple[Path, DataSettings], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = tmp_path / "runs"
    assert trained(films[1], root, retrieve_n_epoch=1) == 0, capsys.readouterr().err
    with h5py.File(films[1].query_features) as old, h5py.File(tmp_path / "wide.h5", "w") as new:
        for name in old:
            new[name] = np.ones((2, 12), np.float32)
    capsys.readouterr()
    words = [str(only_run(root)), "val", "--device", "cpu", "--query_features", str(tmp_path / "wide.h5")]
    assert inference.main([*words, "--tasks", "TNG"]) == 2
    assert "rows of 12 values" in one_sentence(capsys)


def test_a_narration_longer_than_a_window_is_counted(
    films: tuple[Path, DataSettings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        trained(
            films[1], tmp_path, around_seconds=0, shot_seconds=8, retrieve_n_epoch=1, window_draw="holding"
        )
        == 0
    )
    assert "narrations are longer than a window" in caplog.text


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Weights of a locator as several processes save them, nothing else."""
    torch.manual_seed(0)
    settings = CnclipRnlSettings(hidden_size=8)
    model = RNL(settings, DataSettings(ctx_mode="video"), Sizes(frames=WIDTH, words=WIDTH))
    torch.save({f"module.{name}": value for name, value in model.state_dict().items()}, tmp_path / "model-14")
    return tmp_path / "model-14"


def test_published_weights_are_imported_answer_and_take_another_runs_windows(
    films: tuple[Path, DataSettings], published: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data, finder = films[1], tmp_path / "finder"
    words = [
        "import",
        str(published),
        "--system",
        "cnclip_rnl",
        *flags(data, results_root=tmp_path / "imported"),
    ]
    assert prepare.main(words) == 0, capsys.readouterr().err
    run = only_run(tmp_path / "imported")
    stored = load_file(run / "ground.best.safetensors")
    assert len(stored) == len(torch.load(published)) and not list(run.glob("retrieve*"))
    answered = [str(run), "val", "--device", "cpu", "--max_vcmr_video", "1"]
    assert inference.main([*answered, "--tasks", "SVMR"]) == 0
    assert trained(data, finder, retrieve_n_epoch=1) == 0
    matched = ["--matcher", str(only_run(finder)), "--tasks", "VCMR", "TNG"]
    assert inference.main([*answered, *matched]) == 0, capsys.readouterr().err
    assert "R@1" in capsys.readouterr().out
    opened = opened_first(run, "val")
    assert inference.main([str(only_run(finder)), "val", "--device", "cpu", "--tasks", "VR"]) == 0
    shots = json.loads((only_run(finder) / "val_windows.json").read_text())["VR"]
    assert opened == {one["desc_id"]: one["predictions"][0][0] for one in shots}


def opened_first(run: Path, split: str) -> dict[str, int]:
    """The one window that was opened for each query."""
    told = json.loads((run / f"{split}_windows.json").read_text())["VCMR"]
    return {one["desc_id"]: one["predictions"][0][0] for one in told}


def test_weights_of_another_model_are_not_imported(
    films: tuple[Path, DataSettings], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    torch.save({"module.visual.proj": torch.zeros(3, 2)}, tmp_path / "clip.pt")
    words = ["--system", "cnclip_rnl", *flags(films[1], results_root=tmp_path / "runs")]
    assert prepare.main(["import", str(tmp_path / "clip.pt"), *words]) == 2
    assert "expected those of a locator" in one_sentence(capsys)


def one_sentence(capsys: pytest.CaptureFixture) -> str:
    """What was told on the error channel, progress left out."""
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1, told
    return told[0]


def test_offsets_move_the_shots_and_not_the_windows_that_are_learned_from() -> None:
    settings = resolve([("test", {"window_offsets": "offsets.json"})], "cnclip_rnl")
    retrieve, ground = recipe_of("cnclip_rnl").stages
    read = [settings.of_stage(*asked).data.window_offsets for asked in ((retrieve, True), (ground,))]
    assert read == ["offsets.json"] * 2
    assert settings.of_stage(ground, training=True).data.window_offsets == ""


def test_only_the_first_stage_reads_pictures() -> None:
    settings = resolve([("test", {"pictures": "frames"})], "cnclip_rnl")
    read = [settings.of_stage(stage).data.pictures for stage in recipe_of("cnclip_rnl").stages]
    assert read == ["frames", ""]
