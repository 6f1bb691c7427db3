"""Log-sum-exp over all spans of a window, for every query and window of a batch.

Here alone queries, windows, clips and lengths meet, so it is written as one operation with its own gradient:
a third of the time of the plain expression, and no more than one length's scores in memory at inference.
"""

from typing import Any

import torch
from torch import Tensor

from method_tng.reloclnet.span_scores import sums_of_length


class SpanPool(torch.autograd.Function):
    """(N, M): log of the sum of exp(score) over spans, score = sum over streams of slope * span sum + offset.

    Args:
        sums: (S, N, M, T + R) prefix sums of the similarity curves.
        slopes: (J, S, M, T) factor of each span's sum, per length, stream, window and first clip.
        offsets: (J, M, T) what is added to a span's score.
        lengths: J numbers of clips.
        longest: R.
    """

    @staticmethod
    def forward(
        ctx: Any, sums: Tensor, slopes: Tensor, offsets: Tensor, lengths: tuple[int, ...], longest: int
    ) -> Tensor:
        """Pools one length after the other; keeps what the gradient needs."""
        kept = len(lengths) if any(ctx.needs_input_grad) else 1  # lengths whose weights the gradient needs
        weights = sums.new_empty(kept, *sums.shape[1:3], offsets.shape[2])  # (kept, N, M, T)
        span = torch.empty_like(weights[0])  # (N, M, T)
        pooled, peaks = [], []
        for index, length in enumerate(lengths):
            scores = weights[index % kept].copy_(offsets[index])
            for stream, slope in zip(sums, slopes[index], strict=True):
                scores.addcmul_(sums_of_length(stream, length, longest, out=span), slope)
            peak = scores.amax(dim=-1)  # (N, M)
            peaks.append(peak)
            pooled.append(scores.sub_(peak[..., None]).exp_().sum(dim=-1).log() + peak)
        total = torch.stack(pooled).logsumexp(dim=0)  # (N, M)
        ctx.save_for_backward(sums, slopes, weights, torch.stack(peaks) - total)
        ctx.lengths, ctx.longest = lengths, longest
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of a log-sum-exp is a softmax: every span gets its share of `grad` (N, M)."""
        sums, slopes, weights, peaks = ctx.saved_tensors
        grad_sums, grad_slopes = torch.zeros_like(sums), torch.empty_like(slopes)
        grad_offsets = torch.empty_like(slopes[:, 0])
        num_clips = weights.shape[-1]
        part = torch.empty_like(weights[0])  # (N, M, T)
        for index, length in enumerate(ctx.lengths):
            share = weights[index] * (grad * peaks[index].exp())[..., None]  # (N, M, T)
            grad_offsets[index] = share.sum(dim=0)
            for stream, slope in enumerate(slopes[index]):
                torch.mul(share, slope, out=part)
                grad_sums[stream, ..., length : length + num_clips] += part
                grad_sums[stream, ..., :num_clips] -= part
                sums_of_length(sums[stream], length, ctx.longest, out=part)
                grad_slopes[index, stream] = part.mul_(share).sum(dim=0)
        return grad_sums, grad_slopes, grad_offsets, None, None
