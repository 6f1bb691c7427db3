"""What makes the untrained search a system: nothing is minimised, a moment's own mean cosine counts most."""

from collections.abc import Mapping

from torch import Tensor

from baselines.clip_zeroshot.model import ClipZeroshot
from baselines.clip_zeroshot.settings import ClipZeroshotSettings
from method_tng.contract.recipe import Recipe, Stage


def fuse(match: Tensor, scores: Mapping[str, Tensor], _settings: ClipZeroshotSettings) -> Tensor:
    """The mean of the window's cosine and the moment's: (B, W), (B, W, K) -> (B, W, K)."""
    return 0.5 * (scores["moment"] + match[..., None])


RECIPE = Recipe(
    name="clip_zeroshot",
    settings=ClipZeroshotSettings,
    stages=(
        Stage(
            "find",
            build=ClipZeroshot,
            objectives=lambda _model, _settings: (),
            reads=("sentence_features",),
        ),
    ),
    assemble=lambda models: (models["find"], models["find"]),
    fusion=fuse,
    reported=lambda score, settings: score * settings.temperature,
)
