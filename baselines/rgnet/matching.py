"""How well the frames of a moment fit the sentence, in the space that both share.

Source: Hou et al. 2023 (CONE, ACL), section 3.3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

BEST_FRAMES = 3


def frame_cosines(frames: Tensor, sentences: Tensor) -> Tensor:
    """Cosine of every frame with its sentence: frames (P, T, D), sentences (P, D) -> (P, T).

    A frame of zeros has none (nan), as padding has.
    """
    unit = frames / frames.norm(dim=-1, keepdim=True)  # (P, T, D)
    return torch.einsum("ptd,pd->pt", unit, F.normalize(sentences, dim=-1))


def best_frames(frames: Tensor, mask: Tensor, sentences: Tensor) -> Tensor:
    """(N, M) cosine of each sentence with the frame of each window that fits it best.

    Args:
        frames: (M, T, D).
        mask: (M, T) bool.
        sentences: (N, D).
    """
    unit = F.normalize(frames, dim=-1).masked_fill(~mask[..., None], 0)  # (M, T, D)
    cosines = torch.einsum("nd,mtd->nmt", F.normalize(sentences, dim=-1), unit)
    return cosines.masked_fill(~mask, -torch.inf).amax(-1)


def moment_frames(borders: Tensor, length: Tensor, num_frames: int) -> Tensor:
    """Which frames a moment touches.

    Args:
        borders: (P, K, 2) start and end in frames of the window.
        length: (P,) frames behind which nothing counts.
        num_frames: T.

    Returns:
        (P, K, T) bool.
    """
    first = borders[..., :1].floor().clamp(min=0)  # (P, K, 1)
    behind = torch.minimum(borders[..., 1:].ceil(), length[:, None, None])
    frames = torch.arange(num_frames, device=borders.device)
    return (frames >= first) & (frames < behind)


def matching_scores(cosines: Tensor, inside: Tensor) -> Tensor:
    """Sum of the best three cosines of a moment: cosines (P, T), inside (P, K, T) -> (P, K); 0 for none."""
    values = cosines[:, None].masked_fill(~inside, -torch.inf)  # (P, K, T)
    best = values.topk(min(BEST_FRAMES, values.shape[-1]), dim=-1).values
    return best.masked_fill(best == -torch.inf, 0).sum(-1)
