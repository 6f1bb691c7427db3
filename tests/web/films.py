"""A searcher that answers by itself, over real small files: what the service's tests are made on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from method_tng.contract.errors import ConfigError, DataError
from method_tng.extraction.library import Line
from method_tng.search.answers import Curve, FilmEntry, FoundMoment, SearchAnswer, SearchRequest

CONTENT = bytes(range(256)) * 40  # of every film's file that is not rendered


class ToldSearcher:
    """Answers every sentence with moments every 10 s of every film; what it is asked is kept.

    Args:
        folder: where the films and the small pictures lie.
        films: their entries.
    """

    def __init__(self, folder: Path, films: list[FilmEntry]) -> None:
        self.folder, self._films = folder, {film.film_id: film for film in films}
        self.asked: list[SearchRequest] = []
        self.before: Callable[[], Any] = lambda: None  # runs before each answer

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Falling scores, one moment in each band first."""
        self.asked.append(request)
        self.before()
        if request.text == "typed":
            raise ConfigError("this run cannot take typed text")
        if request.text == "nothing":
            return SearchAnswer((), 0, 0.01)
        found = [
            FoundMoment(
                film.film_id, film.title, start, start + 4.0, 0.9 - 0.1 * number,
                {"video": 0.5, "sub": 0.25}, "=1+1 & <said>" if number == 0 else None,
                ("high", "middle", "low")[min(number, 2)],
            )
            for film in self._films.values() if not request.films or film.film_id in request.films
            for number, start in enumerate(range(1, int(film.duration) - 4, 10))
        ]  # fmt: skip
        found.sort(key=lambda one: -one.score)
        shown = found[request.offset : request.offset + request.top]
        return SearchAnswer(tuple(shown), len(found), 0.01)

    def curve(self, text: str, film_id: str) -> Curve:
        """A hill."""
        seconds = [2.0 * clip for clip in range(int(self.film(film_id).duration / 2))]
        middle = seconds[len(seconds) // 2]
        return Curve(seconds, [1 / (1 + abs(second - middle)) for second in seconds])

    def films(self) -> list[FilmEntry]:
        """All."""
        return list(self._films.values())

    def film(self, film_id: str) -> FilmEntry:
        """One, or DataError with a path in its words."""
        if film_id not in self._films:
            raise DataError(f"{self.folder} holds no film {film_id!r}")
        return self._films[film_id]

    def subtitles(self, film_id: str) -> list[Line]:
        """Two lines."""
        return [Line(1.0, 3.0, "看，圆！", "zh"), Line(11.0, 13.0, "<b>Look</b>", "en")]

    def thumbnails(self, film_id: str) -> list[tuple[float, Path]]:
        """As a library tells them."""
        folder = self.folder / "thumbnails" / film_id
        return [(int(path.stem) / 1000, path) for path in sorted(folder.glob("*.jpg"))]

    def health(self) -> dict[str, Any]:
        """As a searcher's."""
        return {"films": len(self._films), "windows": 7, "weights": "abc", "backend": "exact"}


def entry(
    film_id: str, source: Path | None, folder: str = "", duration: float = 30.0, begin: float = 0.0
) -> FilmEntry:
    """A film of 30 s."""
    return FilmEntry(film_id, f"Title of {film_id}", duration, folder, str(source or ""), True, begin)


def paint(folder: Path, film_id: str, colours: str = "red green blue") -> None:
    """A small picture every 10 s."""
    place = folder / "thumbnails" / film_id
    place.mkdir(parents=True)
    for number, colour in enumerate(colours.split()):
        Image.new("RGB", (32, 18), colour).save(place / f"{10000 * number:09d}.jpg")


def told_films(folder: Path) -> ToldSearcher:
    """Two films whose files are bytes, one in a folder, and one without a file."""
    films = folder / "films"
    (films / "snow").mkdir(parents=True)
    entries = []
    for film_id, place in (("One", ""), ("snow_Two", "snow")):
        source = films / place / f"{film_id.split('_')[-1]}.mp4"
        source.write_bytes(CONTENT)
        entries.append(entry(film_id, source, place))
        paint(folder, film_id)
    return ToldSearcher(folder, [*entries, entry("only-features", None)])
