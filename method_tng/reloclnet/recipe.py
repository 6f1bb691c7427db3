"""All that makes the main system a system: one model, what it minimises, how its answers are joined.

`scorer` chooses between the published network (`model`, `objective`, `losses`) and the one of the `movies`
preset (`span_model` and its neighbours).
"""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress, Recipe, Sizes, Stage
from method_tng.contract.settings import DataSettings
from method_tng.reloclnet.model import ReLoCLNet
from method_tng.reloclnet.objective import encode, loss_terms
from method_tng.reloclnet.published import read_published
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.reloclnet.span_losses import span_objectives
from method_tng.reloclnet.span_model import SpanReLoCLNet
from method_tng.reloclnet.span_start import span_start

# Case matters: the layernorms of the cross attention are spelt small and do decay, as published.
NOT_DECAYED = ("bias", "LayerNorm.weight")


def build(settings: ReLoCLNetSettings, data: DataSettings, sizes: Sizes) -> nn.Module:
    """The model that `scorer` names."""
    return (SpanReLoCLNet if settings.scorer == "spans" else ReLoCLNet)(settings, data, sizes)


def objectives(model: nn.Module, settings: ReLoCLNetSettings) -> Sequence[Objective]:
    """One objective over all parameters."""
    if isinstance(model, SpanReLoCLNet):
        return span_objectives(model, settings)
    assert isinstance(model, ReLoCLNet)

    def loss(batch: Batch, progress: Progress) -> dict[str, Tensor]:
        return loss_terms(model, encode(model, batch, progress.length_buckets), progress)

    return [Objective("reloclnet", parameter_groups(model), loss)]


def start(model: nn.Module, settings: ReLoCLNetSettings, batches: Iterable[Batch]) -> None:
    """The closed-form start of the spans scorer; the published network starts at random."""
    if isinstance(model, SpanReLoCLNet):
        span_start(model, settings, batches)


def parameter_groups(model: nn.Module) -> list[ParameterGroup]:
    """What decays and what does not: biases and the weights of the parts called LayerNorm do not."""
    named = [(name, value) for name, value in model.named_parameters()]
    kept = [value for name, value in named if any(part in name for part in NOT_DECAYED)]
    decayed = [value for name, value in named if not any(part in name for part in NOT_DECAYED)]
    return [ParameterGroup(decayed), ParameterGroup(kept, decay=False)]


RECIPE = Recipe(
    name="reloclnet",
    settings=ReLoCLNetSettings,
    stages=(Stage("find", build=build, objectives=objectives, start=start),),
    assemble=lambda models: (models["find"], models["find"]),
    fusion=lambda match, spans, settings: spans["span"].add_(match[..., None]),  # in place: tens of millions
    published=read_published,
    reported=lambda score, settings: score.exp() if settings.scorer == "clips" else score,
)
