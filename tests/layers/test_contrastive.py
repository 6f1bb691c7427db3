"""Who is no negative of whom, and rows that come from several processes."""

import math

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

from method_tng.layers.contrastive import gather_rows, related, window_contrast


def test_windows_of_one_film_that_overlap_are_related() -> None:
    movies = torch.tensor([0, 0, 0, 1])
    seconds = torch.tensor([[0.0, 20.0], [10.0, 30.0], [20.0, 40.0], [0.0, 20.0]])
    found = related(movies, seconds, torch.tensor([0, 1, 3, 3]))
    assert found.tolist() == [
        [True, True, False, False],  # touching at 20 s is no overlap
        [True, True, True, False],
        [False, False, False, True],
        [False, False, False, True],
    ]


def test_one_process_gathers_its_own_rows() -> None:
    rows = torch.randn(3, 2)
    assert gather_rows(rows) is rows


def _gather(rank: int, path: str, results: processes.Queue) -> None:
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=2)
    rows = torch.full((1 + rank, 2 + rank), float(rank + 1), requires_grad=True)  # other sizes in each
    gathered = gather_rows(rows)  # (3, 3)
    mask = gather_rows(torch.ones(1 + rank, 2 + rank, dtype=torch.bool))
    (gathered * torch.arange(9.0).view(3, 3)).sum().backward()
    results.put((rank, gathered.tolist(), mask.tolist(), rows.grad.tolist()))
    dist.destroy_process_group()


def test_every_process_gets_all_rows_and_gradients_find_home(tmp_path) -> None:
    context = processes.get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(target=_gather, args=(rank, str(tmp_path / "meet"), results)) for rank in (0, 1)
    ]
    for worker in workers:
        worker.start()
    found = {rank: rest for rank, *rest in (results.get(timeout=60) for _ in workers)}
    for worker in workers:
        worker.join(30)
    rows, mask, _ = found[0]
    assert rows == found[1][0] == [[1, 1, 0], [2, 2, 2], [2, 2, 2]]
    assert mask == [[True, True, False], [True, True, True], [True, True, True]]
    assert found[0][2] == [[0, 2]]  # both processes' gradients, 0 and 1 twice
    assert found[1][2] == [[6, 8, 10], [12, 14, 16]]


def test_the_contrast_of_windows_by_hand() -> None:
    logits, none = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.zeros(2, 2, dtype=torch.bool)
    rows = (math.log(1 + math.exp(-2)) + math.log(2)) / 2
    assert window_contrast(logits, torch.arange(2), none, 1.0) == pytest.approx(rows)


def test_an_ignored_pair_is_no_negative_in_either_direction() -> None:
    logits = torch.tensor([[1.0, 9.0], [0.0, 1.0]])
    ignored = torch.tensor([[False, True], [False, False]])
    first, second = 0.0, math.log(1 + math.exp(-1))  # query 0 has no negative left
    columns = (math.log(1 + math.exp(-1)) + 0.0) / 2  # window 1 has no other query
    found = window_contrast(logits, torch.arange(2), ignored, 1.0)
    assert found == pytest.approx(((first + second) / 2 + columns) / 2)


def test_queries_of_one_window_are_no_negatives_of_each_other() -> None:
    logits = torch.randn(3, 2)
    none = torch.zeros(3, 2, dtype=torch.bool)
    positive = torch.tensor([0, 0, 1])
    other = logits.clone()
    other[1, 0] += 5  # asks more of query 1, nothing of query 0's column
    before, after = (window_contrast(one, positive, none, 1.0) for one in (logits, other))
    columns = [logits[[0, 2], 0], other[[0, 2], 0]]
    assert torch.equal(*columns) and after != before
