"""Films into an index: their windows are cut, read and encoded by a run's model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from method_tng.contract.batch import WindowBatch, to_device
from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.items import Movie, Window
from method_tng.contract.protocols import Code, Encoder
from method_tng.contract.settings import DataSettings
from method_tng.dataset.collate import collate_windows
from method_tng.dataset.feature_store import RowCache, common_rows
from method_tng.dataset.features import OF_WINDOWS, kinds_of, open_store
from method_tng.dataset.samples import Stream, WindowSamples
from method_tng.dataset.windows import clip_range, cut
from method_tng.search.index import Index

TOGETHER = 32  # windows encoded at once


@dataclass(frozen=True)
class FilmFacts:
    """A film that is to be indexed; `origin` is another when anything of it is, "" when that is not known."""

    film_id: str
    duration: float
    title: str
    folder: str = ""
    source: str = ""
    playable: bool = False
    origin: str = ""
    begin: float = 0.0


class FilmWindows:
    """The windows of any film whose features are there, as a model sees them; no queries are needed."""

    def __init__(self, data: DataSettings, split: str = "") -> None:
        self.data = data
        kinds, nothing = [kind for kind in kinds_of(data) if kind in OF_WINDOWS], RowCache(0)
        if not kinds:
            raise ConfigError(
                f"the run's ctx_mode is {data.ctx_mode!r}, which sees nothing of a film; expected one "
                "with video or sub, index with another run"
            )
        self._stores = {kind: open_store(data, split, kind) for kind in kinds}
        self._streams = {kind: Stream(self._stores[kind], data.max_ctx_l, nothing) for kind in kinds}

    def width(self, kind: str) -> int:
        """Width of the rows of "video" or "sub" as a model sees them; 0 when it is not used."""
        place = 2 if self.data.with_endpoints else 0
        return self._stores[kind].width + place if kind in self._stores else 0

    def of(self, movie: Movie) -> tuple[list[Window], Iterable[WindowBatch]]:
        """A film's windows, and the same in batches.  Raises DataError for missing or unfit features."""
        windows = cut(movie, self.data)
        stores = list(self._stores.values())
        counts = [store.num_rows(movie.movie_id) for store in stores]
        rows = common_rows(counts, movie.movie_id, [store.path for store in stores])
        ranges = torch.tensor([clip_range(one, self.data.clip_length, rows) for one in windows]).numpy()
        kept = [index for index, (first, behind) in enumerate(ranges) if first < behind]
        if not kept:
            raise DataError(f"{stores[0].path} holds no row of film {movie.movie_id!r}; extract it again")
        windows = [windows[index] for index in kept]
        samples = WindowSamples(
            windows,
            torch.zeros(len(kept), dtype=torch.int64).numpy(),
            ranges[kept],
            self.data.clip_length,
            self._streams.get("video"),
            self._streams.get("sub"),
        )
        endpoints = self.data.with_endpoints
        parts = [range(at, min(at + TOGETHER, len(windows))) for at in range(0, len(windows), TOGETHER)]
        return windows, (collate_windows([samples[row] for row in part], endpoints) for part in parts)


@torch.inference_mode()
def add_films(
    index: Index, films: Sequence[FilmFacts], windows: FilmWindows, encoder: Encoder, device: torch.device
) -> None:
    """Encodes films and puts each into the index as soon as it is done, inside `Index.writing`."""
    for film in tqdm(films, unit="film", disable=None):
        cuts, batches = windows.of(Movie(film.film_id, film.duration))
        codes = [encoder.encode_windows(to_device(batch, device)) for batch in batches]
        index.put(*facts_and_times(film, cuts, codes))


def facts_and_times(
    film: FilmFacts, windows: Sequence[Window], codes: Sequence[Code]
) -> tuple[dict[str, Any], Code]:
    """What `Index.put` takes: the film's fields, and the code of its windows with their starts and ends."""
    code = {name: side_by_side([one[name] for one in codes]) for name in codes[0]}
    code["start"] = torch.tensor([one.start for one in windows], dtype=torch.float64)
    code["end"] = torch.tensor([one.end for one in windows], dtype=torch.float64)
    return dict(vars(film)), code


def side_by_side(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Codes (m, ...) of several batches as one; the shorter are padded with zeros (masks with False)."""
    longest = [max(part.shape[axis] for part in parts) for axis in range(1, parts[0].ndim)]
    padded = []
    for part in parts:
        missing = [most - size for most, size in zip(longest, part.shape[1:], strict=True)]
        pad = [size for short in reversed(missing) for size in (0, short)]
        padded.append(torch.nn.functional.pad(part, pad) if any(pad) else part)
    return torch.cat(padded)


def codes_of(code: Code) -> tuple[Code, torch.Tensor, torch.Tensor]:
    """What `add_films` stored, apart: the model's code, starts and ends of the windows."""
    own = {name: value for name, value in code.items() if name not in ("start", "end")}
    return own, code["start"], code["end"]
