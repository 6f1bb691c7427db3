"""The windows of an index: where each lies, and its code, which stays on the disk in half precision.

Files are mapped into memory, so that they cost what is touched, once for all processes; only what a model
asks for is opened in full precision, a film at a time.  Films are shared by threads of one core each: a
model's steps over one film are too small to be split further.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from method_tng.contract.protocols import Code, Matcher
from method_tng.retrieval.codes import Group, joined
from method_tng.retrieval.pipeline import Corpus
from method_tng.search.encoding import codes_of
from method_tng.search.index import Index, in_full


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Steps of this thread on one core: those of a search are too small to be split."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class OpenedCode(Mapping[str, Tensor]):
    """A code whose tensors are brought to full precision when they are read first.

    Args:
        names: of the tensors.
        read: name -> tensor.
    """

    def __init__(self, names: Iterable[str], read: Callable[[str], Tensor]) -> None:
        self._opened: dict[str, Tensor | None] = dict.fromkeys(names)
        self._read = read

    def __getitem__(self, name: str) -> Tensor:
        opened = self._opened[name]
        if opened is None:
            opened = self._opened[name] = self._read(name)
        return opened

    def __iter__(self) -> Iterator[str]:
        return iter(self._opened)

    def __len__(self) -> int:
        return len(self._opened)


class Desk(threading.local):
    """Memory in which each thread opens one film after the other: new memory for each costs as much again."""

    def __init__(self) -> None:
        self._room: dict[str, Tensor] = {}

    def opened(self, name: str, stored: Tensor) -> Tensor:
        """The same numbers in full precision, until this thread opens another film."""
        if stored.dtype != torch.float16:
            return stored
        if name not in self._room or self._room[name].numel() < stored.numel():
            self._room[name] = torch.empty(stored.numel())
        return self._room[name][: stored.numel()].view(stored.shape).copy_(stored)


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
        self._firsts: list[int] = self._first.tolist()
        nothing = torch.zeros(0, dtype=torch.float64)
        self.starts = torch.cat([nothing, *(start for _, start, _ in parts)])
        self.ends = torch.cat([nothing, *(end for _, _, end in parts)])
        self._desk = Desk()
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._threads, "film", torch.set_num_threads, (1,))

    def __len__(self) -> int:
        return len(self.movies)

    def of_film(self, film: int) -> tuple[Tensor, Any]:
        """A film's windows, rows (m,) int64, and their code."""
        stored = self._codes[film]
        code = OpenedCode(stored, lambda name: in_full(stored[name]))
        return torch.arange(*self.range_of(film)), code

    def range_of(self, film: int) -> tuple[int, int]:
        """A film's first window and the one behind its last."""
        return self._firsts[film], self._firsts[film + 1]

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
        code: Any = OpenedCode(self._codes[films[0][0]], lambda name: self._joined(name, films, len(rows)))
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
        """Some windows of a film, to be used before the thread opens another."""
        stored, (first, behind) = self._codes[film], self.range_of(film)
        if len(local) == behind - first:
            return OpenedCode(stored, lambda name: self._desk.opened(name, stored[name]))
        return OpenedCode(stored, lambda name: self._desk.opened(name, stored[name].index_select(0, local)))

    def _joined(self, name: str, films: Sequence[tuple[int, Tensor]], count: int) -> Tensor:
        """One tensor of some windows of several films, padded with zeros where windows are shorter."""
        parts = [(self._codes[film][name], local) for film, local in films]
        largest = [max(part.shape[axis] for part, _ in parts) for axis in range(1, parts[0][0].ndim)]
        alike = all(list(part.shape[1:]) == largest for part, _ in parts)
        make = torch.empty if alike else torch.zeros
        opened, first = make((count, *largest), dtype=in_full(parts[0][0][:0]).dtype), 0
        for part, local in parts:
            place = (slice(first, first + len(local)), *(slice(size) for size in part.shape[1:]))
            opened[place] = part.index_select(0, local)
            first += len(local)
        return opened
