"""Films into an index: those of a library, or of a split of a run's own data."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.extraction.library import Film, Library
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import sizes_of
from method_tng.runs.systems import UNTRAINED, recipe_of
from method_tng.search import faiss_index
from method_tng.search.encoding import FilmFacts, FilmWindows, add_films
from method_tng.search.index import Index, IndexedFilm, Model
from method_tng.search.opening import CPU, data_of, load_answerer, run_of
from method_tng.search.zero_shot import zero_shot_run

CUT = (  # data settings by which a film becomes windows
    "ctx_mode",
    "clip_length",
    "window_seconds",
    "window_stride",
    "window_edges",
    "max_ctx_l",
    "no_norm_vfeat",
    "no_norm_tfeat",
)


def fill(told: Mapping[str, Any]) -> Index:
    """Adds films to an index as the options `add` and `replace` of the index command say.

    Raises:
        ConfigError, DataError, CheckpointError: options contradict each other, or what they name is unfit.
    """
    folder, library, split = told["index"], told["library"], told["split"]
    there = Index.open(folder) if told["verb"] == "replace" or (folder / "index.json").is_file() else None
    if there and told["verb"] == "replace":
        there.require(told["films"])
    if there and library is None and split is None and there.manifest.model.library:
        library = Path(there.manifest.model.library)
    if (library is None) == (split is None):
        raise ConfigError("give either --library or --split: where the films are")
    run = _run_of(told, there, library)
    add, place = (add_library, library) if library else (add_split, split)
    index = add(folder, run, place, told["films"])
    tend_neighbours(index, told["results_root"], told.get("backend"))
    return index


def add_library(folder: Path, run: RunFolder, library: Path, films: Sequence[str] | None = None) -> Index:
    """Puts the films of a library into an index, which is made if there is none.

    Args:
        folder: of the index.
        run: whose model encodes them.
        library: what extraction left.
        films: ids of the only ones that are added; None = all that are new or were extracted anew.

    Raises:
        DataError: no library, an unknown film, or features of another kind than the run was trained on.
        ConfigError: the index was made with another model or library.
    """
    found = Library.open(library)
    _require_alike(run, found)
    data = replace(
        data_of(run),
        video_features=str(found.features.resolve()),
        sub_features=str((library / "sub_features").resolve()),
    )
    return _add(folder, run, data, [_facts_of(one) for one in found.films], films, str(library.resolve()))


def add_split(folder: Path, run: RunFolder, split: str, films: Sequence[str] | None = None) -> Index:
    """Puts the films of a split of the run's own data into an index.  Raises as `add_library` does."""
    data = data_of(run)
    movies = read_split(data, split).movies
    data = replace(
        data,
        video_features=data.video_features.replace("{split}", split),
        sub_features=data.sub_features.replace("{split}", split),
    )
    facts = [FilmFacts(one.movie_id, one.duration, one.movie_id) for one in movies]
    return _add(folder, run, data, facts, films, "")


def _facts_of(film: Film) -> FilmFacts:
    """What an index keeps of a film; its origin is another when anything of its manifest is."""
    told = {name: getattr(film, name) for name in IndexedFilm.__struct_fields__ if hasattr(film, name)}
    return FilmFacts(**told, origin=hashlib.sha256(msgspec.json.encode(film)).hexdigest())


def tend_neighbours(index: Index, results_root: str, backend: str | None, anew: bool = False) -> None:
    """Makes, brings up to date or takes away what FAISS needs of an index.

    Args:
        index: as it is now.
        results_root: where its run is looked for.
        backend: "faiss" = there shall be neighbours, "exact" = there shall be none, None = as it is.
        anew: make them again, clusters and all.

    Raises:
        MissingExtra: FAISS is not installed.
        ConfigError: the model gives no vectors, or another process writes.
    """
    if backend == "exact":
        with index.writing():
            faiss_index.remove(index)
    elif backend == "faiss" or faiss_index.is_there(index):
        answerer, _ = load_answerer(run_of(index, results_root))
        with index.writing():
            faiss_index.update(index, answerer.matcher, anew)


def _run_of(told: Mapping[str, Any], there: Index | None, library: Path | None) -> RunFolder:
    """The run that is named, else that of the index, else one that needs no training."""
    if told.get("run"):
        return RunFolder.open(told["run"], told["results_root"])
    if there:
        run = run_of(there, told["results_root"])
        if told.get("zero_shot") and run.settings.system != UNTRAINED:
            raise ConfigError(
                f"{told['index']} was made with the trained run {run.path}; choose another folder for "
                "--zero_shot"
            )
        return run
    if told.get("zero_shot") and library:
        return zero_shot_run(told["index"], Library.open(library))
    raise ConfigError("give --run, whose model shall encode the films, or --zero_shot with a --library")


def _add(
    folder: Path,
    run: RunFolder,
    data: DataSettings,
    films: Sequence[FilmFacts],
    wanted: Sequence[str] | None,
    library: str,
) -> Index:
    films = _chosen(films, wanted)
    answerer, weights = load_answerer(run)
    kept = {name: value for name, value in asdict(data_of(run)).items() if name in CUT}
    inside = run.path.resolve().is_relative_to(folder.resolve())
    place = run.path.resolve().relative_to(folder.resolve()) if inside else run.path.resolve()
    windows = FilmWindows(data)
    _require_widths(run, windows)
    index = Index.create(folder, Model(run=str(place), weights=weights, data=kept, library=library))
    if wanted is None:  # the others are there already
        known = {film.film_id: film.origin for film in index.films if film.origin}
        films = [film for film in films if known.get(film.film_id) != film.origin]
    with index.writing():
        add_films(index, films, windows, answerer.matcher, CPU)
    return index


def _require_alike(run: RunFolder, library: Library) -> None:
    """Raises DataError for rows of another length, or of another image-text model than the sentences'."""
    length = data_of(run).clip_length
    if library.clip_length != length:
        raise DataError(
            f"{library.folder} has rows of {library.clip_length:g} s, {run.path} was trained on rows of "
            f"{length:g} s; extract with --clip_length {length:g}"
        )
    asked, seen = run.facts.get("text_encoder") or {}, library.facts.get("images", {})
    if asked.get("kind") == "sentences" and asked.get("sha256") != seen.get("weights"):
        raise DataError(
            f"{library.folder} was extracted with {seen.get('folder') or seen.get('kind')}, sentences are "
            f"encoded with {asked['folder']}; expected one image-text model, extract with that one"
        )


def _require_widths(run: RunFolder, windows: FilmWindows) -> None:
    """Raises DataError for rows of another width than the run's model was built for."""
    sizes = sizes_of(run, recipe_of(run.settings.system).stages[-1])
    data = windows.data
    for kind, path, trained in (
        ("video", data.video_features, sizes.frames),
        ("sub", data.sub_features, sizes.subtitles),
    ):
        found = windows.width(kind)
        if found != trained:
            raise DataError(
                f"{path} has rows of {found} values, {run.path} was trained on rows of {trained}; "
                "extract the films as those that it was trained on, or take a run that was trained on such"
            )


def _chosen(films: Iterable[FilmFacts], wanted: Sequence[str] | None) -> list[FilmFacts]:
    known = {film.film_id: film for film in films}
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise DataError(f"there is no film {unknown[0]!r} among the {len(known)} that are extracted")
    return [known[name] for name in wanted] if wanted else list(known.values())
