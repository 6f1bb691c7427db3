"""Where weights come from before the first step: another run of the same system, to fine-tune it."""

import logging

from torch import nn

from method_tng.contract.errors import CheckpointError
from method_tng.contract.recipe import Stage
from method_tng.dataset.collection import Collection
from method_tng.dataset.text import Vocabulary
from method_tng.runs.checkpoint import load_weights
from method_tng.runs.config import RunSettings
from method_tng.runs.folder import RunFolder
from method_tng.training.trained import require_alike

logger = logging.getLogger(__name__)


def earlier_run(settings: RunSettings) -> RunFolder:
    """The run that `init_from` names.

    Raises:
        CheckpointError: there is no such run, or it is another system's.
    """
    earlier = RunFolder.open(settings.train.init_from, settings.train.results_root)
    if earlier.settings.system != settings.system:
        raise CheckpointError(
            f"{earlier.path} is a run of system {earlier.settings.system!r}, this one is of "
            f"{settings.system!r}; expected one system, give another run with --init_from"
        )
    return earlier


def known_words(run: RunFolder) -> Vocabulary | None:
    """The vocabulary that a run has already, or the one of the run it starts from; None = there is none yet.

    A model that starts from another run knows words by the ids that they had there.
    """
    path = run.path / "vocabulary.json"
    if not path.is_file() and run.settings.train.init_from:
        path = earlier_run(run.settings).path / "vocabulary.json"
    return Vocabulary.read(path) if path.is_file() else None


def start_from(earlier: RunFolder, stage: Stage, model: nn.Module, training: Collection) -> None:
    """Fills a stage's model with the weights that the same stage of another run ended with.

    Args:
        earlier: the other run.
        stage: whose model it is.
        model: to be filled.
        training: the split that the new run learns from.

    Raises:
        CheckpointError: the run has no such stage or weights, or its options made another model.
        DataError: its features have other widths, or its words another encoder.
    """
    path = earlier.weights(stage.name)
    require_alike(earlier, stage, training)
    load_weights(model, path)
    logger.info("%s starts from %s", stage.name, path)
