"""Attention against the textbook, its masks, and the blocks around it."""

import math

import pytest
import torch

from method_tng.layers.attention import MultiHeadAttention
from method_tng.layers.blocks import InputProjection, SelfAttentionBlock
from method_tng.layers.pooling import WordPooling
from method_tng.layers.position import LearnedPositions

MASK = torch.tensor([[True, True, True, False], [True, False, False, False]])


@pytest.fixture
def rows() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 4, 6)


def by_hand(layer: MultiHeadAttention, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """One item, no mask, head by head."""
    query, key, value = layer.query(queries), layer.key(keys), layer.value(keys)
    size = query.shape[1] // layer.heads
    heads = []
    for head in range(layer.heads):
        part = slice(head * size, (head + 1) * size)
        weights = (query[:, part] @ key[:, part].T / math.sqrt(size)).softmax(1)
        heads.append(weights @ value[:, part])
    return torch.cat(heads, dim=1)


@pytest.mark.parametrize("lowered", [False, True])
def test_attention_reads_the_real_keys_only(rows: torch.Tensor, lowered: bool) -> None:
    layer = MultiHeadAttention(6, 2, 0.0, lowered)
    found = layer(rows, rows, MASK)
    for item, length in enumerate((3, 1)):
        expected = by_hand(layer, rows[item], rows[item, :length])
        torch.testing.assert_close(found[item], expected, rtol=1e-5, atol=1e-6)


def test_dropped_attention_equals_the_fused_one_on_average(rows: torch.Tensor) -> None:
    layer = MultiHeadAttention(6, 2, 0.25)
    exact = layer.eval()(rows, rows, MASK)
    layer.train()
    torch.manual_seed(1)
    with torch.no_grad():
        mean = torch.stack([layer(rows, rows, MASK) for _ in range(1000)]).mean(0)
    assert (mean - exact).abs().max() < 0.1
    assert not torch.equal(layer(rows, rows, MASK), layer(rows, rows, MASK))


def test_a_place_that_may_see_nothing_sees_everything_when_logits_are_lowered(rows: torch.Tensor) -> None:
    layer = MultiHeadAttention(6, 2, 0.0, lowered=True)
    seen = MASK[:, :, None] & MASK[:, None]
    found = layer(rows, rows, seen)[1, 3]  # a padded place of the second item
    assert (found - by_hand(layer, rows[1, 3:], rows[1])[0]).abs().max() < 1e-3  # up to rounding near -10,000


def test_no_mask_makes_a_number_that_is_none(rows: torch.Tensor) -> None:
    layer = MultiHeadAttention(6, 2, 0.1).train()
    assert layer(rows, rows, torch.zeros_like(MASK)).isfinite().all()


def test_a_block_gives_normalised_rows_and_ignores_padding(rows: torch.Tensor) -> None:
    block = SelfAttentionBlock(6, 3, 0.0)
    found = block(rows, MASK)
    torch.testing.assert_close(found.mean(-1), torch.zeros(2, 4), atol=1e-6, rtol=0)
    changed = rows.masked_fill(~MASK[:, :, None], 9.0)
    torch.testing.assert_close(block(changed, MASK)[MASK], found[MASK])


def test_projected_rows_are_not_negative_and_forget_the_scale_of_features() -> None:
    layer = InputProjection(10, 4, 0.0)
    rows = torch.randn(2, 3, 10)
    assert (layer(rows) >= 0).all()
    torch.testing.assert_close(layer(rows), layer(100 * rows), rtol=1e-3, atol=1e-3)


def test_equal_rows_at_different_places_become_different(rows: torch.Tensor) -> None:
    layer = LearnedPositions(5, 6, 0.0)
    same = rows[:, :1].expand(-1, 4, -1)
    found = layer(same)
    assert (found[:, 0] - found[:, 1]).abs().max() > 0.1
    torch.testing.assert_close(layer(same[:, :2]), found[:, :2])


def test_words_are_pooled_with_weights_that_sum_to_one_over_real_words(rows: torch.Tensor) -> None:
    pool = WordPooling(6, 2)
    weights = pool.weights(rows, MASK)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 2))
    assert (weights[~MASK] == 0).all()
    torch.testing.assert_close(pool(rows, MASK)[1], rows[1, :1].expand(2, -1))  # a sentence of one word
