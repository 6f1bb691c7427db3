"""Chance levels against hand-worked and simulated ones, and the table that shows them."""

import numpy as np
import pytest

from method_tng.training.chance import of_moments, of_places
from method_tng.training.report import recall_table


def test_a_place_among_m_is_guessed_k_times_in_m() -> None:
    assert of_places(8, (1, 5, 10)) == {"R@1": 1 / 8, "R@5": 5 / 8, "R@10": 1.0}


def test_a_guess_of_the_only_length_overlaps_by_its_distance() -> None:
    # Length 10 in a place of 20 s, true at [0, 10]: the start is uniform over 0..10, and IoU >= 1/3 needs an
    # overlap of 5 s, which half of the starts give; IoU >= 0.25 needs 4 s: 6 of 10.
    spans, durations, one = [np.array([[0.0, 10.0]])], np.array([20.0]), np.ones(1)
    levels = of_moments(spans, durations, one, (1 / 3, 0.25), (1, 2))
    assert levels[f"R@1,IoU={1 / 3}"] == pytest.approx(0.5, abs=0.03)
    assert levels["R@1,IoU=0.25"] == pytest.approx(0.6, abs=0.03)
    assert levels["R@2,IoU=0.25"] == pytest.approx(1 - 0.4**2, abs=0.03)
    shared_out = of_moments(spans, durations, np.array([50.0]), (0.25,), (1,))
    assert shared_out["R@1,IoU=0.25"] == pytest.approx(levels["R@1,IoU=0.25"] / 50)


def test_a_moment_as_long_as_its_place_is_always_found() -> None:
    spans, durations = [np.array([[0.0, 10.0]])] * 2, np.array([10.0, 10.0])
    assert of_moments(spans, durations, np.ones(2), (0.7,), (1,)) == {"R@1,IoU=0.7": 1.0}


def test_any_moment_of_a_query_may_be_guessed() -> None:
    # Length 10 in a place of 110 s; IoU >= 1/3 needs a start within 5 s: 10 of 100 starts for a moment in the
    # middle, and as many for another one that is far away.
    first, second = [30.0, 40.0], [70.0, 80.0]
    one, two = (
        of_moments([np.array(spans)], np.array([110.0]), np.ones(1), (1 / 3,), (1,))
        for spans in ([first], [first, second])
    )
    assert one[f"R@1,IoU={1 / 3}"] == pytest.approx(0.1, abs=0.02)
    assert two[f"R@1,IoU={1 / 3}"] == pytest.approx(0.2, abs=0.02)


def test_the_table_shows_each_recall_beside_its_chance() -> None:
    names = [f"R@{k}" for k in (1, 5, 10, 100)]
    metrics = {"windows": {"VR": dict(zip(names, (0.25, 0.5, 0.75, 1.0), strict=True))}}
    chance = {"windows": {"VR": dict(zip(names, (0.00123, 0.01, 0.02, 0.2), strict=True))}}
    head, row = recall_table(metrics, chance).splitlines()
    assert head.split() == names
    assert " ".join(row.split()) == "VR which window 25.0 (0.12) 50.0 (1) 75.0 (2) 100.0 (20)"
