"""A run's answers to a split: computed, scored, and written into the run folder."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from method_tng.contract.errors import CheckpointError, DataError
from method_tng.contract.files import write_json
from method_tng.contract.recipe import Recipe, Sizes, Stage
from method_tng.dataset.collection import Collection
from method_tng.dataset.text import Vocabulary
from method_tng.retrieval.predictions import write_predictions, write_truth
from method_tng.retrieval.split import answer_split, store_of
from method_tng.runs.checkpoint import fingerprint, load_weights
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.systems import recipe_of
from method_tng.training.steps import arithmetic
from method_tng.training.validation import Metrics, chance_levels, score_split

logger = logging.getLogger(__name__)

WIDTHS = {
    "frames": "video_features",
    "subtitles": "sub_features",
    "words": "query_features",
    "sentence": "sentence_features",
}


@dataclass(frozen=True)
class Results:
    """What came out.

    Attributes:
        counts: queries, windows and films in words.
        metrics, chance: empty for a split without ground truth.
        written: the files.
    """

    counts: str
    metrics: Metrics
    chance: Metrics
    written: list[Path]


def answer_run(run: RunFolder, settings: RunSettings, split: str, device: torch.device) -> Results:
    """Answers a split with a trained run; writes `<split>_windows.*`, `<split>_films.*` and the metrics."""
    recipe = recipe_of(settings.system)
    models = load_models(run, settings, recipe, device)
    collection = open_split(run, settings, recipe.stages[-1], split)
    weights = "-".join(fingerprint(model.state_dict()) for model in models.values())
    store = store_of(run.path / "codes", collection, settings.data, f"{weights} {settings.train.precision}")
    with arithmetic(settings.train, device):
        tables = answer_split(recipe, models, (settings.model, settings.search), collection, device, store)
    stem = f"{split}_{settings.search.eval_id}" if settings.search.eval_id else split
    texts = {item.query_id: item.text for item in collection.split.narrations}
    written = write_predictions(tables, run.path, stem, texts)
    metrics: Metrics = {}
    chance: Metrics = {}
    if collection.known:
        _warn_of_unknown(collection)
        metrics, chance = score_split(tables, collection), chance_levels(collection)
        written += write_truth(collection, run.path, split)
        written.append(run.path / f"{stem}_metrics.json")
        write_json(written[-1], {"metrics": metrics, "chance": chance})
    films = len(collection.split.movies)
    counts = f"{len(collection.split.narrations)} queries, {len(collection.windows)} windows of {films} films"
    return Results(counts, metrics, chance, written)


def _warn_of_unknown(collection: Collection) -> None:
    total, known = len(collection.split.narrations), len(collection.known)
    if known < total:
        logger.warning(
            "%d of %d queries of %s have no moment: answered, and left out of the recalls",
            total - known,
            total,
            collection.split.name,
        )


def load_models(
    run: RunFolder, settings: RunSettings, recipe: Recipe, device: torch.device
) -> dict[str, nn.Module]:
    """The trained models of a run by stage, on a device, ready for use.

    Raises:
        CheckpointError: a stage has no weights, or they do not fit.
    """
    models = {}
    for stage in recipe.stages:
        path = run.weights(stage.name)
        model = stage.build(settings.model, replace(settings.data, **stage.data), sizes_of(run, stage))
        load_weights(model, path)
        models[stage.name] = model.to(device).eval()
    return models


def sizes_of(run: RunFolder, stage: Stage) -> Sizes:
    """The sizes that a stage of a run was built with.

    Raises:
        CheckpointError: it was not built yet.
    """
    stored = run.facts.get("sizes", {}).get(stage.name)
    if stored is None:
        raise CheckpointError(
            f"{run.path}/run.json does not say the sizes of stage {stage.name!r}; train it first"
        )
    return Sizes(**stored)


def open_split(run: RunFolder, settings: RunSettings, stage: Stage, split: str) -> Collection:
    """A split of the run's data with the run's own vocabulary.

    Raises:
        DataError: its features are no such as the run was trained on.
    """
    data = replace(settings.data, **stage.data)
    vocabulary = None
    if data.vocabulary:
        vocabulary = Vocabulary.from_json((run.path / "vocabulary.json").read_text(encoding="utf-8"))
    collection = Collection.open(data, split, vocabulary)
    require_alike(run, stage, collection)
    return collection


def require_alike(run: RunFolder, stage: Stage, collection: Collection) -> None:
    """Makes sure that features are such as a run was trained on.

    Raises:
        DataError: another width, or words in another encoder's space, which would be answered with nonsense.
    """
    stored, found = asdict(sizes_of(run, stage)), asdict(collection.sizes())
    data = collection.data
    for size, option in WIDTHS.items():
        if stored[size] != found[size]:
            raise DataError(
                f"{getattr(data, option) or 'no file'} gives rows of {found[size]} values, {run.path} was "
                f"trained on rows of {stored[size]}; give features that were made alike with --{option}"
            )
    described = json.loads(collection.query_attributes().get("text_encoder", "null"))
    trained = run.facts.get("text_encoder")
    if described and trained and _space(described) != _space(trained):
        raise DataError(
            f"{data.query_features} was encoded with {_told(described)}, the run's own queries with "
            f"{_told(trained)}; encode it with: python -m method_tng.prepare text --run {run.path} ..."
        )


def _space(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """What decides where a word lies; a file that has moved is the same file."""
    return {name: value for name, value in encoder.items() if name not in ("path", "folder", "max_words")}


def _told(encoder: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {str(value)[:12]}" for name, value in _space(encoder).items())
