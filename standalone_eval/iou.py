"""Temporal intersection over union on a line, in the variants that the public evaluators use.

``true`` union is the sum of both lengths minus the intersection; ``hull`` union is the span from the earlier
start to the later end.  They agree whenever the windows meet; where they do not, the intersection is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Union = Literal["true", "hull"]
TOLERANCE = 1e-9


def temporal_iou(a: np.ndarray, b: np.ndarray, kind: Union = "true", dtype: type = np.float64) -> np.ndarray:
    """Intersection over union of intervals, pairwise.

    Args:
        a: (N, 2) start and end, start <= end.
        b: (M, 2), the same.
        kind: which union divides.
        dtype: precision of every operation; inputs are rounded to it first.

    Returns:
        (N, M) in [0, 1].  Two empty intervals score 0, at the same place too.
    """
    a, b = np.asarray(a, dtype=dtype).reshape(-1, 2), np.asarray(b, dtype=dtype).reshape(-1, 2)
    return overlap(a[:, None, 0], a[:, None, 1], b[None, :, 0], b[None, :, 1], kind)


def overlap(
    start: np.ndarray,
    end: np.ndarray,
    other_start: np.ndarray,
    other_end: np.ndarray,
    kind: Union = "true",
    undefined: float = 0.0,
) -> np.ndarray:
    """Element-wise IoU of broadcast starts and ends, in their own precision; 0/0 gives ``undefined``."""
    inter = np.minimum(end, other_end)
    inter -= np.maximum(start, other_start)
    np.maximum(inter, 0, out=inter)
    if kind == "hull":
        union = np.maximum(end, other_end)
        union -= np.minimum(start, other_start)
    else:
        union = (end - start) + (other_end - other_start)
        union -= inter
    empty = union == 0
    if empty.any():
        union = np.where(empty, np.ones_like(union), union)
        inter = np.where(empty, np.full_like(inter, undefined), inter)
    inter /= union
    return inter


@dataclass(frozen=True)
class Judge:
    """How a profile decides that a window is right: precision, union, comparison, and 0/0."""

    dtype: type = np.float64
    union: Union = "true"
    strict: bool = False  # IoU > threshold instead of >=
    tolerance: float = 0.0  # added to the IoU before comparing
    undefined: float = 0.0  # value of 0/0; NaN is never a hit
    agree: int = 1  # windows that must be hit when a query has several (DiDeMo: 2 of 4 or more)

    def iou(self, window: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """(R,) IoU of rows with windows, both (R, 2)."""
        dtype = self.dtype
        return overlap(
            window[:, 0].astype(dtype), window[:, 1].astype(dtype),
            truth[:, 0].astype(dtype), truth[:, 1].astype(dtype), self.union, self.undefined,
        )  # fmt: skip

    def hits(self, iou: np.ndarray, threshold: float) -> np.ndarray:
        """Whether each IoU counts as a hit at the threshold."""
        limit = self.dtype(threshold)
        if self.strict:
            return iou > limit
        return iou + self.tolerance >= limit if self.tolerance else iou >= limit
