"""What guessing reaches: the level against which every recall is read.

A guess of a moment is a length drawn from the true moments of the split, put at a random place of a random
window or film; a guess of a window or film is one at random.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 4000  # guesses per query: a chance level of 0.1 % is known to about 0.002 % over 800 queries


def of_places(num_places: int, topk: Sequence[int]) -> dict[str, float]:
    """VR: distinct places in random order."""
    return {f"R@{k}": min(1.0, k / num_places) for k in topk}


def of_moments(
    spans: Sequence[np.ndarray],
    durations: np.ndarray,
    num_places: np.ndarray,
    iou: Sequence[float],
    topk: Sequence[int],
) -> dict[str, float]:
    """Moment tasks: K independent guesses.

    Args:
        spans: N times (S, 2) true moments in seconds of their place, any of which is hit.
        durations: (N,) seconds of that place.
        num_places: (N,) places a guess is drawn from (1 when the place is given).
    """
    draw = np.random.default_rng(0)
    lengths = np.concatenate([own[:, 1] - own[:, 0] for own in spans])
    hit = np.zeros((len(iou), len(spans)))
    for query, own in enumerate(spans):
        start, end = own[:, :1], own[:, 1:]  # (S, 1) each
        length = np.minimum(draw.choice(lengths, DRAWS), durations[query])
        begin = draw.random(DRAWS) * (durations[query] - length)
        shared = np.clip(np.minimum(end, begin + length) - np.maximum(start, begin), 0, None)
        union = length + (end - start) - shared
        value = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)  # (S, DRAWS)
        hit[:, query] = [(value >= threshold).any(0).mean() for threshold in iou]
    hit /= num_places
    return {
        f"R@{k},IoU={threshold}": float((1 - (1 - hit[row]) ** k).mean())
        for row, threshold in enumerate(iou)
        for k in topk
    }
