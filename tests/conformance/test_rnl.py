"""The conformance runner on the locator's golden arrays, and that it can fail."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conformance import rnl

GOLDEN = Path(__file__).parent.parent / "golden" / "cnclip_rnl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in GOLDEN.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_all_golden_arrays_are_reproduced(capsys: pytest.CaptureFixture) -> None:
    assert rnl.run(GOLDEN) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert " 0 failed" in last and not last.startswith("0 compared")


def test_numbers_that_are_a_little_off_and_unknown_entries_fail(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    with np.load(folder / "arrays.npz") as arrays:
        content = {name: arrays[name] for name in arrays.files}
    content["eval_v2s"] = content["eval_v2s"] * (1 + 5e-5)
    content["batch_label"] = content["batch_label"] + [0, 1]
    np.savez(folder / "arrays.npz", **content, novel=np.ones(3))
    case = json.loads((folder / "case.json").read_text())
    case["augmentation"][0]["label_out"][1] += 1
    case["post_case"]["novel"] = 1
    (folder / "case.json").write_text(json.dumps(case))
    (folder / "movie101_r_temp.json").write_text(json.dumps([shots(extra=1)]))
    assert rnl.run(folder) == 1
    printed = capsys.readouterr().out
    assert "arrays.npz/eval_v2s · 5.0e-05 · FAIL" in printed
    for name in ("arrays.npz/batch_label", "case.json/augmentation/0/label_out"):
        assert any(line.startswith(name) and line.endswith("FAIL") for line in printed.splitlines())
    assert "arrays.npz/novel · unknown" in printed and "case.json/post_case/novel · unknown" in printed
    assert "shots_to_narrations: 1 shots · does not hold · FAIL" in printed


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    assert rnl.run(tmp_path) == 1


def shots(extra: int) -> dict:
    """A film whose second shot is said to tell a narration that it does not tell."""
    told = {"0": [0]} | ({"20": [0]} if extra else {})
    return {
        "grid_offset_s": 0, "shot_length_s": 20, "last_full_shot_start": 20, "intervals": [[1, 5]],
        "shots_to_narrations": told,
    }  # fmt: skip
