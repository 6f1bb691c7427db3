"""Products of queries with clips: in blocks, in pairs, with masks."""

import pytest
import torch

from method_tng.layers import similarity
from method_tng.layers.similarity import best_clip, pair_products


@pytest.fixture
def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mask = torch.arange(5) < torch.tensor([5, 1, 3, 4, 2, 5, 3])[:, None]
    return torch.randn(4, 6), torch.randn(7, 5, 6), mask


def test_the_best_clip_is_a_real_one_however_the_work_is_cut(case, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, clips, mask = case
    grid = torch.einsum("qd,wtd->qwt", queries, clips)
    expected = grid.masked_fill(~mask, -torch.inf).amax(2)
    for block in (1, 50, 1 << 20):
        monkeypatch.setattr(similarity, "BLOCK", block)
        torch.testing.assert_close(best_clip(queries, clips, mask), expected)


def test_pairs_are_cells_of_the_whole_grid_in_any_order(case) -> None:
    queries, clips, _ = case
    grid = torch.einsum("qd,wtd->qwt", queries, clips)
    pairs = torch.tensor([[3, 0], [1, 6], [0, 0], [3, 0], [2, 4]])
    torch.testing.assert_close(pair_products(queries, clips, pairs), grid[pairs[:, 0], pairs[:, 1]])
    assert pair_products(queries, clips, pairs[:0]).shape == (0, 5)
    assert best_clip(queries, clips[:0], torch.ones(0, 5, dtype=torch.bool)).shape == (4, 0)


def test_accelerators_pick_the_same_numbers_from_blocks(case, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, clips, _ = case
    pairs = torch.tensor([[2, 0], [0, 1], [3, 1], [1, 5], [2, 6]])  # by window
    for block in (1, 50, 1 << 20):
        monkeypatch.setattr(similarity, "DENSE_BLOCK", block)
        found = similarity._by_block(queries, clips, pairs)
        torch.testing.assert_close(found, similarity._by_window(queries, clips, pairs))
