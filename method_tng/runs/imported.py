"""A published weights file becomes a run folder like any other."""

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from method_tng.contract.errors import CheckpointError
from method_tng.runs.checkpoint import fill, save_weights
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.runs.published import import_checkpoint
from method_tng.runs.systems import recipe_of

logger = logging.getLogger(__name__)


def import_run(path: Path, trust: bool, settings: RunSettings, facts: Mapping[str, Any]) -> RunFolder:
    """Makes a run folder of a published checkpoint.

    Args:
        path: the weights file.
        trust: read options that are pickled as an EasyDict.
        settings: where the data lie; the checkpoint's own options win where both speak.
        facts: of the command, for run.json.

    Raises:
        CheckpointError: the file cannot be read, has no options, or is not the model that they describe.
    """
    weights, options = import_checkpoint(path, trust)
    recipe = recipe_of(settings.system)
    if recipe.published is None:
        raise CheckpointError(f"{path}: system {settings.system!r} reads no published checkpoints")
    found = recipe.published(options)
    if found.unknown:
        logger.warning("%s: options without meaning here were left out: %s", path, ", ".join(found.unknown))
    data = dataclasses.replace(settings.data, **found.data)
    settings = dataclasses.replace(settings, data=data, model=found.settings)
    sizes = found.sizes
    stage = next((stage for stage in recipe.stages if stage.name == found.stage), recipe.stages[0])
    model = stage.build(settings.model, settings.of_stage(stage).data, sizes)
    needed = {name: value for name, value in weights.items() if not name.startswith(tuple(found.unread))}
    fill(model, needed, str(path))
    run = RunFolder.create(
        settings, {**facts, "imported_from": path.name, "sizes": {stage.name: dataclasses.asdict(sizes)}}
    )
    save_weights(run.path / f"{stage.name}.best.safetensors", model.state_dict())
    return run
