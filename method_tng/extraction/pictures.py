"""A film's pictures as files, FOLDER/FILM/MILLISECONDS.jpg, for systems that learn from the pictures."""

import shutil
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from method_tng.contract.errors import DataError, MissingExtra
from method_tng.extraction.jobs import films_of

SLACK = 1e-6  # of a point


def write_pictures(
    films: Path, out: Path, rate: float, size: int, quality: int = 90
) -> tuple[int, list[str]]:
    """Writes the pictures of all films of a folder; films that are there already are left alone.

    Each is named by its point of a grid of `rate` points a second; a frame that stays is written for each.

    Args:
        films: folder of films; a film's folder is named by its id.
        out: where the folders go.
        rate: pictures a second.
        size: of the shorter side; smaller films keep their own.
        quality: of the JPEG.

    Returns:
        Films written now, and what is wrong with those that cannot be read, a sentence each.

    Raises:
        DataError: no films.
        MissingExtra: films cannot be decoded here.
    """
    try:
        from method_tng.extraction.video import Video
    except ImportError as error:
        raise MissingExtra(error.name or "av", "video") from error
    out.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    left = [source for source in films_of(films) if not (out / source.film_id).is_dir()]
    for source in tqdm(left, unit="film", disable=None):
        unfinished = out / f".{source.film_id}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            with Video(source.path) as video:
                _write_film(video, unfinished, rate, size, quality)
            unfinished.rename(out / source.film_id)
        except DataError as error:
            shutil.rmtree(unfinished)
            failed.append(str(error))
    return len(left) - len(failed), failed


def _write_film(video: Any, folder: Path, rate: float, size: int, quality: int) -> None:
    picture: Image.Image | None = None
    point = 0
    for seconds, frame in video.frames(rate):
        width, height = video.shown_size(frame)
        scale = min(1.0, size / min(width, height))
        earlier = picture
        picture = Image.fromarray(video.picture(frame, (round(width * scale), round(height * scale))))
        own = int(seconds * rate + SLACK)  # the last point that it is not before
        for between in range(point, own):  # the frame before it stayed
            _save(earlier or picture, folder, between / rate, quality)
        _save(picture, folder, own / rate, quality)
        point = own + 1
    for rest in range(point, int(video.count.end * rate)):
        assert picture is not None
        _save(picture, folder, rest / rate, quality)


def _save(picture: Image.Image, folder: Path, seconds: float, quality: int) -> None:
    picture.save(folder / f"{round(1000 * seconds):09}.jpg", quality=quality)
