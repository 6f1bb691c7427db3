"""Approximate neighbours of a sentence among all clips, by FAISS (extra `index`): for many hundreds of films.

    faiss.json     what the other file holds: films with their first ids, and its digest; written last
    faiss.DIGEST   `IVF,SQ8` over the model's `window_vectors`, the streams of a clip side by side, each
                   divided by its norm; a vector's id is its window's, so clips of one window share one

The clips nearest to the sentence are fetched, many times more than windows are wanted, since those of one
film crowd together; then again among the films that were not found yet, until there are enough of them.
Windows that hold any of these clips are the candidates, and the model scores them exactly.  Films that were
taken out are passed over; films that came in are added when the file is brought up to date, and all is built
anew when the index has grown or shrunk to another size than its clusters were learned at.
"""

import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from method_tng.contract.errors import ConfigError, DataError, MissingExtra
from method_tng.contract.files import write_whole
from method_tng.contract.protocols import Code, Embedder
from method_tng.search.index import Index
from method_tng.search.windows import IndexedWindows

logger = logging.getLogger(__name__)

FORMAT = 1
NAME = "faiss.json"
LEARNED = 64  # vectors of which a cluster is learned; there are as many clusters as the root of all vectors
LEAST = 39  # vectors that FAISS wants of each
PROBES = 96  # clusters that are looked into
FETCHED = 8000  # clips that are fetched at a time
FILMS, ROUNDS = 30, 3  # different films that are wanted, and how often at most others are looked for
FEW = 2000  # windows up to which all of them are candidates
CHANGED = 2.0  # factor by which the number of windows may change until clusters are learned anew


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """faiss.json.

    Attributes:
        weights: of the model whose vectors these are.
        file, digest: of the vectors.
        learned: windows that there were when the clusters were learned.
        following: the next window's id.
        first: file of each film -> id of its first window; the others follow.
    """

    format: int
    weights: str
    file: str
    digest: str
    learned: int
    following: int
    first: dict[str, int]


