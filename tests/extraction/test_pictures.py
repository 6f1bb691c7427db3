"""Pictures of films as files: one for every point of the grid, the one that is shown there."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="films are the extra `video`")
from PIL import Image

from method_tng.contract.items import Window
from method_tng.dataset.pictures import PictureFolder
from method_tng.extraction.pictures import write_pictures
from tests.extraction.rendered import brightness, render


def _shown(path: Path) -> int:
    return round(np.asarray(Image.open(path).convert("L")).mean())


def test_every_point_has_the_picture_that_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    render(tmp_path / "films/unsteady.mp4", [0.0, 0.6, 1.0, 1.2, 4.2, 5.0])
    (tmp_path / "films/broken.mp4").write_bytes(b"no film")
    written, (fault,) = write_pictures(tmp_path / "films", tmp_path / "out", 1.0, 32)
    assert written == 1 and "broken.mp4 cannot be opened as a film" in fault
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["unsteady"]
    paths = sorted((tmp_path / "out/unsteady").iterdir())
    assert [path.name for path in paths] == [f"{1000 * second:09}.jpg" for second in range(len(paths))]
    wanted = [brightness(number) for number in (0, 2, 2, 2, 4, 5)]  # after 1 s the next picture comes at 4.2
    assert np.allclose([_shown(path) for path in paths[:6]], wanted, atol=3)
    assert Image.open(paths[0]).size == (43, 32)


def test_a_film_that_is_there_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    render(tmp_path / "films/one.mp4", [second / 2 for second in range(80)])
    assert write_pictures(tmp_path / "films", tmp_path / "out", 2.0, 32) == (1, [])
    assert write_pictures(tmp_path / "films", tmp_path / "out", 2.0, 32) == (0, [])
    assert PictureFolder(tmp_path / "out", 10, 8).read(Window("w", "one", 0.0, 20.0)).shape == (10, 3, 8, 8)
