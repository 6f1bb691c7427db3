"""Spans of opened windows to moments: join the scores, take the best, go to film time, suppress.

Scores are logarithmic throughout; -inf marks what is no proposal.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from method_tng.retrieval.nms import compact, suppress


@dataclass(frozen=True)
class MomentBlock:
    """The best moments of B queries, best first.

    Attributes:
        place: (B, R) int64, the window or film.
        times: (B, R, 2) float64, seconds from the place's start.
        score: (B, R) float32, logarithmic.
        valid: (B, R) bool, False at filler at the end.
    """

    place: Tensor
    times: Tensor
    score: Tensor
    valid: Tensor

    def take(self, rows: Tensor, valid: Tensor) -> "MomentBlock":
        """The block's rows (B, r) in another order or fewer."""
        pairs = rows.unsqueeze(-1).expand(-1, -1, 2)
        return MomentBlock(
            self.place.gather(1, rows), self.times.gather(1, pairs), self.score.gather(1, rows), valid
        )


def top(scores: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """The best `keep` of each row of scores (B, K) and their columns, equal ones in the order of columns."""
    values, columns = scores.topk(min(keep, scores.shape[1]), dim=1)
    columns, order = columns.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return values, columns.gather(1, order)


def best_moments(joint: Tensor, times: Tensor, opened: Tensor, lengths: Tensor, keep: int) -> MomentBlock:
    """The best proposals of B queries over the W windows opened for each.

    An exact top-k over all proposals; nothing is sorted that is not kept.

    Args:
        joint: (B, W, K) log score of every proposal.
        times: (B or 1, W or 1, K, 2) seconds from the window's start.
        opened: (B, W) int64 windows of the corpus.
        lengths: (M,) float64 seconds of every window of the corpus; no moment leaves its window.
        keep: most moments of a query.
    """
    batch, _, num_spans = joint.shape
    score, flat = top(joint.reshape(batch, -1), keep)  # (B, R)
    column, span = flat // num_spans, flat % num_spans  # (B, R) each
    query = torch.arange(batch, device=joint.device).unsqueeze(1)
    place = opened.gather(1, column)
    chosen = times[query if times.shape[0] > 1 else 0, column if times.shape[1] > 1 else 0, span].double()
    chosen = torch.minimum(chosen, lengths[place].unsqueeze(-1)).clamp(min=0)  # (B, R, 2)
    return MomentBlock(place, chosen, score, score > -torch.inf)


def in_film_time(block: MomentBlock, window_movies: Tensor, window_starts: Tensor) -> MomentBlock:
    """The same moments with the film as their place: window_movies (M,) int64, window_starts (M,) float64."""
    times = block.times + window_starts[block.place].unsqueeze(-1)
    return MomentBlock(window_movies[block.place], times, block.score, block.valid)


def without_overlaps(block: MomentBlock, threshold: float, keep: int) -> MomentBlock:
    """Suppresses overlapping moments (threshold < 0: none) and keeps the first `keep`."""
    if threshold < 0:
        return MomentBlock(
            block.place[:, :keep], block.times[:, :keep], block.score[:, :keep], block.valid[:, :keep]
        )
    kept = suppress(block.place, block.times, block.valid, threshold, keep)
    rows, valid = compact(kept, keep)
    return block.take(rows, valid)
