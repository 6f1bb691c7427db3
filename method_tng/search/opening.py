"""An index and the run it was made with become a searcher."""

import logging
from pathlib import Path
from typing import Any

import torch

from method_tng.contract.errors import ConfigError, TngError
from method_tng.contract.settings import RESULTS, DataSettings
from method_tng.dataset.text import Vocabulary
from method_tng.encoders.text import text_encoder_of
from method_tng.retrieval.pipeline import Answerer
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import fingerprint_of, load_models
from method_tng.runs.systems import recipe_of
from method_tng.search import faiss_index
from method_tng.search.asking import Asker
from method_tng.search.index import Index
from method_tng.search.searcher import Searcher

logger = logging.getLogger(__name__)

CPU = torch.device("cpu")


def open_searcher(folder: Path, results_root: str = RESULTS, backend: str = "auto") -> Searcher:
    """A searcher over an index, with the run it was made with.

    Args:
        folder: of the index.
        results_root: where its run is looked for.
        backend: "exact" scores every window; "faiss" what FAISS finds; "auto" takes FAISS where the index has
            its neighbours, and says so when these cannot be used.

    Raises:
        DataError: no index, or a damaged one.
        ConfigError, CheckpointError: its run or library is gone, or it holds another model now.
        MissingExtra: FAISS is asked for and not installed.
    """
    index = Index.open(folder)
    run = run_of(index, results_root)
    answerer, weights = load_answerer(run)
    if weights != index.manifest.model.weights:
        raise ConfigError(
            f"{run.path} holds the model {weights}, {folder} was made with {index.manifest.model.weights}; "
            "build the index again with this run"
        )
    library = index.manifest.model.library
    if library and not Path(library).is_dir():
        raise ConfigError(
            f"the library {library} of {folder} is not there; tell where it is now with: "
            f"index.sh add {folder} --library LIBRARY"
        )
    searcher = Searcher(index, answerer, _asker(run))
    if backend == "faiss" and not faiss_index.is_there(index):
        raise ConfigError(
            f"{folder} has no neighbours for FAISS; make them with: index.sh compact {folder} --backend faiss"
        )
    if backend != "exact" and faiss_index.is_there(index):
        searcher.finder = _neighbours(searcher, backend) or searcher.finder
    return searcher


def place_of(index: Index) -> str:
    """Where the run of an index lies; a run inside the index moves with it."""
    run = index.manifest.model.run
    return run if Path(run).is_absolute() else str(index.folder / run)


def run_of(index: Index, results_root: str) -> RunFolder:
    """The run of an index.  Raises ConfigError when it lies elsewhere now."""
    place = place_of(index)
    if not Path(place).is_dir():
        raise ConfigError(
            f"{index.folder} was made with the run {place}, which is not there; if it was moved, tell where "
            f"it is: index.sh add {index.folder} --run RUN"
        )
    return RunFolder.open(place, results_root)


def data_of(run: RunFolder) -> DataSettings:
    """The data settings by which a run's model reads films."""
    return run.settings.of_stage(recipe_of(run.settings.system).stages[-1]).data


def load_answerer(run: RunFolder) -> tuple[Answerer, str]:
    """A run's model with the way its scores are joined, and its fingerprint.

    Raises:
        ConfigError: the run does not both find and localize with one model.
    """
    settings, recipe = run.settings, recipe_of(run.settings.system)
    models = load_models(run, settings, recipe, CPU)
    matcher, localizer = recipe.assemble(models)
    if matcher is None or matcher is not localizer or settings.search.matcher:
        raise ConfigError(
            f"{run.path} ({settings.system}) does not find and localize with one model; an index holds the "
            "windows of one, so index a run of a system that does both, or answer a split with inference.sh"
        )
    answerer = Answerer(matcher, localizer, recipe.fusion, recipe.reported, settings.model, settings.search)
    return answerer, fingerprint_of(models)


def _asker(run: RunFolder) -> Asker:
    data, described = data_of(run), run.facts.get("text_encoder")
    vocabulary = None
    if data.vocabulary:
        vocabulary = Vocabulary.read(run.path / "vocabulary.json")
    made_here = described and not data.sentence_features  # of those nobody says how they were made
    return Asker(text_encoder_of(described) if made_here else None, vocabulary, data)


def _neighbours(searcher: Searcher, backend: str) -> Any:
    try:
        return faiss_index.open_neighbours(searcher.index, searcher.windows, searcher.model)
    except TngError as error:  # not installed, damaged, or being written at the moment
        if backend == "faiss":
            raise
        logger.warning("every window is scored, since %s", error)
        return None
