"""All that makes RGNet a system: one model, what it minimises, how its answers are joined."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from baselines.rgnet.model import RGNet
from baselines.rgnet.objective import loss_terms
from baselines.rgnet.published import read_published
from baselines.rgnet.settings import RGNetSettings
from method_tng.contract.batch import Batch
from method_tng.contract.errors import ConfigError
from method_tng.contract.recipe import Objective, ParameterGroup, Progress, Recipe, Stage

ADAPTER_RATE = 0.1  # of the learning rate


def objectives(model: nn.Module, settings: RGNetSettings) -> Sequence[Objective]:
    """One objective over all parameters; the adapter learns slower."""
    assert isinstance(model, RGNet)

    def loss(batch: Batch, progress: Progress) -> dict[str, Tensor]:
        return loss_terms(model, batch, progress)

    named = list(model.named_parameters())
    adapter = [value for name, value in named if name.startswith("adapter_layer")]
    rest = [value for name, value in named if not name.startswith("adapter_layer")]
    groups = [ParameterGroup(rest)] + [ParameterGroup(adapter, lr_scale=ADAPTER_RATE)] * bool(adapter)
    return [Objective("rgnet", groups, loss)]


def fuse(match: Tensor, scores: Mapping[str, Tensor], settings: RGNetSettings) -> Tensor:
    """Joint score of all proposals of a query: (B, W) window logits, (B, W, K) each -> (B, W, K).

    Source: Hou et al. 2023 (CONE, ACL), section 3.4.
    """
    window = scores.get("window", match[..., None]).sigmoid()  # (B, W, 1 or K)
    opened = (match > -torch.inf)[..., None] & (scores["proposal"] > -torch.inf)  # (B, W, K)
    parts = {"proposal": scores["proposal"].exp() * window}
    if "matching" in scores:
        parts["matching"] = scores["matching"] * (window if settings.matching_by_window else 1)
    if settings.rank_by == "fusion":
        joint = torch.stack([between_0_and_1(part, opened) for part in parts.values()]).sum(0)
    elif settings.rank_by in parts:
        joint = parts[settings.rank_by]
    else:
        raise ConfigError("rank_by matching needs sentences in the frames' space; give --sentence_features")
    return joint.masked_fill(~opened, -torch.inf)


def between_0_and_1(scores: Tensor, real: Tensor) -> Tensor:
    """Scores (B, W, K) scaled so that each query's real ones reach from 0 to 1; equal ones stay."""
    low = scores.masked_fill(~real, torch.inf).amin((1, 2), keepdim=True)
    high = scores.masked_fill(~real, -torch.inf).amax((1, 2), keepdim=True)
    return torch.where(high > low, (scores - low) / (high - low), scores)


RECIPE = Recipe(
    name="rgnet",
    settings=RGNetSettings,
    stages=(Stage("find", build=RGNet, objectives=objectives, reads=("sentence_features",)),),
    assemble=lambda models: (models["find"], models["find"]),
    fusion=fuse,
    published=read_published,
    reported=lambda score, _settings: score,
)
