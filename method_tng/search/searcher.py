"""A typed sentence to moments, over an index that is held in memory.

Exact: every window is scored by the model's own `match`, the best are opened, their spans scored, joined and
freed of overlaps in film time, by the same lines that answer a split.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.protocols import Code
from method_tng.contract.settings import DataSettings
from method_tng.dataset.collate import collate_queries
from method_tng.dataset.rows import normalize_rows
from method_tng.dataset.samples import QuerySample
from method_tng.dataset.text import Vocabulary
from method_tng.encoders.text import TextEncoder
from method_tng.extraction.library import Library, Line
from method_tng.retrieval.codes import CorpusCodes, Group, joined
from method_tng.retrieval.moments import in_film_time, top, without_overlaps
from method_tng.retrieval.pipeline import Answerer, Corpus, open_windows
from method_tng.retrieval.ranking import best_films, match_corpus
from method_tng.search.answers import Curve, FilmEntry, FoundMoment, SearchAnswer, SearchRequest
from method_tng.search.encoding import codes_of
from method_tng.search.index import Index, IndexedFilm

NEAR = 10.0  # seconds within which a subtitle line belongs to a moment
BANDS = ((0.5, "high"), (0.1, "middle"))  # likelihood as a share of the best one's, and its name

Row = tuple[int, float, float, float, float]
"""Film row, start, end, reported score, logarithmic score."""


@dataclass(frozen=True)
class Asker:
    """How a sentence becomes what a model reads.

    Attributes:
        words: the encoder of the run's query features; None when they were imported from elsewhere.
        vocabulary: the run's, where the model reads word ids.
        data: the run's data settings.
    """

    words: TextEncoder | None
    vocabulary: Vocabulary | None
    data: DataSettings

    def batch(self, text: str) -> Any:
        """A QueryBatch of one sentence.

        Raises:
            ConfigError: nothing was typed, or this run cannot take typed text.
        """
        if not text.strip():
            raise ConfigError("nothing was typed; expected a sentence")
        if self.words is None:
            raise ConfigError(
                "this run's query features were made elsewhere, so a typed sentence cannot be encoded alike; "
                "encode the training queries with `prepare text` and train again"
            )
        rows = self.words.encode([text])[0][: self.data.max_desc_l]
        rows = rows if self.data.no_norm_tfeat else normalize_rows(rows)
        ids = self.vocabulary.ids(text, self.data.max_desc_l) if self.vocabulary else None
        return collate_queries([QuerySample("typed", text, rows, ids)])


class Searcher:
    """Answers sentences over all films of an index.

    Args:
        index: where the films are.
        answerer: models and how their scores are joined.
        asker: how a sentence is read.
    """

    def __init__(self, index: Index, answerer: Answerer, asker: Asker) -> None:
        if answerer.matcher is None or answerer.matcher is not answerer.localizer:
            raise ConfigError("an index holds one model that both finds and localizes; this run has two")
        self.index, self.asker = index, asker
        self.answerer = replace(answerer, search=replace(answerer.search, tasks=("VCMR",)))
        model = index.manifest.model
        self.library = Library.open(model.library) if model.library else None
        self._films = index.films
        self._row = {film.film_id: row for row, film in enumerate(self._films)}
        self._corpus = _corpus_of(index)
        self._lines: dict[str, list[Line]] = {}

    @torch.inference_mode()
    def search(self, request: SearchRequest) -> SearchAnswer:
        """The moments of a sentence.

        Raises:
            ConfigError: nothing was typed, or it cannot be encoded.
            DataError: a film that is not in the index.
        """
        began = time.perf_counter()
        code = self.answerer.matcher.encode_queries(self.asker.batch(request.text))
        allowed = self._allowed(request)
        if not allowed.any() or not self._films:
            return SearchAnswer((), 0, time.perf_counter() - began)
        corpus = self._corpus
        scores = match_corpus(self.answerer.matcher, code, corpus.codes)  # (1, M)
        scores = scores.masked_fill(~allowed[corpus.window_movies], -torch.inf)
        rows = self._of_films(code, scores, request) if request.group_by_film else self._rows(code, scores)
        if request.threshold is not None:
            rows = [row for row in rows if row[3] >= request.threshold]
        best = rows[0][4] if rows else 0.0
        shown = rows[request.offset : request.offset + request.top]
        moments = tuple(self._moment(row, code, best) for row in shown)
        return SearchAnswer(moments, len(rows), time.perf_counter() - began)

    @torch.inference_mode()
    def curve(self, text: str, film_id: str) -> Curve:
        """How well every clip of a film fits a sentence.  Raises DataError for an unknown film."""
        film = self._row_of(film_id)
        code = self.answerer.matcher.encode_queries(self.asker.batch(text))
        cosines, seconds = self._cosines(film, code)
        mean = torch.stack(list(cosines.values())).mean(0)
        return Curve(seconds.tolist(), mean.tolist())

    def films(self) -> list[FilmEntry]:
        """Every film, by its id."""
        return [_entry(film) for film in self._films]

    def film(self, film_id: str) -> FilmEntry:
        """A film by its id.  Raises DataError for an unknown one."""
        return _entry(self._films[self._row_of(film_id)])

    def subtitles(self, film_id: str) -> list[Line]:
        """A film's subtitle lines; none without a library."""
        self._row_of(film_id)
        if self.library is None:
            return []
        if film_id not in self._lines:
            self._lines[film_id] = self.library.subtitles(film_id)
        return self._lines[film_id]

    def thumbnails(self, film_id: str) -> list[tuple[float, Path]]:
        """Seconds and file of each small picture of a film, in order; none without a library."""
        self._row_of(film_id)
        return self.library.thumbnails(film_id) if self.library else []

    def health(self) -> dict[str, Any]:
        """Films, windows and the model."""
        model = self.index.manifest.model
        return {"films": len(self._films), "windows": len(self._corpus.codes), "weights": model.weights}

    def _allowed(self, request: SearchRequest) -> Tensor:
        """(F,) bool, the films that are searched."""
        wanted = {self._row_of(film_id) for film_id in request.films}
        least = 0.0 if request.min_duration is None else request.min_duration
        most = float("inf") if request.max_duration is None else request.max_duration
        inside = request.folder.strip("/")
        return torch.tensor(
            [
                (not request.films or row in wanted)
                and least <= film.duration <= most
                and (not inside or film.folder == inside or film.folder.startswith(f"{inside}/"))
                for row, film in enumerate(self._films)
            ],
            dtype=torch.bool,
        )

    def _rows(self, code: Code, scores: Tensor) -> list[Row]:
        """The moments of the windows that may be opened, scores (1, M) above -inf; best first."""
        corpus, search = self._corpus, self.answerer.search
        found = open_windows(self.answerer, corpus, code, scores)
        found = in_film_time(found, corpus.window_movies, corpus.window_starts)
        block = without_overlaps(found, search.film_nms_thd, search.max_after_nms)
        reported = self.answerer.reported(block.score[0].double(), self.answerer.settings)
        columns = (block.place[0], *block.times[0].unbind(1), reported, block.score[0])
        valid = block.valid[0]
        return list(zip(*(one[valid].tolist() for one in columns), strict=True))

    def _of_films(self, code: Code, scores: Tensor, request: SearchRequest) -> list[Row]:
        """The best moment of each film, as many films as are asked for, the most relevant ones."""
        movies = self._corpus.window_movies
        films = best_films(scores, movies, len(self._films))
        relevance, order = top(films, request.offset + request.top)
        chosen = order[0][relevance[0] > -torch.inf].tolist()
        rows = [self._rows(code, scores.masked_fill(movies != film, -torch.inf))[0] for film in chosen]
        return sorted(rows, key=lambda row: -row[4])

    def _moment(self, row: Row, code: Code, best: float) -> FoundMoment:
        place, start, end, score, log = row
        film = self._films[place]
        cosines, seconds = self._cosines(place, code)
        inside = (seconds < end) & (seconds + self.asker.data.clip_length > start)
        streams = {name: float(value[inside].max()) for name, value in cosines.items() if inside.any()}
        band = next((name for share, name in BANDS if log - best >= math.log(share)), "low")
        subtitle = self._subtitle(film.film_id, start, end)
        end = min(end, film.duration)
        return FoundMoment(film.film_id, film.title, start, end, score, streams, subtitle, band)

    def _subtitle(self, film_id: str, start: float, end: float) -> str | None:
        near = [(max(line.start - end, start - line.end, 0.0), line) for line in self.subtitles(film_id)]
        distance, line = min(near, key=lambda pair: pair[0], default=(NEAR + 1, None))
        return line.text if line is not None and distance <= NEAR else None

    def _cosines(self, film: int, code: Code) -> tuple[dict[str, Tensor], Tensor]:
        """Stream -> (clips,) cosine with the sentence, and the clips' starts in film seconds."""
        group = self._corpus.codes.groups[film]
        mask = group.code["mask"]
        usual = torch.full((len(mask),), self.asker.data.clip_length)
        length = group.code.get("clip_seconds", usual).double()
        starts = self._corpus.window_starts[group.rows]
        seconds = (starts[:, None] + torch.arange(mask.shape[1]) * length[:, None])[mask]
        found = {}
        asked = self.answerer.matcher.query_vectors(code)
        for name, (vectors, norms) in self.answerer.matcher.window_vectors(group.code).items():
            query = F.normalize(asked[name][0], dim=0)
            found[name] = ((vectors @ query) / norms.clamp(min=1e-6))[mask]
        return found, seconds

    def _row_of(self, film_id: str) -> int:
        if film_id not in self._row:
            raise DataError(f"{self.index.folder} holds no film {film_id!r} ({len(self._films)} films)")
        return self._row[film_id]


def _corpus_of(index: Index) -> Corpus:
    groups: list[Group] = []
    starts: list[Tensor] = []
    ends: list[Tensor] = []
    first = 0
    for film in index.films:
        code, start, end = codes_of(index.code(film))
        groups.append(Group(torch.arange(first, first + len(start)), code))
        first += len(start)
        starts.append(start)
        ends.append(end)
    movies = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor([len(one) for one in starts]))
    window_starts = torch.cat(starts) if starts else torch.zeros(0, dtype=torch.float64)
    window_ends = torch.cat(ends) if ends else torch.zeros(0, dtype=torch.float64)
    codes: CorpusCodes = joined(groups, first, "cpu")
    names = [str(row) for row in range(first)]
    films: Sequence[str] = [film.film_id for film in index.films]
    return Corpus(codes, names, films, movies, window_starts, window_ends - window_starts)


def _entry(film: IndexedFilm) -> FilmEntry:
    fields: Mapping[str, Any] = {name: getattr(film, name) for name in FilmEntry.__dataclass_fields__}
    return FilmEntry(**fields)
