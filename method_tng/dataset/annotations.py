"""Annotations of a split in one canonical form, whatever format they come in, checked.

Convention: seconds from the film's start.  A moment that ends up to one clip behind its film's end is cut
there (times are rounded in many data sets); further out it is a fault.
"""

import difflib
import logging
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from method_tng.contract.items import Interval, Movie, Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset import (
    annotations_mad,
    annotations_movie101,
    annotations_movie101v2,
    annotations_narrations,
    annotations_tvr,
)
from method_tng.dataset.durations import clip_end, last_ends, read_durations
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found

logger = logging.getLogger(__name__)

Reader = Callable[[DataSettings, str, Faults], Found]
READERS: dict[str, Reader] = {
    "tvr": annotations_tvr.read,
    "movie101": annotations_movie101.read,
    "movie101v2": annotations_movie101v2.read,
    "mad": annotations_mad.read,
    "narrations": annotations_narrations.read,
}


@dataclass(frozen=True)
class Split:
    """The films and narrations of one split.

    Attributes:
        name: train, val, ...
        movies: the corpus, in the order of the durations file, else of first appearance.
        narrations: in file order.
        has_truth: every narration's film and moment are known.
    """

    name: str
    movies: tuple[Movie, ...]
    narrations: tuple[Narration, ...]
    has_truth: bool


def read_split(data: DataSettings, split: str) -> Split:
    """A split, every record checked.

    Raises:
        DataError: the first fault; its sentence names file, place, what was found and what is expected.
    """
    return read_gathering(data, split, Faults())


def read_gathering(data: DataSettings, split: str, faults: Faults) -> Split:
    """The same with faults going to `faults`; faulty records are left out when it gathers them."""
    found = READERS[data.format](data, split, faults)
    if not found.narrations:
        faults.add(f"split {split!r} of {data.annotations} holds no narration; expected at least one")
    durations = _durations(data, split, found, faults)
    first_place: dict[str, str] = {}
    narrations, num_cut = [], 0
    for narration, place in zip(found.narrations, found.places, strict=True):
        fault = _fault(narration, first_place.get(narration.query_id), durations, data.clip_length)
        if fault:
            faults.add(f"{place}: {fault}")
            continue
        first_place[narration.query_id] = place
        inside = _cut_at_end(narration, durations)
        num_cut += inside is not narration
        narrations.append(inside)
    if num_cut:
        logger.warning("%s: %d moments end behind their film's end and were cut there", split, num_cut)
    movies = tuple(Movie(film, seconds) for film, seconds in durations.items() if seconds > 0)
    return Split(split, movies, tuple(narrations), all(narration.spans for narration in narrations))


def _durations(data: DataSettings, split: str, found: Found, faults: Faults) -> dict[str, float]:
    """Film -> seconds for every film of the corpus, in its order."""
    told: dict[str, float] = {}
    if data.durations:
        told, whole_split = read_durations(data.durations, split, faults)
        if whole_split or not found.films:
            return told
    ends = last_ends(found)
    seconds = {}
    for film, own in found.films.items():
        duration = told.get(film, own)
        if duration is None and film in ends and not told:
            duration = clip_end(ends[film], data.clip_length)
        if duration is None or not 0 < duration < math.inf:
            faults.add(
                f"the duration of film {film!r} (split {split!r} of {data.annotations}) is "
                f"{'not told' if duration is None else duration}; expected seconds above 0, "
                f"tell it in {data.durations or 'a JSON {film: seconds} given with --durations'}"
            )
            continue
        seconds[film] = duration
    return seconds


def _fault(narration: Narration, earlier: str | None, films: dict[str, float], clip: float) -> str:
    """What is wrong with a narration, or ''."""
    for what, name in (("query id", narration.query_id), ("film", narration.movie_id)):
        if "/" in name or "\0" in name or (what == "query id" and not name):
            return f"{what} {name!r} cannot name features; expected a name without '/', rename it"
    if earlier:
        return f"query id {narration.query_id!r} was already used in {earlier}; ids must differ, rename one"
    if not narration.text.strip():
        return f"query {narration.query_id!r} has no text; expected a sentence, write or remove it"
    if not narration.movie_id:
        return (
            "a moment is told but not its film; expected both or none, add the film"
            if narration.spans
            else ""
        )
    if narration.movie_id not in films:
        return (
            f"film {narration.movie_id!r} is not among the {len(films)} films of the split"
            f"{nearest(narration.movie_id, films)}; correct the name or add its duration"
        )
    duration = films[narration.movie_id]
    return next((fault for span in narration.spans if (fault := _span_fault(span, duration, clip))), "")


def _span_fault(span: Interval, duration: float, clip: float) -> str:
    start, end = span
    if not start < end:
        return (
            f"the moment [{start:g}, {end:g}] ends before or at its start; expected start < end, correct it"
        )
    if start < 0 or start >= duration or end > duration + clip:
        return (
            f"the moment [{start:g}, {end:g}] lies outside its film; expected seconds in 0 .. {duration:g}, "
            "correct the moment or the duration"
        )
    return ""


def _cut_at_end(narration: Narration, films: dict[str, float]) -> Narration:
    duration = films.get(narration.movie_id, math.inf)
    if all(end <= duration for _, end in narration.spans):
        return narration
    return replace(narration, spans=tuple((start, min(end, duration)) for start, end in narration.spans))


def nearest(name: str, names: Collection[str]) -> str:
    """ " (nearest name: 'x')", or '' when none is near."""
    near = difflib.get_close_matches(name, names, n=1)
    return f" (nearest name: {near[0]!r})" if near else ""
