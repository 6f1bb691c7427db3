"""A trained run in use: splits that are read as it was taught to read."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from method_tng.contract.errors import DataError
from method_tng.contract.recipe import Stage
from method_tng.dataset.collection import Collection
from method_tng.dataset.text import Vocabulary
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.models import sizes_of

WIDTHS = {
    "frames": "video_features",
    "subtitles": "sub_features",
    "words": "query_features",
    "sentence": "sentence_features",
}


def open_split(run: RunFolder, settings: RunSettings, stage: Stage, split: str) -> Collection:
    """A split of the run's data with the run's own vocabulary.

    Raises:
        DataError: its features are no such as the run was trained on.
    """
    data = settings.of_stage(stage).data
    vocabulary = None
    if data.vocabulary:
        vocabulary = Vocabulary.read(run.path / "vocabulary.json")
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
    trained = run.facts.get("text_encoders", {}).get(stage.name) or run.facts.get("text_encoder")
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
