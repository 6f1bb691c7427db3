"""Descriptors: sizes, ranges, what they tell apart and what they ignore."""

import numpy as np
import pytest

from method_tng.encoders.descriptors import GRID, HEIGHT, SIZE, WIDTH, DescriptorEncoder


def _pictures(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8))


def test_rows_are_finite_and_their_parts_lie_in_0_to_1() -> None:
    rows = DescriptorEncoder().encode([*_pictures(3), np.zeros((HEIGHT, WIDTH, 3), np.uint8)])
    assert rows.shape == (4, SIZE) and rows.dtype == np.float32
    assert np.isfinite(rows).all() and rows.min() >= 0 and rows.max() <= 1
    assert (rows[:, :64] ** 2).sum(axis=1) == pytest.approx(1, abs=1e-5)  # shares of colours


def test_how_pictures_are_batched_changes_nothing_and_a_new_film_forgets_the_last_one() -> None:
    pictures, encoder = _pictures(5), DescriptorEncoder()
    whole = encoder.encode(pictures)
    encoder.restart()
    assert np.array_equal(np.concatenate([encoder.encode(pictures[:2]), encoder.encode(pictures[2:])]), whole)
    encoder.restart()
    moved = encoder.encode(pictures[3:4])[0, -(GRID**2 + 1) :]
    assert not moved.any() and whole[3, -1] > 0.1


def test_looks_differ_by_colour_edges_and_movement() -> None:
    red, blue = (np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 200, 200
    upright, lying = red.copy(), red.copy()
    upright[:, ::8], lying[::8] = 255, 255
    rows = DescriptorEncoder().encode([red, red, blue, upright, lying])
    assert not rows[1, -10:].any() and rows[2, -1] > 0
    colours, edges = rows[:, :64], rows[:, 64 + 54 : 64 + 54 + 72]
    assert np.abs(colours[1] - colours[2]).max() > 0.5
    assert np.abs(edges[3] - edges[4]).max() > 0.5 and np.array_equal(edges[0], edges[1])
