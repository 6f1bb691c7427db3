"""The profile ``retrieval``: both directions of a similarity matrix, measures in :mod:`retrieval`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .format_arrays import Similarities
from .profiles import Settings
from .retrieval import TIES, Ranks, summary, text_to_video, video_to_text

Tables = dict[str, np.ndarray]


def ties_of(settings: Settings) -> str:
    """The tie order; published code's, as far as it has one, is by index.

    Raises:
        ValueError: an unknown order.
    """
    ties = settings.options["ties"]
    if ties not in TIES:
        raise ValueError(f"unknown tie order {ties!r}; known: {', '.join(TIES)}")
    return "index" if settings.compat else ties


def tables(submission: Similarities, settings: Settings) -> Tables:
    """``t2v`` (T, 3) and ``v2t`` (V, 3): greater, equal, equal with a lower index."""
    found = {}
    for name, direction in (("t2v", text_to_video), ("v2t", video_to_text)):
        ranks = direction(submission.sims, submission.target)
        found[name] = np.stack([ranks.greater, ranks.equal, ranks.before], axis=1)
    return found


def count(found: Tables) -> int:
    """Texts."""
    return len(found["t2v"])


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-text values of the direction text to video."""
    ranks, ties = Ranks(*found["t2v"].T), ties_of(settings)
    result = {f"t2v/R{k}": ranks.recall(k, ties) for k in settings.topk}
    result["t2v/MRR"] = 1 / ranks.ranks(ties)
    return result


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Both directions."""
    ties = ties_of(settings)
    return {name: summary(Ranks(*table.T), settings.topk, ties) for name, table in found.items()}
