"""Windows are drawn by the stated chances, and never those that may not be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.contract.errors import TrainingError
from method_tng.training.window_draw import densities, draw_near_middle, draw_negatives


def test_chances_of_three_windows_worked_by_hand() -> None:
    side = np.exp(-0.5)
    assert densities(3) == pytest.approx(np.array([side, 1, side]) / (1 + 2 * side))
    assert densities(3)[1] == pytest.approx(0.45186, abs=1e-5)
    assert densities(2).tolist() == [0.5, 0.5]
    assert densities(1).tolist() == [1.0]


def test_positives_are_drawn_by_these_chances() -> None:
    touched = np.tile([[4, 6], [9, 10]], (20_000, 1))
    drawn = draw_near_middle(touched, np.random.default_rng(0))
    shares = np.bincount(drawn[::2], minlength=7)[4:] / 20_000
    assert shares == pytest.approx(densities(3), abs=0.01)
    assert np.mean(drawn[1::2] == 9) == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_a_negative_lies_in_the_same_film_and_is_not_touched(films: list[int], random) -> None:
    window_movies = np.repeat(np.arange(len(films)), films)
    touched = []
    for row in range(len(window_movies)):
        same = np.flatnonzero(window_movies == window_movies[row])
        touched.append((row, random.randint(row, int(same[-1]))))
    touched = np.array(touched)
    drawn = draw_negatives(touched, window_movies, np.random.default_rng(random.randint(0, 99)))
    assert not ((touched[:, 0] <= drawn) & (drawn <= touched[:, 1])).any()
    count = np.bincount(window_movies)[window_movies]
    other = window_movies[drawn] != window_movies[touched[:, 0]]
    assert (other == (touched[:, 1] - touched[:, 0] + 1 == count)).all()


def test_a_corpus_without_any_negative_is_told() -> None:
    with pytest.raises(TrainingError, match="touches all windows of the training films"):
        draw_negatives(np.array([[0, 1]]), np.array([0, 0]), np.random.default_rng(0))


def test_every_free_window_is_as_likely() -> None:
    window_movies = np.array([0, 0, 1, 1, 1, 1, 1, 2])
    drawn = draw_negatives(np.tile([3, 4], (30_000, 1)), window_movies, np.random.default_rng(0))
    shares = np.bincount(drawn, minlength=8) / 30_000
    assert shares == pytest.approx([0, 0, 1 / 3, 0, 0, 1 / 3, 1 / 3, 0], abs=0.01)
