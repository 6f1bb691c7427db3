"""The conformance runner on the folder of golden arrays, and that it can fail."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conformance import reloclnet

GOLDEN = Path(__file__).parent.parent / "golden" / "reloclnet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in GOLDEN.iterdir():
        if path.name.startswith(("video_only", "data", "nms", "bertadam")):
            shutil.copy(path, tmp_path)
    return tmp_path


def change(path: Path, key: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    """One array of an archive, edited."""
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content[key] = edit(content[key])
    np.savez(path, **content)


def test_all_golden_arrays_are_reproduced(capsys: pytest.CaptureFixture) -> None:
    assert reloclnet.run(GOLDEN) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert " 0 failed" in last and not last.startswith("0 compared")


def test_a_number_that_is_a_little_off_fails(folder: Path, capsys: pytest.CaptureFixture) -> None:
    change(folder / "video_only_io.npz", "out_ctx_video", lambda value: value * (1 + 5e-5))
    assert reloclnet.run(folder) == 1
    assert "out_ctx_video · 5.0e-05 · FAIL" in capsys.readouterr().out


def test_an_unknown_key_fails(folder: Path, capsys: pytest.CaptureFixture) -> None:
    change(folder / "data.npz", "tef_7", lambda value: value)
    with np.load(folder / "data.npz") as arrays:
        np.savez(folder / "data.npz", **arrays, novel=np.ones(3))
    assert reloclnet.run(folder) == 1
    assert "data.npz/novel · unknown" in capsys.readouterr().out


def test_an_unknown_option_and_an_unknown_file_fail(folder: Path, capsys: pytest.CaptureFixture) -> None:
    content = json.loads((folder / "video_only.json").read_text())
    content["config"]["novel"] = 1
    (folder / "video_only.json").write_text(json.dumps(content))
    (folder / "notes.txt").write_text("hello")
    assert reloclnet.run(folder) == 1
    printed = capsys.readouterr().out
    assert "video_only.json/config · does not hold · FAIL" in printed and "notes.txt · unknown" in printed


def test_a_wrong_shape_or_mask_fails(folder: Path) -> None:
    change(folder / "video_only_io.npz", "out_similarity", lambda value: value[:, :-1])
    assert reloclnet.run(folder) == 1
    change(folder / "video_only_io.npz", "out_similarity", lambda value: np.zeros((5, 14), np.float32))
    assert reloclnet.run(folder) == 1


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    assert reloclnet.run(tmp_path) == 1
