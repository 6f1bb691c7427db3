"""Which portraits a narration brings along."""

import numpy as np

from method_tng.dataset.portraits import portraits_of

PORTRAITS = {name: np.full(2, value, np.float32) for name, value in zip("abcd", range(1, 5), strict=True)}


def test_each_role_counts_once_in_the_order_it_is_named() -> None:
    assert portraits_of("cac", PORTRAITS, 3)[:, 0].tolist() == [3, 1, 0]
    assert portraits_of("dcba", PORTRAITS, 3)[:, 0].tolist() == [4, 3, 2]


def test_a_role_without_a_portrait_takes_no_place() -> None:
    assert portraits_of(["x", "b"], PORTRAITS, 2)[:, 0].tolist() == [2, 0]
    assert not portraits_of(["x"], PORTRAITS, 2).any() and portraits_of([], PORTRAITS, 0).shape == (0, 2)
