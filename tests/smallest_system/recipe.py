"""All that makes the model a system: two objectives that learn in turn, and no matcher."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress, Recipe, Stage
from tests.smallest_system.model import SmallestLocalizer
from tests.smallest_system.settings import SmallestSettings


def misfits(model: SmallestLocalizer, batch: Batch) -> tuple[Tensor, Tensor]:
    """(N,) each: of the guessed span and of the whole of each query's own window."""
    pairs = torch.stack([torch.arange(len(batch.positive)), batch.positive], dim=1)
    return model(model.encode_queries(batch.queries), model.encode_windows(batch.windows), pairs)[1:]


def objectives(model: nn.Module, settings: SmallestSettings) -> Sequence[Objective]:
    """First the sentence is rebuilt better, then the span is guessed better."""
    assert isinstance(model, SmallestLocalizer)
    guess = list(model.guess.parameters())
    rest = [value for name, value in model.named_parameters() if not name.startswith("guess.")]

    def rebuild(batch: Batch, _progress: Progress) -> dict[str, Tensor]:
        return {"loss_rebuild": torch.stack(misfits(model, batch)).mean()}

    def contrast(batch: Batch, _progress: Progress) -> dict[str, Tensor]:
        inside, whole = misfits(model, batch)
        return {"loss_contrast": (inside - whole + settings.margin).clamp(min=0).mean()}

    return [
        Objective("rebuild", [ParameterGroup(rest)], rebuild),
        Objective("contrast", [ParameterGroup(guess)], contrast),
    ]


RECIPE = Recipe(
    name="smallest",
    settings=SmallestSettings,
    stages=(Stage("ground", build=SmallestLocalizer, objectives=objectives),),
    assemble=lambda models: (None, models["ground"]),
    fusion=lambda match, scores, _settings: scores["told"] + match[..., None],
)
