"""Suppression of overlapping moments."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from method_tng.retrieval.nms import compact, overlap, suppress


def _rows(*rows: tuple[int, float, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    place = torch.tensor([[row[0] for row in rows]])
    times = torch.tensor([[row[1:] for row in rows]], dtype=torch.float64)
    return place, times, torch.ones(1, len(rows), dtype=torch.bool)


def test_overlap_by_hand() -> None:
    times = torch.tensor([[0.0, 10.0], [5.0, 15.0], [10.0, 20.0], [3.0, 3.0]], dtype=torch.float64)
    found = overlap(times[:, None], times[None])
    assert found[0, 1] == 5 / 15
    assert found[0, 2] == 0  # touching moments do not overlap
    assert found[3, 3] == 0  # nor does an empty one with itself
    assert found[0, 0] == 1


def test_a_worse_overlapping_row_goes_and_another_place_stays() -> None:
    kept = suppress(*_rows((0, 0, 10), (0, 1, 10), (1, 1, 10), (0, 20, 30)), 0.5, keep=9)
    assert kept.tolist() == [[True, False, True, True]]


def test_an_overlap_equal_to_the_threshold_stays() -> None:
    kept = suppress(*_rows((0, 0, 10), (0, 0, 5)), 0.5, keep=9)
    assert kept.tolist() == [[True, True]]


def test_a_suppressed_row_suppresses_nothing() -> None:
    kept = suppress(*_rows((0, 0, 10), (0, 3, 13), (0, 6, 16)), 0.5, keep=9)
    assert kept.tolist() == [[True, False, True]]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(1, 9)), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.3, 0.5, 0.7]),
)
def test_the_greedy_loop_over_lists_gives_the_same(rows: list, threshold: float) -> None:
    place, times, valid = _rows(
        *[(where, float(start), float(start + length)) for where, start, length in rows]
    )
    near = overlap(times[0, :, None], times[0, None])
    expected: list[int] = []
    for row in range(len(rows)):
        if not any(near[row, other] > threshold and place[0, row] == place[0, other] for other in expected):
            expected.append(row)
    kept = suppress(place, times, valid, threshold, keep=12)
    assert kept[0].nonzero().flatten().tolist() == expected
    order, real = compact(kept, 5)
    assert order[0][real[0]].tolist() == expected[:5]


def test_rows_behind_the_wanted_survivors_do_not_matter() -> None:
    draw = torch.Generator().manual_seed(0)
    start = torch.rand(3, 90, generator=draw, dtype=torch.float64) * 300
    times = torch.stack([start, start + 8], dim=2)
    place, valid = torch.zeros(3, 90, dtype=torch.int64), torch.ones(3, 90, dtype=torch.bool)
    all_rows, _ = compact(suppress(place, times, valid, 0.3, keep=90), 5)
    first_rows, real = compact(suppress(place, times, valid, 0.3, keep=5), 5)
    assert real.all()
    assert torch.equal(all_rows, first_rows)
