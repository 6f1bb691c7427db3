"""An index and the run it was made with: films in, and a searcher out."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import read_split
from method_tng.dataset.text import Vocabulary
from method_tng.encoders.text import text_encoder_of
from method_tng.extraction.library import Library
from method_tng.retrieval.pipeline import Answerer
from method_tng.runs.checkpoint import fingerprint
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import load_models
from method_tng.runs.systems import recipe_of
from method_tng.search.asking import Asker
from method_tng.search.encoding import FilmFacts, FilmWindows, add_films
from method_tng.search.index import Index, Model
from method_tng.search.searcher import Searcher

CPU = torch.device("cpu")
CUT = (  # data settings by which a film becomes windows
    "ctx_mode",
    "clip_length",
    "window_seconds",
    "window_stride",
    "max_ctx_l",
    "no_norm_vfeat",
    "no_norm_tfeat",
)


def add_library(folder: Path, run: RunFolder, library: Path, films: Sequence[str] | None = None) -> Index:
    """Puts the films of a library into an index, which is made if there is none.

    Args:
        films: ids of the only ones that are added; None = all.

    Raises:
        DataError: no library, an unknown film, or features of another width than the run was trained on.
        ConfigError: the index was made with another model.
    """
    found = Library.open(library)
    data = replace(
        run.settings.data,
        video_features=str(found.features.resolve()),
        sub_features=str((library / "sub_features").resolve()),
    )
    if found.clip_length != data.clip_length:
        raise DataError(
            f"{library} has rows of {found.clip_length:g} s, {run.path} was trained on rows of "
            f"{data.clip_length:g} s; extract with --clip_length {data.clip_length:g}"
        )
    facts = [
        FilmFacts(one.film_id, one.duration, one.title, one.folder, one.source, one.playable)
        for one in found.films
    ]
    return _add(folder, run, data, _chosen(facts, films), str(library.resolve()))


def add_split(folder: Path, run: RunFolder, split: str, films: Sequence[str] | None = None) -> Index:
    """Puts the films of a split of the run's own data into an index.  Raises as `add_library` does."""
    data = run.settings.data
    movies = read_split(data, split).movies
    data = replace(
        data,
        video_features=data.video_features.replace("{split}", split),
        sub_features=data.sub_features.replace("{split}", split),
    )
    facts = [FilmFacts(one.movie_id, one.duration, one.movie_id) for one in movies]
    return _add(folder, run, data, _chosen(facts, films), "")


def open_searcher(folder: Path, results_root: str = "method_tng/results") -> Searcher:
    """A searcher over an index, with the run it was made with.

    Raises:
        DataError: no index, or a damaged one.
        ConfigError, CheckpointError: its run is gone or holds another model now.
    """
    index = Index.open(folder)
    run = RunFolder.open(index.manifest.model.run, results_root)
    settings = run.settings
    matcher, localizer, weights = _model(run, settings)
    if weights != index.manifest.model.weights:
        raise ConfigError(
            f"{run.path} holds the model {weights}, {folder} was made with {index.manifest.model.weights}; "
            "build the index again with this run"
        )
    recipe = recipe_of(settings.system)
    answerer = Answerer(matcher, localizer, recipe.fusion, recipe.reported, settings.model, settings.search)
    described = run.facts.get("text_encoder")
    vocabulary = None
    if settings.data.vocabulary:
        vocabulary = Vocabulary.from_json((run.path / "vocabulary.json").read_text(encoding="utf-8"))
    words = text_encoder_of(described) if described else None
    return Searcher(index, answerer, Asker(words, vocabulary, settings.data))


def _add(folder: Path, run: RunFolder, data: DataSettings, films: Sequence[FilmFacts], library: str) -> Index:
    matcher, _, weights = _model(run, run.settings)
    kept = {name: value for name, value in asdict(run.settings.data).items() if name in CUT}
    model = Model(run=str(run.path.resolve()), weights=weights, data=kept, library=library)
    index = Index.create(folder, model)
    windows = FilmWindows(data)
    with index.writing():
        add_films(index, films, windows, matcher, CPU)
    return index


def _model(run: RunFolder, settings: RunSettings) -> tuple:
    recipe = recipe_of(settings.system)
    models = load_models(run, settings, recipe, CPU)
    matcher, localizer = recipe.assemble(models)
    if matcher is None:
        raise ConfigError(f"{run.path} cannot find windows by itself; index a run of a system that can")
    weights = "-".join(fingerprint(model.state_dict()) for model in models.values())
    return matcher, localizer, weights


def _chosen(films: Iterable[FilmFacts], wanted: Sequence[str] | None) -> list[FilmFacts]:
    known = {film.film_id: film for film in films}
    unknown = [name for name in wanted or () if name not in known]
    if unknown:
        raise DataError(f"there is no film {unknown[0]!r} among the {len(known)} that are extracted")
    return [known[name] for name in wanted] if wanted else list(known.values())
