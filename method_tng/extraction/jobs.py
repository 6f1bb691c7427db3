"""A folder of films into a library: which are left, several at a time, faults counted, the rest kept."""

import hashlib
import logging
import multiprocessing
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.files import only_writer
from method_tng.encoders.text import text_encoder_of
from method_tng.extraction.film import THUMBNAIL_EVERY, ImageEncoder, Settings, Source, extract_film
from method_tng.extraction.library import FORMAT, Film, Library, write_record

logger = logging.getLogger(__name__)

ENDINGS = ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .m2ts .wmv .ogv"
SUFFIXES = set(ENDINGS.split())
UNSAFE = re.compile(r"[^\w.-]+")
LONGEST = 180  # bytes of a film's id; the names of its files have 255 at most


@dataclass(frozen=True)
class Plan:
    """What an extraction is told.

    Attributes:
        images, words: descriptions of the encoders of pictures and of subtitles.
        settings: rate and lengths.
        processes: films at a time.
    """

    images: Mapping[str, Any]
    words: Mapping[str, Any]
    settings: Settings
    processes: int


@dataclass(frozen=True)
class Outcome:
    """How an extraction ended."""

    done: tuple[Film, ...]
    kept: int  # complete before
    failed: tuple[str, ...]  # a sentence each


def films_of(folder: Path) -> list[Source]:
    """The films of a folder and of the folders in it, with ids that are safe and differ.

    Raises:
        DataError: no folder, or no film in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder.absolute()} is no folder; give a folder of films")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not _is_hidden(path.relative_to(folder))
    )
    if not paths:
        raise DataError(f"{folder} holds no film; expected files that end with {ENDINGS}")
    sources: dict[str, Source] = {}
    for path in paths:
        inside = path.relative_to(folder)
        film_id = _film_id(inside.with_suffix(""))
        if film_id in sources:  # another file of the same name
            film_id = f"{film_id}-{hashlib.sha256(str(inside).encode()).hexdigest()[:8]}"
        place = "" if inside.parent == Path(".") else inside.parent.as_posix()
        sources[film_id] = Source(film_id, path, place)
    return list(sources.values())


def extract(sources: Sequence[Source], out: Path, plan: Plan) -> Outcome:
    """Extracts what is not complete yet; a film that cannot be extracted is told and left out.

    Raises:
        ConfigError: the library was made with other settings, or another process writes it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with only_writer(out):
        _prepare(out, plan)
        return _extract(sources, _left(sources, out), out, plan)


def _left(sources: Sequence[Source], out: Path) -> list[Source]:
    """The films that are not complete; of those that are but were moved the place is noted."""
    complete = {film.film_id: film for film in Library.open(out).films}
    left = []
    for source in sources:
        film, place = complete.get(source.film_id), str(source.path.absolute())
        if film is None or not _is_current(film, source):
            left.append(source)
        elif film.source != place:
            write_record(out / "films" / f"{film.film_id}.json", msgspec.structs.replace(film, source=place))
    return left


def _extract(sources: Sequence[Source], left: Sequence[Source], out: Path, plan: Plan) -> Outcome:
    done: list[Film] = []
    failed: list[str] = []
    with tqdm(total=len(left), unit="film", disable=None) as bar, logging_redirect_tqdm():
        for source, film, fault in _all(left, out, plan):
            if film is None:
                failed.append(fault)
            else:
                done.append(film)
                _tell(film)
            speed = sum(one.duration for one in done) / (bar.format_dict["elapsed"] or 1e-9)
            bar.set_postfix_str(f"{speed:.0f} s of film a second, last {source.film_id}")
            bar.update()
    return Outcome(tuple(done), len(sources) - len(left), tuple(failed))


def image_encoder_of(description: Mapping[str, Any]) -> ImageEncoder:
    """The encoder of pictures that describes itself so.

    Raises:
        ConfigError: no such kind.
        CheckpointError: its folder holds no model, or another one.
    """
    if description["kind"] == "descriptors":
        from method_tng.encoders.descriptors import DescriptorEncoder

        return DescriptorEncoder()
    if description["kind"] == "transformers":
        from method_tng.encoders.images import TransformersImageEncoder

        return TransformersImageEncoder.open(description)
    kind = description["kind"]
    raise ConfigError(f"there is no image encoder {kind!r}; expected descriptors or transformers")


def _tell(film: Film) -> None:
    for remark in film.remarks:
        logger.warning("%s: %s", film.film_id, remark)


def _is_hidden(inside: Path) -> bool:
    return any(part.startswith(".") for part in inside.parts)


def _film_id(inside: Path) -> str:
    name = unicodedata.normalize("NFC", "_".join(inside.parts))  # some systems write é as e and an accent
    words = UNSAFE.sub("-", name).strip(".-")
    return (words or "film").encode()[:LONGEST].decode(errors="ignore")


def _prepare(out: Path, plan: Plan) -> None:
    """Writes library.json, or makes sure that the one there says the same."""
    settings = plan.settings
    facts = {"format": FORMAT, "images": dict(plan.images), "words": dict(plan.words), "rate": settings.rate}
    facts |= {"clip_length": settings.clip_length, "thumbnail_every": THUMBNAIL_EVERY}
    path = out / "library.json"
    if not path.is_file():
        write_record(path, facts)
        return
    there = dict(Library.open(out).facts)
    other = [name for name, value in facts.items() if there.get(name) != value]
    if other:
        raise ConfigError(
            f"{path} says {other[0]} {there.get(other[0])!r}, asked for is {facts[other[0]]!r}; expected one "
            "way of extraction per library, choose another folder or the same options"
        )


def _is_current(film: Film, source: Source) -> bool:
    from method_tng.extraction.subtitles import state_beside

    try:
        stat, beside = source.path.stat(), state_beside(source.path)
    except OSError:  # it went away; told when it is opened
        return False
    there = (stat.st_size, stat.st_mtime_ns, beside)
    return (film.source_size, film.source_changed, film.beside) == there


def _all(left: Sequence[Source], out: Path, plan: Plan) -> Iterator[tuple[Source, Film | None, str]]:
    """Every film that is left with its manifest, or with what is wrong."""
    if plan.processes == 1 or len(left) <= 1:
        work = _Worker(out, plan)
        for source in left:
            yield source, *_tried(lambda source=source: work(source))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(plan.processes, len(left)), context, _start, (out, plan)) as pool:
        sources = {pool.submit(_work, source): source for source in left}
        try:
            for future in as_completed(sources):
                yield sources[future], *_tried(future.result)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _tried(work: Callable[[], Film]) -> tuple[Film | None, str]:
    try:
        return work(), ""
    except BrokenProcessPool as error:
        raise DataError(
            "a process of the extraction was killed (too little memory?); the films that are complete are "
            "kept, start again to go on, with --processes 1"
        ) from error
    except DataError as error:
        return None, str(error)


class _Worker:
    """Extracts films one after the other with encoders that were opened once."""

    def __init__(self, out: Path, plan: Plan) -> None:
        self.out, self.settings = out, plan.settings
        self.images, self.words = image_encoder_of(plan.images), text_encoder_of(plan.words)

    def __call__(self, source: Source) -> Film:
        return extract_film(source, self.out, self.images, self.words, self.settings)


_own: list[_Worker] = []  # of a process of the pool


def _start(out: Path, plan: Plan) -> None:
    _own.append(_Worker(out, plan))


def _work(source: Source) -> Film:
    return _own[0](source)
