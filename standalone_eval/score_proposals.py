"""CNM's evaluation (CPL's is identical): proposals as shares of the duration, 1e-10 added to both parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .format_arrays import Proposals
from .profiles import Settings
from .score_frames import frame_iou

Tables = dict[str, np.ndarray]
EXTRA = 1e-10


def tables(submission: Proposals, settings: Settings) -> Tables:
    """``iou`` (N, K): best IoU of the first K proposals."""
    truth = submission.truth / submission.duration[:, None]
    iou = frame_iou(submission.window, truth[:, None], EXTRA)  # (N, P)
    return {"iou": np.stack([iou[:, :k].max(axis=1) for k in settings.topk], axis=1)}


def count(found: Tables) -> int:
    """Queries."""
    return len(found["iou"])


def samples(found: Tables, settings: Settings) -> dict[str, np.ndarray]:
    """Per-query values by ``topK/mIoU`` and ``topK/IoU@thr``."""
    result = {}
    for number, k in enumerate(settings.topk):
        iou = found["iou"][:, number]
        result[f"top{k}/mIoU"] = iou
        for threshold in settings.iou:
            result[f"top{k}/IoU@{threshold}"] = (iou >= threshold).astype(np.float64)
    return result


def metrics(found: Tables, settings: Settings) -> dict[str, Any]:
    """Fractions by ``topK``."""
    result: dict[str, Any] = {}
    for key, values in samples(found, settings).items():
        group, _, name = key.partition("/")
        result.setdefault(group, {})[name] = float(values.mean())
    return result
