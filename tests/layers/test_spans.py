"""The band of spans against the full table of starts and ends."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from method_tng.layers.spans import band_scores, span_grid


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 7), st.integers(1, 2))
def test_the_band_is_the_table_read_at_the_grid(clips: int, shortest: int, more: int, step: int) -> None:
    lengths = range(shortest, shortest + more, step)
    start, end = torch.randn(2, 3, clips).unbind(0)
    end[0, clips // 2 :] = -torch.inf
    table = start[:, :, None] + torch.cat((end, torch.full((3, 20), -torch.inf)), dim=1)[:, None]
    first, last = span_grid(clips, lengths).unbind(1)
    assert len(first) == clips * len(lengths)
    assert torch.equal(band_scores(start, end, lengths), table[:, first, last])


def test_spans_are_ordered_by_start_then_length() -> None:
    assert span_grid(2, range(1, 3)).tolist() == [[0, 0], [0, 1], [1, 1], [1, 2]]


def test_a_span_that_leaves_its_window_is_none() -> None:
    scores = band_scores(torch.zeros(1, 3), torch.zeros(1, 3), range(2, 4))
    assert scores.isfinite().tolist() == [[True, True, True, False, False, False]]


def test_no_length_gives_no_span() -> None:
    assert band_scores(torch.zeros(2, 3), torch.zeros(2, 3), range(0)).shape == (2, 0)
