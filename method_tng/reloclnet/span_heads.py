"""Heads of the `movies` preset: what turns span sums into the score of a window and of a span.

Letters as in `span_scores`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from method_tng.reloclnet.span_pool import SpanPool
from method_tng.reloclnet.span_scores import prefix_sums, span_sums, sums_of_length

WINDOW_LENGTHS = (1, 2, 3, 4, 6, 8, 11, 15)  # clips of the spans that speak for a window
OUTSIDE = -1e4  # score of a span that is not inside its window
CHANNELS = 16
FEW = 1 << 15  # prefix sums up to which the spans of all lengths are made at once


class Damping(nn.Module):
    """The span cosine's denominators: long enough that a span of near silence never scores high."""

    roots: Tensor

    def __init__(self, streams: int, longest: int) -> None:
        super().__init__()
        self.eps = nn.Parameter(torch.ones(streams))
        self.register_buffer("roots", torch.arange(1, longest + 1).sqrt(), persistent=False)

    def forward(self, norms: Tensor) -> Tensor:
        """norms (M, T, R, S) -> the same plus |eps| sqrt(n)."""
        return norms + self.eps.abs() * self.roots[:, None]


class ClipConvolution(nn.Module):
    """Two convolutions along the clips, zero at their start; what is beyond a window's end stays zero."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, CHANNELS, 9, padding=4)
        self.second = nn.Conv1d(CHANNELS, out, 5, padding=2, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, clips: Tensor, mask: Tensor) -> Tensor:
        """clips (P, channels, T), mask (P, T) -> (P, out, T)."""
        real = mask[:, None]  # (P, 1, T)
        hidden = F.gelu(self.first(clips * real)) * real  # (P, 16, T)
        return self.second(hidden) * real


class WindowHead(nn.Module):
    """A window is as good as its spans: log-sum-exp of their cosines, with a prior of each clip."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.lengths = tuple(length for length in WINDOW_LENGTHS if length <= longest)
        self.log_scale = nn.Parameter(torch.tensor(math.log(25.0)))
        self.length_bias = nn.Parameter(torch.zeros(len(self.lengths)))
        self.register_buffer("ends", torch.tensor(self.lengths), persistent=False)

    def terms(self, norms: Tensor, prior: Tensor, inside: Tensor) -> dict[str, Tensor]:
        """What no query changes, of the spans of the J lengths that speak for a window.

        Args:
            norms: (M, T, R, S) damped.
            prior: (M, T) of the clips.
            inside: (M, T, R) whether a span lies in its window.

        Returns:
            slopes (M, J, S, T), the factor of each span's sum; offsets (M, J, T), what is added to its score;
            inside (M, J, T).
        """
        chosen = [length - 1 for length in self.lengths]
        sums = prefix_sums(prior, self.longest)
        means = [sums_of_length(sums, length, self.longest) / length for length in self.lengths]
        return {
            "slopes": (self.log_scale.exp() / norms[:, :, chosen]).permute(0, 2, 3, 1),
            "offsets": torch.stack(means, dim=1) + self.length_bias[:, None],
            "inside": inside[:, :, chosen].transpose(1, 2),
        }

    def forward(self, curve: Tensor, slopes: Tensor, offsets: Tensor, inside: Tensor) -> Tensor:
        """curve (S, N, M, T) and the windows' terms -> (N, M)."""
        sums = prefix_sums(curve, self.longest)  # (S, N, M, T + R)
        offsets = torch.where(inside, offsets, OUTSIDE)
        if not torch.is_grad_enabled() and sums.numel() <= FEW:
            return self._of_few(sums, slopes, offsets)
        slopes = slopes.permute(1, 2, 0, 3).contiguous()  # (J, S, M, T)
        return SpanPool.apply(sums, slopes, offsets.transpose(0, 1), self.lengths, self.longest)

    def _of_few(self, sums: Tensor, slopes: Tensor, offsets: Tensor) -> Tensor:
        """The same for few queries and windows, all lengths at once: twice as fast for one query."""
        num_clips = offsets.shape[2]
        ends = sums.unfold(3, num_clips, 1).index_select(3, self.ends)  # (S, N, M, J, T)
        spans, scores = ends.sub_(sums[..., None, :num_clips]), offsets
        for stream, slope in zip(spans, slopes.unbind(2), strict=True):
            scores = torch.addcmul(scores, stream, slope)  # (N, M, J, T)
        return scores.flatten(2).logsumexp(dim=2)


class SpanHead(nn.Module):
    """The score of a span: its cosine, how far its clips rise above a threshold, its edges, its length."""

    def __init__(self, streams: int, longest: int) -> None:
        super().__init__()
        self.longest = longest
        self.log_scale = nn.Parameter(torch.tensor(math.log(25.0)))
        self.log_clip_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.threshold = nn.Parameter(torch.tensor(2.0))
        self.excess = nn.Parameter(torch.tensor(0.1))
        self.length_bias = nn.Parameter(torch.zeros(longest))
        self.edges = ClipConvolution(2 + streams, 2)

    def forward(
        self, curve: Tensor, norms: Tensor, prior: Tensor, sides: Tensor, mask: Tensor, inside: Tensor
    ) -> Tensor:
        """One row per pair: curve (S, P, T), damped norms (P, T, R, S), prior (P, T), sides (P, T, S),
        mask (P, T), inside (P, T, R) -> (P, T, R)."""
        clips = self.log_clip_scale.exp() * curve.sum(dim=0) + prior  # (P, T)
        channels = torch.stack([0.2 * clips, mask.to(clips.dtype), *sides.unbind(dim=2)], dim=1)
        start, end = self.edges(channels, mask).unbind(dim=1)  # (P, T) each
        ends = F.pad(end, (0, self.longest - 1)).unfold(1, self.longest, 1)  # (P, T, R), at the last clip
        cosine = (span_sums(curve, self.longest) / norms.permute(3, 0, 1, 2)).sum(dim=0)  # (P, T, R)
        scores = self.log_scale.exp() * cosine + self.length_bias + start[:, :, None] + ends
        scores = scores + self.excess * span_sums(clips - self.threshold, self.longest)
        return scores.masked_fill(~inside, OUTSIDE)