class Neighbours:
    """Finds windows by their clips' vectors; a `Finder`.

    Args:
        record: what the vectors are.
        vectors: the FAISS index.
        windows: of the index.
        model: gives a sentence's vectors.
        probes, fetched: how far is looked; larger numbers find more and take longer.
    """

    name = "faiss"

    def __init__(
        self,
        record: Record,
        vectors: Any,
        windows: IndexedWindows,
        model: Embedder,
        probes: int = PROBES,
        fetched: int = FETCHED,
    ) -> None:
        self.record, self.vectors, self.model = record, vectors, model
        self.probes, self.fetched = probes, fetched
        ids = [record.first[film.file] + np.arange(film.windows) for film in windows.films]
        self._ids = np.concatenate(ids).astype(np.int64) if ids else np.zeros(0, np.int64)  # (M,)
        self._rows = np.zeros(record.following, np.int64)  # of ids; those of no window are never asked for
        self._rows[self._ids] = np.arange(len(windows))
        self._films = windows.movies.numpy()

    def find(self, query: Code, allowed: Tensor) -> Tensor:
        """Rows of the windows that hold the nearest clips; all that are allowed when these are few."""
        if int(allowed.sum()) <= FEW:
            return allowed.nonzero().flatten()
        streams = self.model.query_vectors(query)
        asked = torch.cat([F.normalize(streams[name].float(), dim=1) for name in sorted(streams)], dim=1)
        left, found = allowed.numpy().copy(), np.zeros(len(allowed), bool)
        for _ in range(ROUNDS):
            rows = self._nearest(asked.numpy(), left)
            found[rows] = True
            films = np.unique(self._films[found])
            if not len(rows) or len(films) >= FILMS:
                break
            left &= ~np.isin(self._films, films)  # their best windows are found
        return torch.from_numpy(found.nonzero()[0])

    def _nearest(self, asked: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Rows of the windows with the nearest clips; asked (1, D) float32, allowed (M,) bool."""
        faiss = _faiss()
        wanted = np.zeros(len(self._rows), bool)
        wanted[self._ids[allowed]] = True
        bits = np.packbits(wanted, bitorder="little")
        chosen = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        how = faiss.SearchParametersIVF(sel=chosen, nprobe=self.probes)
        ids = np.unique(self.vectors.search(asked, self.fetched, params=how)[1][0])
        return self._rows[ids[ids >= 0]]


def is_there(index: Index) -> bool:
    """Whether an index has neighbours, current or not."""
    return (index.folder / NAME).is_file()


def open_neighbours(index: Index, windows: IndexedWindows, model: Any) -> Neighbours:
    """The neighbours of an index; brought up to date if films came in.

    Raises:
        MissingExtra: FAISS is not installed.
        ConfigError: the model gives no vectors, or another process writes.
        DataError: a file is damaged.
    """
    record = _read(index)
    if record is None or not _is_current(record, index):
        logger.warning("%s lacks films that came in; it is brought up to date", index.folder / NAME)
        with index.writing():
            update(index, model)
        record = _read(index)
    assert record is not None
    return Neighbours(record, _opened(index.folder / record.file), windows, model)


def update(index: Index, model: Any, anew: bool = False) -> None:
    """Brings the neighbours of an index up to date, or makes them, inside `Index.writing`.

    Args:
        index: with all its films.
        model: that it was made with.
        anew: learn the clusters again.

    Raises:
        MissingExtra, ConfigError, DataError: as `open_neighbours`.
    """
    if not hasattr(model, "window_vectors"):
        raise ConfigError("this system gives no vectors to find neighbours by; use --backend exact")
    if not index.films:
        remove(index)
        return
    windows, record = IndexedWindows(index), _read(index)
    if record is None or anew or not _suits(record, index):
        vectors = _learned(windows, model)
        record = Record(
            format=FORMAT, weights=index.manifest.model.weights, file="", digest="",
            learned=len(windows), following=0, first={},
        )  # fmt: skip
    elif _is_current(record, index):
        return
    else:
        vectors = _opened(index.folder / record.file, mapped=False)
    first, following = dict(record.first), record.following
    for film in tqdm(range(len(index.films)), unit="film", desc="neighbours", disable=None):
        name = index.films[film].file
        if name not in first:
            rows, code = windows.of_film(film)
            units, window = vectors_of(model, code)
            vectors.add_with_ids(units, window + following)
            first[name], following = following, following + len(rows)
    _write(index, msgspec.structs.replace(record, first=first, following=following), vectors)


def remove(index: Index) -> None:
    """Takes the neighbours of an index away, inside `Index.writing`."""
    (index.folder / NAME).unlink(missing_ok=True)
    sweep(index)


def sweep(index: Index) -> int:
    """Deletes what earlier neighbours left; returns its bytes."""
    record, freed = _read(index), 0
    for path in [*index.folder.glob("faiss.*"), *index.folder.glob(".faiss.*")]:
        if path.name not in (NAME, record.file if record else NAME):
            freed += path.stat().st_size
            path.unlink()
    return freed


def faults(index: Index) -> list[str]:
    """What is wrong with the neighbours, a sentence each."""
    record = _read(index)
    if record is None:
        told = f"{index.folder / NAME} is damaged or of another version; run compact"
        return [told] if is_there(index) else []
    path, found = index.folder / record.file, []
    if not path.is_file() or _digest(path) != record.digest:
        found.append(f"{path} is {'damaged' if path.is_file() else 'missing'}; run compact")
    if not _is_current(record, index):
        found.append(f"{index.folder / NAME} lacks films that came in; run compact")
    return found


@torch.inference_mode()
def vectors_of(model: Embedder, code: Any) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, D) float32 of a film's clips, streams side by side, and the window of each, (n,) from 0."""
    streams = model.window_vectors(code)
    parts = [streams[name] for name in sorted(streams)]
    units = torch.cat([rows / norms.clamp(min=1e-6)[..., None] for rows, norms in parts], dim=2)  # (M, V, D)
    sounding = torch.stack([norms > 0 for _, norms in parts]).any(0)  # (M, V)
    return units[sounding].float().numpy(), sounding.nonzero()[:, 0].numpy()


def _learned(windows: IndexedWindows, model: Embedder) -> Any:
    """An empty FAISS index whose clusters were learned from a seeded draw of clips of all films."""
    faiss, draw, films = _faiss(), np.random.default_rng(0), len(windows.films)
    total = len(windows) * len(vectors_of(model, windows.of_film(0)[1])[0]) / windows.films[0].windows
    clusters = max(1, round(math.sqrt(total)))
    each, samples = math.ceil(LEARNED * clusters / films), []
    for film in tqdm(range(films), unit="film", desc="clusters", disable=None):
        units, _ = vectors_of(model, windows.of_film(film)[1])
        samples.append(units[np.sort(draw.permutation(len(units))[:each])])
    units = np.concatenate(samples)
    clusters = max(1, min(clusters, len(units) // LEAST))
    vectors = faiss.index_factory(units.shape[1], f"IVF{clusters},SQ8", faiss.METRIC_INNER_PRODUCT)
    vectors.train(units)
    return vectors


def _write(index: Index, record: Record, vectors: Any) -> None:
    temporary = index.folder / ".faiss.part"
    try:
        _faiss().write_index(vectors, str(temporary))
        digest = _digest(temporary)
        record = msgspec.structs.replace(record, digest=digest, file=f"faiss.{digest[:16]}")
        temporary.replace(index.folder / record.file)
    except RuntimeError as error:  # FAISS' word for a full disk
        raise DataError(f"{temporary} cannot be written ({_told(error)}); make room") from error
    finally:
        temporary.unlink(missing_ok=True)
    text = msgspec.json.format(msgspec.json.encode(record), indent=1)
    write_whole(index.folder / NAME, lambda path: path.write_bytes(text + b"\n"))
    sweep(index)


def _read(index: Index) -> Record | None:
    """What faiss.json says; None when there is none, or it is damaged or of another version."""
    try:
        record = msgspec.json.decode((index.folder / NAME).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return record if record.format == FORMAT else None


def _is_current(record: Record, index: Index) -> bool:
    alike = record.weights == index.manifest.model.weights
    return alike and all(film.file in record.first for film in index.films)


def _suits(record: Record, index: Index) -> bool:
    """Whether films can be added to what is there."""
    windows = sum(film.windows for film in index.films)
    alike = record.weights == index.manifest.model.weights and (index.folder / record.file).is_file()
    return alike and max(windows, record.following) <= CHANGED * min(windows, record.learned)


def _opened(path: Path, mapped: bool = True) -> Any:
    faiss = _faiss()
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if mapped else 0)
    except RuntimeError as error:
        told = f"{path} cannot be read ({_told(error)}); mend it with: index.sh compact {path.parent}"
        raise DataError(told) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _told(error: Exception) -> str:
    """The end of what FAISS says: the beginning names its own sources."""
    return str(error).rpartition("failed: ")[2].strip() or type(error).__name__


def _faiss() -> Any:
    """The package.  Raises MissingExtra."""
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # else it tells how it was loaded
    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("faiss-cpu", "index") from error
    return faiss
