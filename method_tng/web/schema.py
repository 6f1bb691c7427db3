"""What travels between the service and its page, typed; the OpenAPI document is made from it.

Times are seconds from a film's start.  Every limit of a request stands here.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from method_tng.search.answers import SearchRequest

TEXT_LENGTH, PAGE, FILMS, DEEPEST = 500, 100, 100, 10_000
NAME_LENGTH = 300
LATEST = 1_000_000.0  # seconds; no film is longer
CLIP_SECONDS = 180.0  # the longest clip that is cut

Format = Literal["json", "csv", "srt", "vtt", "edl", "mp4"]


Sentence = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH, pattern=r"\S")]
Second = Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]


class SearchQuery(BaseModel):
    """A question, as search.answers.SearchRequest describes it."""

    model_config = ConfigDict(extra="forbid")

    text: Sentence
    top: int = Field(20, ge=1, le=PAGE)
    offset: int = Field(0, ge=0, le=DEEPEST)
    group_by_film: bool = False
    films: list[Name] = Field([], max_length=FILMS)
    folder: str = Field("", max_length=NAME_LENGTH)
    min_duration: Second | None = None
    max_duration: Second | None = None
    threshold: float | None = Field(None, allow_inf_nan=False)

    def request(self) -> SearchRequest:
        """The same for a searcher."""
        told = {name: getattr(self, name) for name in SearchQuery.model_fields}
        return SearchRequest(**told | {"films": tuple(self.films)})


class Moment(BaseModel):
    """An answer; `band` compares it with the best of its list."""

    film_id: str
    title: str
    start: float
    end: float
    score: float
    stream_scores: dict[str, float]
    subtitle: str | None
    band: Literal["high", "middle", "low"]


class Answer(BaseModel):
    """Moments, best first, out of `total`; `seconds` is what the search took."""

    moments: list[Moment]
    total: int
    seconds: float


class FilmFacts(BaseModel):
    """A film; `playable`: as it is, in any browser; `video`: its file is known to the service.

    `begin`: where the first picture stands on the clock of a player that shows the file.
    """

    film_id: str
    title: str
    duration: float
    folder: str
    playable: bool
    video: bool
    begin: float


class Films(BaseModel):
    """A part of all films, by their ids."""

    films: list[FilmFacts]
    total: int
    seconds: float = Field(description="of all films together")
    folders: list[str]


class RelevanceCurve(BaseModel):
    """How well each clip of a film fits a sentence: its start and its cosine."""

    seconds: list[float]
    relevance: list[float]


class SubtitleLine(BaseModel):
    """What is said."""

    start: float
    end: float
    text: str
    track: str


class Pictures(BaseModel):
    """The milliseconds at which small pictures of a film were taken."""

    milliseconds: list[int]


class Health(BaseModel):
    """That the service lives, what it holds, and how much is waiting."""

    status: Literal["ok"]
    films: int
    windows: int
    weights: str
    backend: str
    searches_waiting: int
    clips_waiting: int


class Fault(BaseModel):
    """What went wrong: a stable code, and a sentence."""

    code: str
    message: str
