"""A typed sentence to moments.

A finder names windows, the model's own `match` scores them, the best are opened, their spans scored, joined
and freed of overlaps in film time, by the same lines that answer a split.  Of overlaps more is taken away:
other borders of a place that was named already help a recall and no reader.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from method_tng.contract.errors import DataError
from method_tng.contract.protocols import Code
from method_tng.extraction.library import Library, Line
from method_tng.retrieval.moments import MomentBlock, best_moments, in_film_time, top, without_overlaps
from method_tng.retrieval.pipeline import Answerer, Corpus, open_windows, score_spans
from method_tng.retrieval.ranking import best_films
from method_tng.search.answers import Curve, FilmEntry, FoundMoment, SearchAnswer, SearchRequest
from method_tng.search.asking import Asker
from method_tng.search.finding import Everything, Finder
from method_tng.search.index import Index, IndexedFilm
from method_tng.search.windows import IndexedWindows, one_core

DISTINCT = 0.2  # overlap above which two moments are one to who reads the list
NEAR = 10.0  # seconds within which a subtitle line belongs to a moment
BANDS = ((0.5, "high"), (0.1, "middle"))  # likelihood as a share of the best one's, and its name

Row = tuple[int, float, float, float, float]
"""Film row, start, end, reported score, logarithmic score."""


class Searcher:
    """Answers sentences over all films of an index.

    Args:
        index: where the films are.
        answerer: models and how their scores are joined.
        asker: how a sentence is read.
        finder: which windows are looked at; all, unless told.
    """

    def __init__(self, index: Index, answerer: Answerer, asker: Asker, finder: Finder | None = None) -> None:
        self.index, self.asker, self.finder = index, asker, finder or Everything()
        self.answerer, self.model = answerer, answerer.matcher
        place = index.manifest.model.library
        self.library = Library.open(place) if place else None
        self._extracted = {film.film_id for film in self.library.films} if self.library else set()
        self._has_vectors = hasattr(self.model, "window_vectors")
        self.windows = IndexedWindows(index)
        self._films = index.films
        self._row = {film.film_id: row for row, film in enumerate(self._films)}
        self._lines: dict[str, list[Line]] = {}

    @one_core()
    @torch.inference_mode()
    def search(self, request: SearchRequest) -> SearchAnswer:
        """The moments of a sentence.

        Raises:
            ConfigError: nothing was typed, or it cannot be encoded.
            DataError: a film that is not in the index.
        """
        began = time.perf_counter()
        query = self.model.encode_queries(self.asker.batch(request.text))
        rows = self.finder.find(query, self._allowed(request)[self.windows.movies])
        if not len(rows):
            return SearchAnswer((), 0, time.perf_counter() - began)
        relevance = self.windows.relevance(self.model, query, rows)
        found = self._of_films if request.group_by_film else self._of_all
        moments = found(query, rows, relevance)
        if request.threshold is not None:
            moments = [row for row in moments if row[3] >= request.threshold]
        best = moments[0][4] if moments else 0.0
        shown = moments[request.offset : request.offset + request.top]
        told = tuple(self._told(shown, query, best))
        return SearchAnswer(told, len(moments), time.perf_counter() - began)

    @one_core()
    @torch.inference_mode()
    def curve(self, text: str, film_id: str) -> Curve:
        """How well every clip of a film fits a sentence.  Raises DataError for an unknown film."""
        rows, code = self.windows.of_film(self._row_of(film_id))
        query = self.model.encode_queries(self.asker.batch(text))
        if not self._has_vectors:
            whole = self.windows.relevance(self.model, query, rows)
            return Curve(self.windows.starts[rows].tolist(), whole.tolist())
        cosines, seconds = self._cosines(query, code, self.windows.starts[rows])
        mask = code["mask"]
        mean = torch.stack(list(cosines.values())).mean(0)
        return Curve(seconds[mask].tolist(), mean[mask].tolist())

    def films(self) -> list[FilmEntry]:
        """Every film, by its id."""
        return [_entry(film) for film in self._films]

    def film(self, film_id: str) -> FilmEntry:
        """A film by its id.  Raises DataError for an unknown one."""
        return _entry(self._films[self._row_of(film_id)])

    def subtitles(self, film_id: str) -> list[Line]:
        """A film's subtitle lines; none without a library."""
        self._row_of(film_id)
        if film_id not in self._extracted:
            return []
        if film_id not in self._lines:
            self._lines[film_id] = self.library.subtitles(film_id)
        return self._lines[film_id]

    def thumbnails(self, film_id: str) -> list[tuple[float, Path]]:
        """Seconds and file of each small picture of a film, in order; none without a library."""
        self._row_of(film_id)
        return self.library.thumbnails(film_id) if film_id in self._extracted else []

    def health(self) -> dict[str, Any]:
        """Films, windows, the model, and how windows are found."""
        found = {"films": len(self._films), "windows": len(self.windows), "backend": self.finder.name}
        return found | {"weights": self.index.manifest.model.weights}

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

    def _of_all(self, query: Code, rows: Tensor, relevance: Tensor) -> list[Row]:
        """The moments of the best windows, best first, free of overlaps."""
        search = self.answerer.search
        chosen = top(relevance[None], search.max_vcmr_video)[1][0].sort().values
        corpus = self.windows.corpus(rows[chosen])
        found = open_windows(self.answerer, corpus, query, relevance[None, chosen])
        found = in_film_time(found, corpus.window_movies, corpus.window_starts)
        return self._listed(without_overlaps(found, DISTINCT, search.max_after_nms))

    def _of_films(self, query: Code, rows: Tensor, relevance: Tensor) -> list[Row]:
        """The best moment of each of the most relevant films, best first.

        Looked at are the windows that a search without groups opens, and of every film the best one; the list
        has as many films at most as that search opens windows, so that its pages fit together.
        """
        keep = self.answerer.search.max_vcmr_video
        movies = self.windows.movies[rows]
        films = best_films(relevance[None], movies, len(self._films))
        known = torch.zeros(len(self._films), dtype=torch.bool)
        known[top(films, keep)[1][0]] = True
        opened = known[movies] & (relevance == films[0, movies])  # the best window of each film
        opened[top(relevance[None], keep)[1][0]] = True
        opened &= known[movies]
        corpus = self.windows.corpus(rows[opened])
        best = self._best_of_each(query, corpus, relevance[opened])
        kept: dict[int, Row] = {}
        for row in sorted(self._listed(best), key=lambda row: -row[4]):
            kept.setdefault(row[0], row)
        return list(kept.values())

    def _best_of_each(self, query: Code, corpus: Corpus, relevance: Tensor) -> MomentBlock:
        """The best moment of every window of a small corpus, relevance (W,), in film time: a row of W."""
        opened = torch.arange(len(relevance))[None]  # (1, W)
        joint, times = score_spans(self.answerer, corpus, query, relevance[None], opened)
        each = best_moments(joint[0, :, None], times.transpose(0, 1), opened.T, corpus.window_lengths, 1)
        found = in_film_time(each, corpus.window_movies, corpus.window_starts)  # (W, 1)
        return MomentBlock(found.place.T, found.times.transpose(0, 1), found.score.T, found.valid.T)

    def _listed(self, block: MomentBlock) -> list[Row]:
        """The moments of a block of one query."""
        reported = self.answerer.reported(block.score[0].double(), self.answerer.settings)
        columns = (block.place[0], *block.times[0].unbind(1), reported, block.score[0])
        return list(zip(*(one[block.valid[0]].tolist() for one in columns), strict=True))

    def _told(self, shown: list[Row], query: Code, best: float) -> list[FoundMoment]:
        """The moments with all that is shown of them; best is the logarithmic score of the list's first."""
        windows = self.windows
        touched = torch.zeros(len(windows), dtype=torch.bool)
        for place, start, end, _, _ in shown:
            first, behind = windows.range_of(place)
            inside = (windows.starts[first:behind] < end) & (windows.ends[first:behind] > start)
            touched[first:behind] |= inside
        rows = touched.nonzero().flatten()
        if not len(rows):
            return []
        code = windows.corpus(rows).codes.groups[0].code
        cosines, seconds = self._cosines(query, code, windows.starts[rows])
        length = self.asker.data.clip_length
        found = []
        for place, start, end, score, log in shown:
            inside = (seconds < end) & (seconds + length > start) & code["mask"]
            inside &= (windows.movies[rows] == place)[:, None]
            streams = {name: float(value[inside].max()) for name, value in cosines.items() if inside.any()}
            band = next((name for share, name in BANDS if log - best >= math.log(share)), "low")
            film = self._films[place]
            said, end = self._subtitle(film.film_id, start, end), min(end, film.duration)
            found.append(FoundMoment(film.film_id, film.title, start, end, score, streams, said, band))
        return found

    def _subtitle(self, film_id: str, start: float, end: float) -> str | None:
        near = [(max(line.start - end, start - line.end, 0.0), line) for line in self.subtitles(film_id)]
        distance, line = min(near, key=lambda pair: pair[0], default=(NEAR + 1, None))
        return line.text if line is not None and distance <= NEAR else None

    def _cosines(
        self, query: Code, code: Mapping[str, Tensor], starts: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Stream -> (m, T) cosine with the sentence, and the clips' starts in film seconds, (m, T)."""
        mask = code["mask"]
        usual = torch.full((len(mask),), self.asker.data.clip_length)
        length = code.get("clip_seconds", usual).double()
        seconds = starts[:, None] + torch.arange(mask.shape[1]) * length[:, None]
        if not self._has_vectors:
            return {}, seconds
        asked, found = self.model.query_vectors(query), {}
        for name, (vectors, norms) in self.model.window_vectors(code).items():
            found[name] = (vectors @ F.normalize(asked[name][0], dim=0)) / norms.clamp(min=1e-6)
        return found, seconds

    def _row_of(self, film_id: str) -> int:
        if film_id not in self._row:
            raise DataError(f"{self.index.folder} holds no film {film_id!r} ({len(self._films)} films)")
        return self._row[film_id]


def _entry(film: IndexedFilm) -> FilmEntry:
    fields: Mapping[str, Any] = {name: getattr(film, name) for name in FilmEntry.__dataclass_fields__}
    return FilmEntry(**fields)
