"""An index on disk: every film's encoded windows in a file of its own, and a manifest that names them.

    index.json          the model, the data settings and the films with their files; written last
    films/*.safetensors one film: the model's code of its windows in half precision, their starts and ends;
                        never changed

A film is added or replaced by a new file and a new manifest, removed by a new manifest; what no manifest
names is swept away by `compact`.  So a process that is killed leaves the last whole state.  One process
writes at a time.
"""

import contextlib
import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.files import only_writer, write_whole
from method_tng.contract.protocols import Code

FORMAT = 2  # another number when files or models' codes change
HALF_LIMIT = 6e4  # numbers beyond it are kept in full precision


class IndexedFilm(msgspec.Struct, frozen=True, kw_only=True):
    """A film of an index; `file` lies in the index's folder `films`, `origin` says what it was made from."""

    film_id: str
    title: str
    folder: str
    source: str
    duration: float
    playable: bool
    windows: int
    file: str
    size: int
    digest: str
    origin: str = ""
    begin: float = 0.0


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What the films were encoded with.

    Attributes:
        run: the run's folder.
        weights: fingerprint of its model.
        data: its data settings.
        library: the folder that holds thumbnails and subtitles, "" without one.
    """

    run: str
    weights: str
    data: dict[str, Any]
    library: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """index.json."""

    format: int
    model: Model
    films: tuple[IndexedFilm, ...] = ()


class Index:
    """An index folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    @classmethod
    def create(cls, folder: Path, model: Model) -> "Index":
        """A new, empty index, or the one that is there when it was made with the same model.

        Raises:
            ConfigError: the index that is there holds films of another model or library.
        """
        (folder / "films").mkdir(parents=True, exist_ok=True)
        with only_writer(folder):
            there = cls.open(folder) if (folder / "index.json").is_file() else None
            if there:
                model = _joined(folder, there.manifest.model, model)
            films = there.films if there else ()
            index = cls(folder, Manifest(format=FORMAT, model=model, films=films))
            if there is None or there.manifest != index.manifest:  # the run or the library may have moved
                index._write()
        return index

    @classmethod
    def open(cls, folder: Path | str) -> "Index":
        """An index that is there.

        Raises:
            DataError: none is, or it is of another version, or damaged.
        """
        path = Path(folder) / "index.json"
        try:
            raw = path.read_bytes()
            found = msgspec.json.decode(raw, type=dict[str, Any]).get("format")
            if found != FORMAT:
                raise DataError(f"{path} has format {found!r}; expected {FORMAT}, build the index again")
            return cls(Path(folder), msgspec.json.decode(raw, type=Manifest))
        except FileNotFoundError as error:
            told = f"{path.parent.absolute()} holds no index; make one with: index.sh add"
            raise DataError(told) from error
        except (OSError, msgspec.DecodeError, AttributeError) as error:
            raise DataError(f"{path} cannot be read as an index ({error}); build it anew") from error

    @property
    def films(self) -> tuple[IndexedFilm, ...]:
        """The films in it."""
        return self.manifest.films

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the index for one writer and sees what was written before.

        Raises:
            ConfigError: another process writes.
        """
        with only_writer(self.folder):
            self.manifest = Index.open(self.folder).manifest
            yield

    def put(self, film: Mapping[str, Any], code: Code) -> None:
        """Adds a film, or replaces the one of its id, inside `writing`.

        Args:
            film: the fields of IndexedFilm that describe the film itself.
            code: of its windows, and `start`, `end` (windows,) in film seconds.
        """
        raw = save({name: _halved(value) for name, value in code.items()})
        digest = hashlib.sha256(raw).hexdigest()
        name = f"{hashlib.sha256(film['film_id'].encode()).hexdigest()[:16]}-{digest[:16]}.safetensors"
        write_whole(self.folder / "films" / name, lambda temporary: temporary.write_bytes(raw))
        size = {"windows": len(code["start"]), "file": name, "size": len(raw), "digest": digest}
        entry = IndexedFilm(**film, **size)
        others = [one for one in self.films if one.film_id != entry.film_id]
        self._replace(sorted([*others, entry], key=lambda one: one.film_id))

    def remove(self, film_ids: Iterable[str]) -> None:
        """Takes films out, inside `writing`; their files stay until `compact`.

        Raises:
            DataError: an unknown film.
        """
        wanted = set(film_ids)
        self.require(wanted)
        self._replace(film for film in self.films if film.film_id not in wanted)

    def require(self, film_ids: Iterable[str]) -> None:
        """Raises DataError for a film that is not in the index."""
        known = {film.film_id for film in self.films}
        unknown = sorted(set(film_ids) - known)
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; status lists all"
            raise DataError(f"{self.folder} holds no film {unknown[0]!r} ({len(known)} films){hint}")

    def compact(self) -> int:
        """Sweeps away files that belong to no film, and what killed writers left, inside `writing`.

        Returns:
            The bytes that were freed.
        """
        used, freed = {film.file for film in self.films}, 0
        for path in [*(self.folder / "films").iterdir(), *self.folder.glob(".index.json.*.part")]:
            if path.name not in used:
                freed += path.stat().st_size
                path.unlink()
        return freed

    def told(self) -> str:
        """What it holds, in words."""
        model, taken = self.manifest.model, sum(film.size for film in self.films)
        windows = sum(film.windows for film in self.films)
        hours = sum(film.duration for film in self.films) / 3600
        swept = sum(path.stat().st_size for path in (self.folder / "films").iterdir()) - taken
        return (
            f"{len(self.films)} films of {hours:.1f} hours, {windows} windows, {taken / 1e6:.1f} MB "
            f"({swept / 1e6:.1f} MB to compact), run {model.run}"
        )

    def faults(self) -> list[str]:
        """What is wrong with its files, a sentence each; reads all of them."""
        told = []
        for film in self.films:
            path = self.folder / "films" / film.file
            if not path.is_file():
                told.append(f"{path} ({film.film_id}) is missing; add the film again")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != film.digest:
                told.append(f"{path} ({film.film_id}) is damaged; add the film again")
        return told

    def stored(self, film: IndexedFilm) -> Code:
        """What lies on the disk of a film, mapped into memory: it is read when it is touched.

        Raises:
            DataError: its file is missing or damaged.
        """
        path = self.folder / "films" / film.file
        try:
            with safe_open(path, "pt") as stored:
                return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            told = f"{path} ({film.film_id}) cannot be read ({error}); add the film again"
            raise DataError(told) from error

    def _replace(self, films: Iterable[IndexedFilm]) -> None:
        self.manifest = msgspec.structs.replace(self.manifest, films=tuple(films))
        self._write()

    def _write(self) -> None:
        text = msgspec.json.format(msgspec.json.encode(self.manifest), indent=1)
        write_whole(self.folder / "index.json", lambda temporary: temporary.write_bytes(text + b"\n"))


def _joined(folder: Path, made: Model, asked: Model) -> Model:
    """What an index is made with from now on.

    Raises:
        ConfigError: it holds films of another model or library.
    """
    if (made.weights, made.data) != (asked.weights, asked.data):
        raise ConfigError(
            f"{folder} was made with the model {made.weights} of {made.run}, asked for is {asked.weights}; "
            "expected one model and its settings per index, choose another folder"
        )
    library = asked.library or made.library
    if made.library and made.library != library and Path(made.library).is_dir():
        raise ConfigError(
            f"{folder} was made of the library {made.library}; expected one library per index, choose "
            "another folder"
        )
    return msgspec.structs.replace(asked, library=library)


def _halved(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    fits = value.dtype == torch.float32 and (value.numel() == 0 or float(value.abs().max()) < HALF_LIMIT)
    return value.half() if fits else value


def in_full(value: Tensor) -> Tensor:
    """The same numbers, halves in full precision."""
    return value.float() if value.dtype == torch.float16 else value
