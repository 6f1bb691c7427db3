"""What is asked of a corpus of films, and what comes back.  Times are seconds from the film's start."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SearchRequest:
    """One question.

    Attributes:
        text: a sentence, English or Chinese.
        top, offset: how many moments of the list, from which on.
        group_by_film: only the best moment of each film.
        films: ids of the only films that are searched; empty = all.
        folder: only films of this folder and of the folders in it.
        min_duration, max_duration: of the films, seconds.
        threshold: least score.
    """

    text: str
    top: int = 20
    offset: int = 0
    group_by_film: bool = False
    films: tuple[str, ...] = ()
    folder: str = ""
    min_duration: float | None = None
    max_duration: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class FoundMoment:
    """One answer.

    Attributes:
        score: the model's own, on the scale it reports; only comparisons within one answer mean something.
        stream_scores: stream -> best cosine of the sentence inside the moment.
        subtitle: the line said nearest to the moment, within 10 s; None without one.
        band: high (at least half as likely as the best of the list), middle (a tenth), low.
    """

    film_id: str
    title: str
    start: float
    end: float
    score: float
    stream_scores: Mapping[str, float]
    subtitle: str | None
    band: str


@dataclass(frozen=True)
class SearchAnswer:
    """The asked part of the list, best first.

    Attributes:
        total: moments of the whole list; grouped, of the films that were looked at.
        seconds: that the search took.
    """

    moments: tuple[FoundMoment, ...]
    total: int
    seconds: float


@dataclass(frozen=True)
class Curve:
    """How well each clip of a film fits a sentence: its start, and its cosine, the mean over streams.

    Of a system that gives no vectors of clips: the start of each window, and the model's score of it.
    """

    seconds: list[float]
    relevance: list[float]


@dataclass(frozen=True)
class FilmEntry:
    """A film of the index; `begin`: where its first picture stands on the clock of a player of its file."""

    film_id: str
    title: str
    duration: float
    folder: str
    source: str
    playable: bool
    begin: float = 0.0


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: 0:05:09."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
