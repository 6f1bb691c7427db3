"""Pictures of films, for systems that learn from them: FOLDER/FILM/MILLISECONDS.jpg, read as needed.

A window is seen at the middles of equal parts; each is the picture that was taken nearest to it.
"""

import bisect
from pathlib import Path

import numpy as np
from PIL import Image

from method_tng.contract.errors import DataError
from method_tng.contract.items import Window

SLACK = 1e-3  # seconds: names are whole milliseconds


class PictureFolder:
    """The pictures of any film.

    Args:
        folder: one folder per film in it.
        count: pictures of a window.
        size: width and height to which they are brought; what is not square is distorted, as Chinese-CLIP's
            processor does.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, folder: Path, count: int, size: int) -> None:
        self.folder, self.count, self.size = folder, count, size
        self._films: dict[str, tuple[list[float], list[Path]]] = {}
        if not folder.is_dir():
            raise DataError(
                f"{folder} is no folder; expected one folder per film with pictures named by their "
                "milliseconds, such as FILM/000012000.jpg"
            )

    def read(self, window: Window) -> np.ndarray:
        """(F, 3, S, S) uint8 RGB.

        Raises:
            DataError: a picture is missing or cannot be read.
        """
        part = (window.end - window.start) / self.count
        times = window.start + part * (np.arange(self.count) + 0.5)
        paths = [self._nearest(window.movie_id, float(time), part / 2) for time in times]
        return np.stack([self._picture(path) for path in paths])

    def _nearest(self, film: str, time: float, tolerance: float) -> Path:
        seconds, paths = self._films.get(film) or self._find(film)
        after = bisect.bisect(seconds, time)
        near = min(
            range(max(0, after - 1), min(after + 1, len(seconds))), key=lambda i: abs(seconds[i] - time)
        )
        if abs(seconds[near] - time) > tolerance + SLACK:
            raise DataError(
                f"{self.folder / film}: no picture within {tolerance:g} s of {time:g} s (the nearest is "
                f"{paths[near].name}); expected one, take pictures at least every {2 * tolerance:g} s"
            )
        return paths[near]

    def _find(self, film: str) -> tuple[list[float], list[Path]]:
        paths = [path for path in (self.folder / film).glob("*.jpg") if path.stem.isdecimal()]
        paths.sort(key=lambda path: int(path.stem))
        if not paths:
            raise DataError(
                f"{self.folder / film} holds no pictures; expected files named by their milliseconds, such "
                "as 000012000.jpg"
            )
        self._films[film] = [int(path.stem) / 1000 for path in paths], paths
        return self._films[film]

    def _picture(self, path: Path) -> np.ndarray:
        try:
            with Image.open(path) as picture:
                small = picture.convert("RGB").resize((self.size, self.size), Image.Resampling.BICUBIC)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as a picture ({error}); write it again") from error
        return np.asarray(small).transpose(2, 0, 1)
