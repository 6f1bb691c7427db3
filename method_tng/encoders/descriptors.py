"""A picture as numbers without any weights: colours, their places, edges, texture, and what moved.

Good enough to tell scenes apart by look, and to be trained on; it knows nothing of what is shown.  All parts
are square roots of shares (so that distances are Hellinger's) or means in [0, 1], each scaled by its share of
the whole.

Source: colour histograms (Swain and Ballard 1991), oriented gradients on a grid (Dalal and Triggs 2005),
local binary patterns (Ojala et al. 2002), mean absolute frame difference.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

WIDTH, HEIGHT = 64, 36
LEVELS = 4  # of each colour
GRID = 3
ORIENTATIONS = 8
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1))  # whose brightness a pixel is compared with
SIZE = LEVELS**3 + GRID**2 * (6 + ORIENTATIONS + 1) + 4 * 2 ** len(NEIGHBOURS) + 1


class DescriptorEncoder:
    """Image encoder that needs no weights: (SIZE,) numbers per picture.

    The last GRID^2 + 1 numbers compare a picture with the one before; zero for the first.
    """

    width = SIZE

    def __init__(self) -> None:
        self._before: np.ndarray | None = None

    def frame_size(self, _width: int, _height: int) -> tuple[int, int]:
        """The size in which it wants pictures, whatever they have."""
        return WIDTH, HEIGHT

    def restart(self) -> None:
        """Forgets the last picture: another film begins."""
        self._before = None

    def encode(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Consecutive pictures, each (36, 64, 3) uint8 RGB -> (N, SIZE) float32."""
        frames = np.stack(pictures)  # (N, H, W, 3)
        light = (frames @ np.array([0.299, 0.587, 0.114], np.float32)) / 255  # (N, H, W)
        before = light[:1] if self._before is None else self._before[None]
        moved = np.abs(light - np.concatenate([before, light[:-1]]))
        self._before = light[-1]
        parts = [
            _colours(frames),
            _on_grid(frames / np.float32(255), _mean_and_spread),
            _edges(light),
            _texture(light),
            _on_grid(moved[..., None], lambda cell: cell.mean(axis=(1, 2))),
            moved.mean(axis=(1, 2))[:, None],
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def describe(self) -> dict[str, Any]:
        """What `image_encoder_of` needs to make an equal encoder."""
        return {"kind": "descriptors", "width": SIZE, "version": 1}


def _colours(frames: np.ndarray) -> np.ndarray:
    """Square roots of the shares of LEVELS^3 colours, (N, 64)."""
    levels = frames.astype(np.int64) * LEVELS // 256
    bins = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]  # (N, H, W)
    return _shares(bins, LEVELS**3, np.ones(bins.shape, np.float32))


def _edges(light: np.ndarray) -> np.ndarray:
    """Strength of the edges of each direction in each cell, (N, 9 * 8)."""
    down, across = np.gradient(light, axis=(1, 2))
    strength = np.hypot(down, across)
    turn = (np.arctan2(down, across) % np.pi) / np.pi * ORIENTATIONS
    direction = turn.astype(np.int64) % ORIENTATIONS
    stacked = np.stack([direction, strength], axis=-1)
    return _on_grid(stacked, lambda cell: _shares(cell[..., 0].astype(np.int64), ORIENTATIONS, cell[..., 1]))


def _texture(light: np.ndarray) -> np.ndarray:
    """Shares of the patterns of brighter neighbours in each quarter, (N, 4 * 16)."""
    middle = light[:, 1:-1, 1:-1]
    pattern = np.zeros(middle.shape, np.int64)
    for bit, (down, across) in enumerate(NEIGHBOURS):
        other = light[:, 1 + down : light.shape[1] - 1 + down, 1 + across : light.shape[2] - 1 + across]
        pattern += (other > middle + 0.01).astype(np.int64) << bit
    quarters = [
        half for rows in np.array_split(pattern, 2, axis=1) for half in np.array_split(rows, 2, axis=2)
    ]
    size = 2 ** len(NEIGHBOURS)
    return np.concatenate([_shares(one, size, np.ones(one.shape, np.float32)) for one in quarters], axis=1)


def _shares(bins: np.ndarray, size: int, weights: np.ndarray) -> np.ndarray:
    """Square roots of each bin's share of the weights, (N, size); zero where there is no weight."""
    count = len(bins)
    places = (bins.reshape(count, -1) + size * np.arange(count)[:, None]).ravel()
    sums = np.bincount(places, weights.ravel(), minlength=count * size).reshape(count, size)
    return np.sqrt(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-6))


def _mean_and_spread(cell: np.ndarray) -> np.ndarray:
    return np.concatenate([cell.mean(axis=(1, 2)), cell.std(axis=(1, 2))], axis=1)


def _on_grid(values: np.ndarray, measure: Any) -> np.ndarray:
    """A measure of each of GRID x GRID cells of (N, H, W, C), side by side."""
    rows = np.array_split(values, GRID, axis=1)
    return np.concatenate(
        [measure(cell) for row in rows for cell in np.array_split(row, GRID, axis=2)], axis=1
    )
