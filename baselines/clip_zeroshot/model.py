"""Says where a sentence fits by the cosines of its vector with those of frames: nothing is learned.

The curve of a window's cosines is smoothed at several scales.  A window is as good as the best place of its
smoothed curves' mean; a moment stands around each peak of each smoothed curve, ends where that curve leaves
its peak, and is as good as the mean cosine of its own frames.

Letters: N queries, M windows, P pairs, T rows of a window (clips), K = scales * T proposals, D width.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.clip_zeroshot.settings import ClipZeroshotSettings
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings

AT_ONCE = 1 << 22  # pairs of rows that are compared together


class ClipZeroshot(nn.Module):
    """Cosines, smoothed; it has no parameters.

    Args:
        settings: scales and where a peak ends.
        data: streams of a window; there must be the video alone.
        sizes: width of the frames and of the sentence, which must be equal.

    Raises:
        ConfigError: sentences and frames do not lie in one space, or other streams are given.
    """

    def __init__(self, settings: ClipZeroshotSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        self.settings = settings
        asked = sizes.sentence or sizes.words
        if data.ctx_mode != "video":
            raise ConfigError(
                f"ctx_mode is {data.ctx_mode}, but this system compares sentences with frames alone; give "
                "--ctx_mode video"
            )
        if asked != sizes.frames:
            raise ConfigError(
                f"a sentence has {asked} numbers and a frame {sizes.frames}, but without training both must "
                "lie in one space; extract films with an image-text model (extract.sh --encoder "
                "transformers) and encode sentences with the same one (prepare text --encoder sentences)"
            )

    def encode_queries(self, queries: QueryBatch) -> Code:
        """The sentence's own vector; where none is given the mean of its words."""
        words = queries.words * queries.mask[:, :, None]  # (N, L, D)
        mean = words.sum(1) / queries.mask.sum(1, keepdim=True).clamp(min=1)
        return {"sentence": F.normalize(mean if queries.sentence is None else queries.sentence, dim=-1)}

    def encode_windows(self, windows: WindowBatch) -> Code:
        """Frames of unit length, and the window's clock."""
        assert windows.frames is not None
        return {
            "frames": F.normalize(windows.frames, dim=-1),  # (M, T, D)
            "mask": windows.mask,
            "clip_seconds": windows.clip_seconds,
            "duration": windows.seconds[:, 1] - windows.seconds[:, 0],
        }

    def match(self, queries: Code, windows: Code) -> Tensor:
        """(N, M) the best place of the mean of all smoothed curves."""
        curve = torch.einsum("nd,mtd->nmt", queries["sentence"], windows["frames"])  # (N, M, T)
        mean = torch.zeros_like(curve)
        for smooth in self.smoothed(curve, windows["mask"], windows["clip_seconds"]):
            mean += smooth / len(self.settings.scales)
        best = mean.masked_fill(~windows["mask"], -torch.inf).amax(dim=2)
        return best / self.settings.temperature

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """A moment around every peak of every smoothed curve; pairs (P, 2)."""
        step = max(1, AT_ONCE // windows["mask"].shape[1] ** 2)
        found = [self._moments(queries, windows, part) for part in pairs.split(step)]
        times, scores = (torch.cat(parts) for parts in zip(*found, strict=True))
        return Spans(times, {"moment": scores / self.settings.temperature})

    def query_vectors(self, queries: Code) -> dict[str, Tensor]:
        """The sentence, (N, D)."""
        return {"video": queries["sentence"]}

    def window_vectors(self, windows: Code) -> dict[str, tuple[Tensor, Tensor]]:
        """The frames (M, T, D), of length 1."""
        return {"video": (windows["frames"], windows["mask"].to(windows["frames"].dtype))}

    def smoothed(self, curve: Tensor, mask: Tensor, clip_seconds: Tensor) -> Iterator[Tensor]:
        """For each scale the means of the rows around each row that the window has, (..., M, T).

        Args:
            curve: (..., M, T).
            mask: (M, T), True at the first rows.
            clip_seconds: (M,) of a row.
        """
        sums = F.pad((curve * mask).cumsum(dim=-1), (1, 0))  # (..., M, T + 1)
        length, place = mask.sum(1, keepdim=True), torch.arange(mask.shape[1], device=mask.device)
        for seconds in self.settings.scales:
            rows = (seconds / clip_seconds).round().clamp(min=1).long()[:, None]  # (M, 1)
            first = (place - (rows - 1) // 2).clamp(min=0).minimum(length)  # (M, T)
            behind = (place + rows // 2 + 1).minimum(length)
            ends = (sums.gather(-1, edge.expand_as(curve)) for edge in (behind, first))
            yield (next(ends) - next(ends)) / (behind - first).clamp(min=1)

    def _moments(self, queries: Code, windows: Code, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Times (P, K, 2) in seconds of the window, and mean cosines (P, K), -inf where there is no peak."""
        query, window = pairs.unbind(1)
        mask, clip_seconds = windows["mask"][window], windows["clip_seconds"][window]  # (P, T), (P,)
        curve = torch.einsum("pd,ptd->pt", queries["sentence"][query], windows["frames"][window]) * mask
        base = curve.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)  # (P, 1)
        sums = F.pad(curve.cumsum(dim=1), (1, 0))  # (P, T + 1)
        times, scores = [], []
        for smooth in self.smoothed(curve, mask, clip_seconds):
            level = base + self.settings.peak_share * (smooth - base)
            first, behind = extents(smooth, level, mask)
            mean = (sums.gather(1, behind) - sums.gather(1, first)) / (behind - first).clamp(min=1)
            scores.append(mean.masked_fill(~peaks(smooth, mask), -torch.inf))
            times.append(torch.stack([first, behind], dim=2) * clip_seconds[:, None, None].double())
        duration = windows["duration"][window, None, None].double()
        return torch.cat(times, dim=1).minimum(duration), torch.cat(scores, dim=1)


def peaks(curve: Tensor, mask: Tensor) -> Tensor:
    """(P, T) bool, rows no lower than the one before and higher than the next; curve, mask (P, T)."""
    edged = F.pad(curve.masked_fill(~mask, -torch.inf), (1, 1), value=-torch.inf)
    return (edged[:, 1:-1] >= edged[:, :-2]) & (edged[:, 1:-1] > edged[:, 2:]) & mask


def extents(curve: Tensor, level: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How far a curve stays above each row's level around that row.

    Args:
        curve: (P, T).
        level: (P, T), no higher than the curve.
        mask: (P, T), True at rows that exist.

    Returns:
        The first row and the row behind the last, (P, T) int64 each.
    """
    place = torch.arange(curve.shape[1], device=curve.device)
    below = (curve[:, None] < level[:, :, None]) | ~mask[:, None]  # (P, T, T): of row t, at row u
    before, behind = below & (place < place[:, None]), below & (place > place[:, None])
    first = torch.where(before, place + 1, 0).amax(dim=2)
    return first, torch.where(behind, place, curve.shape[1]).amin(dim=2)
