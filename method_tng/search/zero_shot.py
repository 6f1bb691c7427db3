"""A run without training, for a library whose frames lie in a space where sentences live too."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Sizes
from method_tng.extraction.library import Library
from method_tng.runs.checkpoint import save_weights
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.option_files import read_preset
from method_tng.runs.systems import UNTRAINED, presets_of, recipe_of


def zero_shot_run(folder: Path, library: Library) -> RunFolder:
    """A run of the system that needs no training, inside an index' folder.

    Args:
        folder: of the index.
        library: whose films shall be searched.

    Raises:
        ConfigError: its encoder knows no sentences.
    """
    images: dict[str, Any] = library.facts.get("images", {})
    if "weights" not in images:
        raise ConfigError(
            f"{library.folder} was extracted with {images.get('kind')}, which knows no sentences; without "
            "training pictures and sentences must live in one space, so extract the films with an image-text "
            "model (extract.sh FILMS LIBRARY --encoder transformers --source MODEL_FOLDER), or train a run"
        )
    (preset,) = presets_of(UNTRAINED)
    told = {
        "dset_name": "library",
        "exp_id": "zero_shot",
        "clip_length": library.clip_length,
        "results_root": str(folder / "runs"),
    }
    settings = resolve([read_preset(preset, UNTRAINED), ("the library", told)], UNTRAINED)
    sizes = Sizes(frames=images["width"], words=images["width"], clips=settings.data.max_ctx_l, tokens=1)
    models = {
        stage.name: stage.build(settings.model, settings.of_stage(stage).data, sizes)
        for stage in recipe_of(UNTRAINED).stages
    }
    described = {"kind": "sentences", "folder": images["folder"], "sha256": images["weights"]}
    facts = {"sizes": {name: asdict(sizes) for name in models}, "text_encoder": described}
    run = RunFolder.create(settings, facts)
    for name, model in models.items():
        save_weights(run.path / f"{name}.best.safetensors", model.state_dict())
    return run
