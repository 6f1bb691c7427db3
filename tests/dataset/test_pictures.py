"""Pictures of a window: which ones, in which form, and what is said when one is missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from method_tng.contract.errors import DataError
from method_tng.contract.items import Window
from method_tng.dataset.collection import Collection
from method_tng.dataset.pictures import PictureFolder
from tests.tiny import make_tiny


def _draw(folder: Path, film: str, seconds: range) -> None:
    (folder / film).mkdir(parents=True)
    for second in seconds:
        Image.new("RGB", (32, 16), (second, 0, 0)).save(folder / film / f"{1000 * second:09}.jpg", quality=95)


def test_a_shot_is_seen_at_the_middles_of_ten_parts(tmp_path: Path) -> None:
    _draw(tmp_path, "film", range(200))
    seen = PictureFolder(tmp_path, 10, 8).read(Window("film_00040", "film", 40.0, 60.0))
    assert seen.shape == (10, 3, 8, 8) and seen.dtype == np.uint8
    assert np.allclose(seen[:, 0].mean((1, 2)), np.arange(41, 61, 2), atol=2)


def test_a_missing_picture_is_told_with_its_place(tmp_path: Path) -> None:
    _draw(tmp_path, "film", range(50))
    pictures = PictureFolder(tmp_path, 10, 8)
    with pytest.raises(
        DataError, match=r"film: no picture within 1 s of 51 s \(the nearest is 000049000.jpg\)"
    ):
        pictures.read(Window("film_00040", "film", 40.0, 60.0))
    with pytest.raises(DataError, match=r"other holds no pictures; expected files named by their millisec"):
        pictures.read(Window("other", "other", 0.0, 20.0))
    with pytest.raises(DataError, match="is no folder; expected one folder per film"):
        PictureFolder(tmp_path / "none", 10, 8)


def test_a_file_that_is_no_picture_is_told(tmp_path: Path) -> None:
    _draw(tmp_path, "film", range(20))
    (tmp_path / "film/000003000.jpg").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"000003000.jpg cannot be read as a picture .*; write it again"):
        PictureFolder(tmp_path, 10, 8).read(Window("film", "film", 0.0, 20.0))


def test_a_batch_brings_the_pictures_of_its_windows(tmp_path: Path) -> None:
    data = make_tiny(tmp_path / "tiny", pictures=str(tmp_path / "pictures"), num_pictures=4, picture_size=8)
    for number in range(4):
        _draw(tmp_path / "pictures", f"train-{number}", range(0, 130, 2))
    batch = Collection.open(data, "train").batch(range(3))
    assert batch.windows.images.shape == (len(batch.windows), 4, 3, 8, 8)
