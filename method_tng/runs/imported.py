"""A published weights file becomes a run folder like any other."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Sizes
from method_tng.runs.checkpoint import fill, save_weights
from method_tng.runs.config import RunSettings, resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.published import import_checkpoint
from method_tng.runs.systems import recipe_of

SIZES = {"visual_input_size": "frames", "sub_input_size": "subtitles", "query_input_size": "words"}


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
    missing = [name for name in SIZES if name not in options]
    if missing:
        raise CheckpointError(
            f"{path} does not say {', '.join(missing)}; expected the published options beside the weights"
        )
    known = settings.flat()
    told = {name: value for name, value in options.items() if name in known and name != "system"}
    settings = resolve([("settings", known), (str(path), _typed(told, known))])
    recipe = recipe_of(settings.system)
    widths: dict[str, Any] = {ours: int(options[theirs]) for theirs, ours in SIZES.items()}
    sizes = dataclasses.replace(
        Sizes(), **widths, clips=settings.data.max_ctx_l, tokens=settings.data.max_desc_l
    )
    stage = recipe.stages[0]
    model = stage.build(settings.model, settings.data, sizes)
    fill(model, weights, str(path))
    run = RunFolder.create(
        settings, {**facts, "imported_from": path.name, "sizes": {stage.name: dataclasses.asdict(sizes)}}
    )
    save_weights(run.path / f"{stage.name}.best.safetensors", model.state_dict())
    return run


def _typed(told: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Options as our types: published files write 1 for 1.0 now and then, and the other way round."""
    return {
        name: type(known[name])(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
        for name, value in told.items()
    }
