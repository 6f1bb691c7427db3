"""MAD's VLG-Net evaluation: shared candidate windows, sorted by score, suppressed, then R@K at IoU >= thr."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import score_localization
from .format_arrays import Candidates
from .nms import mad
from .profiles import Settings

Tables = dict[str, np.ndarray]


def tables(submission: Candidates, settings: Settings) -> Tables:
    """``rank`` (Q, T) of the first right candidate after suppression."""
    judge, threshold = settings.profile.judge, settings.options["nms"]
    ranks = np.full((len(submission.score), len(settings.iou)), np.inf)
    for query, (score, truth) in enumerate(zip(submission.score, submission.truth, strict=True)):
        kept = mad(submission.window, score, threshold, max(settings.topk))
        iou = judge.iou(submission.window[kept], np.broadcast_to(truth, (len(kept), 2)))
        for t, limit in enumerate(settings.iou):
            right = np.flatnonzero(judge.hits(iou, limit))
            ranks[query, t] = right[0] + 1 if len(right) else np.inf
    return {"rank": ranks}


def count(found: Tables) -> int:
    """Queries."""
    return len(found["rank"])


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query hits by ``R@K-IoU=thr``."""
    return score_localization.samples(found, settings)


def fractions(found: Tables, settings: Settings) -> dict[str, float]:
    """The metrics as single-precision fractions."""
    return score_localization.fractions(found, settings)


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Percent by rounding C."""
    return score_localization.metrics(found, settings)
