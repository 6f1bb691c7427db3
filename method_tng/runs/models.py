"""The trained models of a run."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Recipe, Sizes, Stage
from method_tng.runs.checkpoint import fingerprint, load_weights
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder


def load_models(
    run: RunFolder, settings: RunSettings, recipe: Recipe, device: torch.device
) -> dict[str, nn.Module]:
    """The trained models of a run by stage, on a device, ready for use.

    A run whose later stages are not trained yet, or that was imported, may have fewer than all; it answers
    what can be answered with them.

    Raises:
        CheckpointError: no stage has weights, or they do not fit.
    """
    models = {}
    trained = [stage for stage in recipe.stages if run.has_weights(stage.name)]
    for stage in trained or recipe.stages[:1]:
        path = run.weights(stage.name)
        model = stage.build(settings.model, settings.of_stage(stage).data, sizes_of(run, stage))
        load_weights(model, path)
        models[stage.name] = model.to(device).eval()
    return models


def fingerprint_of(models: Mapping[str, nn.Module]) -> str:
    """What changes when any weight of any of the models does."""
    return "-".join(fingerprint(model.state_dict()) for model in models.values())


def made_with(models: Mapping[str, nn.Module], precision: str, own: Any) -> str:
    """What changes when weights, their arithmetic or the system's own options do: codes made otherwise are
    other codes."""
    return f"{fingerprint_of(models)} {precision} {own}"


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
