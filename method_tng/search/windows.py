"""The windows of an index: where each lies, and its code, which stays on the disk in half precision.

Files are mapped into memory, so that they cost what is touched, once for all processes; only what a model
asks for is opened in full precision, a film at a time.  Films are shared by threads of one core each: a
model's steps over one film are too small to be split further.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from method_tng.contract.protocols import Code, Matcher
from method_tng.retrieval.codes import Group, joined
from method_tng.retrieval.pipeline import Corpus
from method_tng.search.encoding import codes_of
from method_tng.search.index import Index, in_full


class OpenedCode(Mapping[str, Tensor]):
    """A film's code in which a name is brought to full precision when it is read first."""

    def __init__(self, stored: Code) -> None:
        self._stored = stored
        self._opened: Code = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._opened:
            self._opened[name] = in_full(self._stored[name])
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


class IndexedWindows:
    """The M windows of an index of F films.

    Attributes:
        films: as the index names them.
        movies: (M,) int64, row of each window's film.
        starts, ends: (M,) float64 seconds of the film.
    """

    def __init__(self, index: Index) -> None:
        self.films = index.films
        parts = [codes_of(index.stored(film)) for film in self.films]
        self._codes = [code for code, _, _ in parts]
        counts = torch.tensor([len(start) for _, start, _ in parts], dtype=torch.int64)
        self.movies = torch.repeat_interleave(torch.arange(len(parts)), counts)
        self._first = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])  # (F + 1,)
        nothing = torch.zeros(0, dtype=torch.float64)
        self.starts = torch.cat([nothing, *(start for _, start, _ in parts)])
        self.ends = torch.cat([nothing, *(end for _, _, end in parts)])
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._threads, "film", torch.set_num_threads, (1,))

    def __len__(self) -> int:
        return len(self.movies)

    def of_film(self, film: int) -> tuple[Tensor, Any]:
        """A film's windows, rows (m,) int64, and their code."""
        return torch.arange(*self.range_of(film)), OpenedCode(self._codes[film])

    def range_of(self, film: int) -> tuple[int, int]:
        """A film's first window and the one behind its last."""
        return int(self._first[film]), int(self._first[film + 1])

    def relevance(self, matcher: Matcher, query: Code, rows: Tensor) -> Tensor:
        """(m,) float32 what a matcher says of windows, rows (m,) int64 in order, to one query."""
        films = self._by_film(rows)
        step = max(1, -(-len(films) // self._threads))
        shares = [films[start : start + step] for start in range(0, len(films), step)]

        def matched(share: Sequence[tuple[int, Tensor]]) -> list[Tensor]:
            with torch.inference_mode():
                return [matcher.match(query, self._some(film, local)).float()[0] for film, local in share]

        found = [matched(shares[0])] if len(shares) == 1 else self._pool.map(matched, shares)
        return torch.cat([torch.zeros(0), *(part for share in found for part in share)])

    def corpus(self, rows: Tensor) -> Corpus:
        """Some windows, rows (m,) int64 in order, as a corpus of their own in full precision."""
        films = self._by_film(rows)
        code = {name: self._opened(name, films, len(rows)) for name in self._codes[films[0][0]]}
        codes = joined([Group(torch.arange(len(rows)), code)], len(rows), "cpu")
        names, ids = [str(row) for row in rows.tolist()], [film.film_id for film in self.films]
        starts = self.starts[rows]
        return Corpus(codes, names, ids, self.movies[rows], starts, self.ends[rows] - starts)

    def _by_film(self, rows: Tensor) -> list[tuple[int, Tensor]]:
        """Films with their own rows of windows, from rows of the index in order."""
        films, counts = self.movies[rows].unique_consecutive(return_counts=True)
        local = (rows - self._first[self.movies[rows]]).split(counts.tolist())
        return list(zip(films.tolist(), local, strict=True))

    def _some(self, film: int, local: Tensor) -> Any:
        whole = len(local) == self._first[film + 1] - self._first[film]
        return OpenedCode(self._codes[film]) if whole else self._taken(film, local)

    def _opened(self, name: str, films: Sequence[tuple[int, Tensor]], count: int) -> Tensor:
        """One tensor of some windows of several films, padded with zeros where windows are shorter."""
        parts = [(self._codes[film][name], local) for film, local in films]
        largest = [max(part.shape[axis] for part, _ in parts) for axis in range(1, parts[0][0].ndim)]
        opened, first = in_full(parts[0][0][:0]).new_zeros(count, *largest), 0
        for part, local in parts:
            place = (slice(first, first + len(local)), *(slice(size) for size in part.shape[1:]))
            opened[place] = part[local]
            first += len(local)
        return opened

    def _taken(self, film: int, local: Tensor) -> Code:
        return {name: in_full(value[local]) for name, value in self._codes[film].items()}
