"""Which shot a sentence is about: the cosine of a sentence's vector and a shot's.

Source: Yue et al. 2023 (Movie101, ACL), section 5.1; Yang et al. 2022 (Chinese CLIP), section 2.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.cnclip_rnl.settings import CnclipRnlSettings
from baselines.cnclip_rnl.towers import FeatureTowers, PictureTowers
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import ParameterGroup, Sizes
from method_tng.contract.settings import DataSettings

LARGEST_SCALE = math.log(100.0)  # as in CLIP


class ShotRetriever(nn.Module):
    """Towers, the pooling of a shot's frames, and a learned scale of the cosines.

    Args:
        towers: give the vectors of frames and of sentences, and hold the scale.
        pool: see the option.
    """

    def __init__(self, towers: FeatureTowers | PictureTowers, pool: str) -> None:
        super().__init__()
        self.towers = towers
        self.pool = pool

    def encode_queries(self, queries: QueryBatch) -> Code:
        """A unit vector of each piece of each sentence; most have one."""
        pieces, mask = self.towers.read_sentences(queries)
        return {"pieces": F.normalize(pieces.float(), dim=-1), "mask": mask}

    def encode_windows(self, windows: WindowBatch) -> Code:
        """A unit vector of each shot."""
        frames, mask = self.towers.read_shots(windows)
        return {"shot": pool_frames(frames.float(), mask, self.pool)}

    def match(self, queries: Code, windows: Code) -> Tensor:
        """(Nq, Nw) scaled cosines, each of the piece that fits the shot best."""
        cosines = queries["pieces"] @ windows["shot"].T  # (Nq, P, Nw)
        return self.scale() * cosines.masked_fill(~queries["mask"][..., None], -torch.inf).amax(1)

    def scale(self) -> Tensor:
        """What cosines are multiplied by, a scalar of at most 100."""
        return self.towers.logit_scale.clamp(max=LARGEST_SCALE).exp()

    def query_vectors(self, queries: Code) -> dict[str, Tensor]:
        """(Nq, E): of a sentence in pieces, their mean."""
        total = queries["pieces"].masked_fill(~queries["mask"][..., None], 0).sum(1)
        return {"shot": total / queries["mask"].sum(1, keepdim=True)}

    def window_vectors(self, windows: Code) -> dict[str, tuple[Tensor, Tensor]]:
        """(M, 1, E) of unit length, and their (M, 1) norms."""
        shots = windows["shot"][:, None]
        return {"shot": (shots, torch.ones_like(shots[..., 0]))}


def pool_frames(frames: Tensor, mask: Tensor, pool: str) -> Tensor:
    """The unit vector of each shot: frames (M, F, E), mask (M, F) bool with a real one each -> (M, E)."""
    if pool == "mean_of_normalized":
        frames = F.normalize(frames, dim=-1)
    total = frames.masked_fill(~mask[..., None], 0).sum(1)  # (M, E)
    return F.normalize(total / mask.sum(1, keepdim=True), dim=-1)


def make_retriever(settings: CnclipRnlSettings, data: DataSettings, sizes: Sizes) -> ShotRetriever:
    """The retriever that the options ask for.  Raises ConfigError for pictures that it would not read."""
    if data.pictures and not settings.clip_model:
        raise ConfigError(
            f"pictures {data.pictures!r} have no effect without clip_model, the folder of the Chinese-CLIP "
            "model that reads them; give --clip_model, or leave --pictures out"
        )
    towers = PictureTowers(settings) if settings.clip_model else FeatureTowers(settings, sizes)
    return ShotRetriever(towers, settings.pool)


def decayed_apart(model: nn.Module) -> Sequence[ParameterGroup]:
    """All parameters; decay spares biases, gains of norms and the scale."""
    parameters = list(model.parameters())
    return [
        ParameterGroup([value for value in parameters if value.ndim > 1]),
        ParameterGroup([value for value in parameters if value.ndim <= 1], decay=False),
    ]
