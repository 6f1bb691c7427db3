"""A run's answers to a split: computed, scored, and written into the run folder."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from method_tng.contract.errors import ConfigError
from method_tng.contract.files import write_json
from method_tng.dataset.collection import Collection
from method_tng.retrieval.predictions import write_predictions, write_submission, write_truth
from method_tng.retrieval.split import answer_split, store_of
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import load_models, made_with
from method_tng.runs.systems import recipe_of
from method_tng.training.matcher_run import preselection_of
from method_tng.training.steps import arithmetic
from method_tng.training.trained import open_split
from method_tng.training.validation import Metrics, chance_levels, score_split

logger = logging.getLogger(__name__)


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
    if settings.search.submission and "TNG" not in settings.search.tasks:
        raise ConfigError(
            f"a submission to {settings.search.submission} holds the moments of each query's own film; add "
            "TNG to --tasks, or leave out --submission"
        )
    recipe = recipe_of(settings.system)
    models = load_models(run, settings, recipe, device)
    stage = [stage for stage in recipe.stages if stage.name in models][-1]
    collection = open_split(run, settings, stage, split)
    own, search = settings.model, settings.search
    made = made_with(models, settings.train.precision, own)
    store = store_of(run.path / "codes", collection, made)
    with arithmetic(settings.train, device):
        chosen = preselection_of(run, settings, recipe, models, collection, device)
        tables = answer_split(recipe, models, own, search, collection, device, store, chosen)
    stem = f"{split}_{settings.search.eval_id}" if settings.search.eval_id else split
    texts = {item.query_id: item.text for item in collection.split.narrations}
    written = write_predictions(tables, run.path, stem, texts)
    if settings.search.submission:
        written += write_submission(tables, collection, run.path, stem, settings.search.submission)
    metrics: Metrics = {}
    chance: Metrics = {}
    if collection.known:
        _warn_of_unknown(collection)
        metrics, chance = score_split(tables, collection), chance_levels(collection)
        written += write_truth(collection, run.path, split)
        written.append(run.path / f"{stem}_metrics.json")
        write_json(written[-1], {"metrics": metrics, "chance": chance})
    found = {"windows": len(collection.windows), "films": len(collection.split.movies)}
    windows, films = (f"{count} {name if count != 1 else name[:-1]}" for name, count in found.items())
    counts = f"{len(collection.split.narrations)} queries, {windows} of {films}"
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
