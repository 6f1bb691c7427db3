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

WIDTH, HEIGHT = 63, 36
LEVELS = 4  # of each colour
GRID = 3
ORIENTATIONS = 8
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1))  # whose brightness a pixel is compared with
SIZE = LEVELS**3 + GRID**2 * (6 + ORIENTATIONS + 1) + 4 * 2 ** len(NEIGHBOURS) + 1

BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
CELL = np.add.outer(np.arange(HEIGHT) * GRID // HEIGHT * GRID, np.arange(WIDTH) * GRID // WIDTH)  # (H, W)
QUARTER = np.add.outer(np.arange(HEIGHT - 2) * 2 // (HEIGHT - 2) * 2, np.arange(WIDTH - 2) * 2 // (WIDTH - 2))


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
        """Consecutive pictures, each (36, 63, 3) uint8 RGB -> (N, SIZE) float32."""
        frames = np.stack(pictures)  # (N, H, W, 3)
        shades = frames.astype(np.float32) / 255
        light = shades @ BRIGHTNESS  # (N, H, W)
        before = light[:1] if self._before is None else self._before[None]
        moved = np.abs(np.diff(light, axis=0, prepend=before))
        self._before = light[-1]
        mean = _cell_means(shades)  # (N, 9, 3)
        spread = np.sqrt(np.maximum(_cell_means(shades**2) - mean**2, 0))
        steps = _cell_means(moved[..., None])[..., 0]  # (N, 9)
        colours = np.concatenate([mean, spread], axis=2).reshape(len(frames), -1)
        parts = [_colours(frames), colours, _edges(light), _texture(light), steps, steps.mean(1)[:, None]]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def describe(self) -> dict[str, Any]:
        """What `image_encoder_of` needs to make an equal encoder."""
        return {"kind": "descriptors", "width": SIZE, "version": 1}


def _cell_means(values: np.ndarray) -> np.ndarray:
    """Means over GRID x GRID cells of equal size: (N, H, W, C) -> (N, 9, C)."""
    count, height, width, channels = values.shape
    cells = values.reshape(count, GRID, height // GRID, GRID, width // GRID, channels)
    return cells.mean(axis=(2, 4)).reshape(count, GRID**2, channels)


def _colours(frames: np.ndarray) -> np.ndarray:
    """Square roots of the shares of LEVELS^3 colours, (N, 64)."""
    levels = frames // (256 // LEVELS)
    bins = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]  # (N, H, W)
    return _shares(bins, LEVELS**3, 1)


def _edges(light: np.ndarray) -> np.ndarray:
    """Square roots of the shares of each edge direction in each cell, (N, 9 * 8)."""
    down, across = np.gradient(light, axis=(1, 2))
    turn = np.arctan2(down, across) * np.float32(ORIENTATIONS / np.pi)
    direction = turn.astype(np.int16) % ORIENTATIONS
    return _shares(CELL * ORIENTATIONS + direction, ORIENTATIONS, GRID**2, np.hypot(down, across))


def _texture(light: np.ndarray) -> np.ndarray:
    """Square roots of the shares of the patterns of brighter neighbours in each quarter, (N, 4 * 16)."""
    middle = light[:, 1:-1, 1:-1] + np.float32(0.01)
    size = 2 ** len(NEIGHBOURS)
    pattern = np.broadcast_to(QUARTER * size, middle.shape).copy()
    for bit, (down, across) in enumerate(NEIGHBOURS):
        other = light[:, 1 + down : HEIGHT - 1 + down, 1 + across : WIDTH - 1 + across]
        pattern += (other > middle) * 2**bit
    return _shares(pattern, size, 4)


def _shares(bins: np.ndarray, size: int, cells: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Square roots of each bin's share of the weights of its cell, (N, cells * size); zero without any."""
    count, total = len(bins), size * cells
    places = bins.reshape(count, -1) + total * np.arange(count)[:, None]
    sums = np.bincount(places.ravel(), None if weights is None else weights.ravel(), count * total)
    sums = sums.reshape(count, cells, size)
    return np.sqrt(sums / np.maximum(sums.sum(axis=2, keepdims=True), 1e-6)).reshape(count, total)
