"""Windows brought to size and stretched: rows, labels and times go together."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.cnclip_rnl.resampling import (
    draw_ratios,
    places_of,
    resample,
    resampled_label,
    rows_per_place,
    sampled_rows,
    stretched,
)

AS_IT_IS = (1.0, 1.0, 1.0)


def rows_to(count: int, places: int, stretch_short: bool = True) -> list[float]:
    rows = torch.arange(count, dtype=torch.float32)[None, :, None]
    found, _ = resample(rows, torch.ones(1, count, dtype=torch.bool), places, stretch_short)
    return found.flatten().tolist()


def test_places_average_the_rows_up_to_the_next_place_and_the_last_stands_alone() -> None:
    assert sampled_rows(8, 4).tolist() == [0, 2, 4, 7]
    assert rows_to(8, 4) == [0.5, 2.5, 5.0, 7.0]


def test_fewer_rows_are_repeated_or_kept_with_padding() -> None:
    assert rows_to(3, 5) == [0, 0, 1, 1, 2]
    assert rows_to(3, 5, stretch_short=False) == [0, 1, 2, 0, 0]
    _, real = resample(torch.ones(1, 3, 1), torch.ones(1, 3, dtype=torch.bool), 5, stretch_short=False)
    assert real.tolist() == [[True, True, True, False, False]]


@given(st.integers(1, 60), st.integers(2, 40), st.booleans())
def test_padding_and_neighbours_change_nothing(count: int, places: int, stretch_short: bool) -> None:
    draw = torch.Generator().manual_seed(count)
    rows = torch.randn(2, 60, 3, generator=draw)
    mask = torch.arange(60) < torch.tensor([[count], [60]])
    together, real = resample(rows, mask, places, stretch_short)
    alone, own = resample(rows[:1, :count], mask[:1, :count], places, stretch_short)
    assert torch.equal(together[:1], alone) and torch.equal(real[:1], own)


def test_as_many_rows_stay_as_they_are() -> None:
    assert rows_to(200, 200) == list(range(200))


def test_labels_move_with_their_rows() -> None:
    starts = sampled_rows(8, 4)  # 0 2 4 7
    assert resampled_label((2, 4), starts) == (1, 2)
    assert resampled_label((1, 6), starts) == (1, 2)
    assert resampled_label((5, 6), starts) == (2, 2)  # between two places
    assert resampled_label((0, 7), starts) == (0, 3)
    assert resampled_label((1, 1), sampled_rows(3, 5)) == (2, 3)  # both places of a repeated row


@given(st.integers(2, 60), st.integers(2, 40), st.booleans(), st.data())
def test_the_seconds_of_a_label_come_back_within_a_place(
    count: int, places: int, stretch_short: bool, data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, count - 1))
    first, _ = resampled_label((row, count - 1), places_of(count, places, stretch_short))
    spread = rows_per_place(torch.tensor([count]), places, stretch_short).item()
    assert abs(first * spread - row) <= max(spread, 1) + 1e-9


def test_the_moment_and_what_is_around_it_are_stretched_apart() -> None:
    picks, label = stretched(10, (4, 6), (2.0, 0.5, 1.0))
    assert picks.tolist() == [0, 3, 4, 4, 5, 5, 6, 7, 8, 9] and label == (2, 6)
    picks, label = stretched(10, (4, 6), (1.0, 1.0, 1.5))
    assert picks.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 8, 9] or len(picks) == 12
    assert label == (4, 6)


def test_empty_parts_stay_empty() -> None:
    picks, label = stretched(5, (0, 0), (2.0, 2.0, 1.0))
    assert picks.tolist() == [0, 1, 2, 3, 4] and label == (0, 0)


@given(st.integers(1, 50), st.data())
def test_a_ratio_of_one_changes_nothing(count: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(start, count - 1))
    picks, label = stretched(count, (start, end), AS_IT_IS)
    assert np.array_equal(picks, np.arange(count)) and label == (start, end)


def test_draws_are_taken_in_the_order_of_the_parts() -> None:
    recorded = iter([0.7, 0.1, 1.5, 0.4, 0.6])
    assert draw_ratios(lambda _low, _high: next(recorded)) == (1.0, 1.5, 0.6)
    assert next(recorded, None) is None


def test_recorded_draws_of_the_published_loader_give_its_labels() -> None:
    picks, label = stretched(200, (113, 146), (1.0, 1.5320346360765087, 1.0))
    assert len(picks) == 261 and label == (174, 207)
    assert resampled_label(label, sampled_rows(261, 200)) == (134, 159)


@pytest.mark.parametrize("stretch_short", [True, False])
def test_an_uncut_window_has_one_row_per_place(stretch_short: bool) -> None:
    assert rows_per_place(torch.tensor([200]), 200, stretch_short).item() == 1
    assert rows_per_place(torch.tensor([100]), 200, False).item() == 1
    assert 0 < rows_per_place(torch.tensor([1]), 200, stretch_short).item() <= 1  # a single row has a length
