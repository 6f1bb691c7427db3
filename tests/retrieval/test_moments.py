"""From joint scores to moments in film time."""

import torch

from method_tng.retrieval.moments import best_moments, in_film_time, without_overlaps

INF = float("inf")


def test_the_best_proposals_over_all_opened_windows_by_hand() -> None:
    joint = torch.tensor([[[0.1, 0.9, -INF], [0.8, 0.2, 0.95]]])  # (1, 2 windows, 3 spans)
    times = torch.tensor([[[[0.0, 2.0], [2.0, 4.0], [4.0, 8.0]]]])  # one grid for all
    opened = torch.tensor([[7, 3]])
    lengths = torch.full((8,), 100.0, dtype=torch.float64)
    lengths[3] = 5.0
    block = best_moments(joint, times, opened, lengths, keep=10)
    assert block.place[0, :3].tolist() == [3, 7, 3]
    assert block.times[0, :3].tolist() == [[4.0, 5.0], [2.0, 4.0], [0.0, 2.0]]  # cut at the window's end
    assert block.valid[0].tolist() == [True] * 5 + [False]


def test_times_of_each_pair_are_kept_apart() -> None:
    joint = torch.tensor([[[1.0], [2.0]], [[4.0], [3.0]]])  # (2 queries, 2 windows, 1 span)
    times = torch.arange(8.0).view(2, 2, 1, 2)
    block = best_moments(
        joint, times, torch.tensor([[0, 1], [0, 1]]), torch.full((2,), 99.0).double(), keep=2
    )
    assert block.times[0].tolist() == [[2.0, 3.0], [0.0, 1.0]]
    assert block.times[1].tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_moments_of_overlapping_windows_merge_in_film_time() -> None:
    joint = torch.tensor([[[3.0], [2.0], [1.0]]])
    times = torch.tensor([[[[100.0, 110.0]], [[0.0, 10.0]], [[0.0, 10.0]]]])
    opened = torch.tensor([[0, 1, 2]])  # window 1 starts at 100 s of the same film, window 2 is of another
    lengths = torch.full((3,), 200.0, dtype=torch.float64)
    block = best_moments(joint, times, opened, lengths, keep=3)
    movies, starts = torch.tensor([0, 0, 1]), torch.tensor([0.0, 100.0, 100.0], dtype=torch.float64)
    merged = without_overlaps(in_film_time(block, movies, starts), 0.5, keep=3)
    assert merged.place[0][merged.valid[0]].tolist() == [0, 1]
    assert merged.times[0][merged.valid[0]].tolist() == [[100.0, 110.0], [100.0, 110.0]]


def test_without_a_threshold_nothing_is_dropped_but_the_tail() -> None:
    joint = torch.tensor([[[3.0, 2.0, 1.0]]])
    times = torch.tensor([[[[0.0, 9.0], [0.0, 9.0], [0.0, 9.0]]]])
    block = best_moments(joint, times, torch.tensor([[0]]), torch.tensor([9.0]).double(), keep=3)
    assert without_overlaps(block, -1.0, keep=2).valid.tolist() == [[True, True]]
