"""Text-video retrieval from a similarity matrix (T-MASS, X-Pool), with the tie order spelled out.

``sims`` (G, S, V): slot s of the texts that describe video g, scored with video v; -inf or NaN at the own
video marks an empty slot.  Or (T, V) with ``target``, the own video of every text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIES = ("pessimistic", "optimistic", "index", "mean")
NDCG_DEPTH = 10


@dataclass
class Ranks:
    """Where the own item stands among V scores, for every query of one direction."""

    greater: np.ndarray  # (N,) scores above the own one
    equal: np.ndarray  # (N,) scores equal to it, itself included
    before: np.ndarray  # (N,) equal scores with a lower index

    def ranks(self, ties: str) -> np.ndarray:
        """(N,) 1-based ranks; ``mean`` gives the expected rank under random tie order."""
        if ties == "pessimistic":
            return (self.greater + self.equal).astype(np.float64)
        if ties == "optimistic":
            return self.greater + 1.0
        if ties == "index":
            return self.greater + self.before + 1.0
        return self.greater + (self.equal + 1) / 2

    def recall(self, k: int, ties: str) -> np.ndarray:
        """(N,) 1 where the rank is at most K; for ``mean`` the probability of it."""
        if ties == "mean":
            return np.clip((k - self.greater) / self.equal, 0.0, 1.0)
        return (self.ranks(ties) <= k).astype(np.float64)


def _rank(scores: np.ndarray, own: np.ndarray) -> Ranks:
    """scores (N, V), own (N,) column -> Ranks."""
    line = np.arange(len(scores))
    mine = scores[line, own][:, None]
    same = scores == mine
    before = (same & (np.arange(scores.shape[1]) < own[:, None])).sum(axis=1)
    return Ranks((scores > mine).sum(axis=1), same.sum(axis=1), before)


def text_to_video(sims: np.ndarray, target: np.ndarray | None = None) -> Ranks:
    """Rank of the own video for every text that is there."""
    scores, own = _texts(sims, target)
    return _rank(scores, own)


def _texts(sims: np.ndarray, target: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(T, V) scores of real texts and their own videos; NaN counts as -inf."""
    if target is None:
        groups, slots, videos = sims.shape
        target = np.repeat(np.arange(groups), slots)
        sims = sims.reshape(groups * slots, videos)
    scores = np.where(np.isnan(sims), -np.inf, sims)
    real = scores[np.arange(len(scores)), target] > -np.inf
    return scores[real], target[real]


def video_to_text(sims: np.ndarray, target: np.ndarray | None = None) -> Ranks:
    """Rank of the own group of texts for every video; a group scores as its best text."""
    scores, own = _texts(sims, target)
    videos = sims.shape[-1]
    groups = np.full((videos, videos), -np.inf)  # group by video
    np.maximum.at(groups, own, scores)
    described = np.unique(own)
    ranks = _rank(np.ascontiguousarray(groups[described].T), _column_of(described, videos))
    return Ranks(ranks.greater[described], ranks.equal[described], ranks.before[described])


def _column_of(described: np.ndarray, videos: int) -> np.ndarray:
    """(V,) column of each video's group; videos without text get any column and are left out later."""
    column = np.zeros(videos, dtype=np.int64)
    column[described] = np.arange(len(described))
    return column


def summary(ranks: Ranks, topk: tuple[int, ...], ties: str) -> dict[str, float]:
    """R1 ... in percent, MedR, MeanR, MRR, nDCG@10, and the number of targets that tie with another item."""
    found = ranks.ranks(ties)
    result = {f"R{k}": float(100 * ranks.recall(k, ties).mean()) for k in topk}
    result["MedR"] = float(np.median(found))
    result["MeanR"] = float(found.mean())
    result["MRR"] = float((1 / found).mean())
    result["nDCG@10"] = float(np.where(found <= NDCG_DEPTH, 1 / np.log2(found + 1), 0.0).mean())
    result["tied"] = int((ranks.equal > 1).sum())
    return result
