"""Films cut into shots of equal length, and which narrations a shot tells.

A shot and a narration belong together when they share at least half of one of the two.
Source: Yue et al. 2023 (Movie101, ACL), section 3.3; the rule is the one that its published files obey.
"""

import math

import numpy as np

SLACK = 1e-6  # seconds by which a shot may reach over the end


def shots_of(end: float, offset: float = 0.0, length: float = 20.0) -> np.ndarray:
    """The whole shots of a film.

    Args:
        end: where the film ends, or its last narration where that is not known; seconds.
        offset: start of the first shot, at least 0.
        length: of a shot, more than 0.

    Returns:
        (S, 2) float64, start and end of each; a shot that would end behind `end` is left out.
    """
    count = max(0, math.floor((end - offset + SLACK) / length))
    starts = offset + length * np.arange(count)
    return np.stack([starts, starts + length], axis=1)


def pair_shots(shots: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Which shots and narrations belong together: (S, 2) and (N, 2) seconds -> (S, N) bool."""
    ends = np.minimum(shots[:, None, 1], spans[None, :, 1])
    shared = ends - np.maximum(shots[:, None, 0], spans[None, :, 0])  # (S, N)
    shorter = np.minimum((shots[:, 1] - shots[:, 0])[:, None], spans[:, 1] - spans[:, 0])
    return (shared > 0) & (2 * shared >= shorter)
