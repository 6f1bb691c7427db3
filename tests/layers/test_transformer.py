"""Attention with a bias against torch's own, positions, and the decoder of intervals."""

import math

import pytest
import torch
from torch import nn

from method_tng.layers.anchor_decoder import AnchorDecoder, SequenceRows, logit
from method_tng.layers.blocks import Perceptron
from method_tng.layers.position import sine_code, sine_positions
from method_tng.layers.transformer import EncoderBlock, PackedAttention, hidden_bias

MASK = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


def test_packed_attention_is_torchs() -> None:
    torch.manual_seed(0)
    ours, theirs = PackedAttention(8, 2, 0.0), nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    query, rows = torch.randn(2, 4, 8), torch.randn(2, 5, 8)
    expected, _ = theirs(query, rows, rows, key_padding_mask=~MASK)
    assert torch.allclose(ours(query, rows, rows, hidden_bias(MASK)), expected, atol=1e-6)


def test_the_bias_moves_attention_the_same_way_with_dropout_and_without() -> None:
    torch.manual_seed(0)
    block, rows = PackedAttention(8, 2, 3e-5), torch.randn(2, 5, 8)
    bias = hidden_bias(MASK) + torch.randn(2, 1, 5, 5)
    training, evaluating = (block.train(mode)(rows, rows, rows, bias) for mode in (True, False))
    assert torch.allclose(training, evaluating, atol=1e-3)


def test_padding_changes_no_row_of_a_block() -> None:
    torch.manual_seed(0)
    block, rows = EncoderBlock(8, 2, 16, 0.0), torch.randn(2, 5, 8)
    position = sine_positions(MASK, 8, 100.0)
    whole = block(rows, position, hidden_bias(MASK))
    alone = block(rows[1:, :3], position[1:, :3], hidden_bias(MASK[1:, :3]))
    assert torch.allclose(whole[1:, :3], alone, atol=1e-6)


def test_a_sine_code_by_hand() -> None:
    code = sine_code(torch.tensor([math.pi / 2]), 4, 100.0)[0].tolist()
    assert code == pytest.approx([1, 0, math.sin(math.pi / 20), math.cos(math.pi / 20)], abs=1e-6)


def test_positions_tell_how_far_a_row_stands_in_its_own_sequence() -> None:
    short, long = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 4, dtype=torch.bool)
    two, four = sine_positions(short, 6, 100.0), sine_positions(long, 6, 100.0)
    assert torch.allclose(two[0, 0], four[0, 1], atol=1e-5) and torch.allclose(
        two[0, 1], four[0, 3], atol=1e-5
    )


def test_the_logit_inverts_the_sigmoid_and_stays_finite() -> None:
    values = torch.tensor([0.0, 0.2, 0.9, 1.0])
    assert torch.allclose(logit(values).sigmoid(), values, atol=2e-3)
    assert torch.allclose(logit(values)[1:3].sigmoid(), values[1:3])


def test_a_perceptron_rectifies_between_its_maps_only() -> None:
    network = Perceptron(2, 3, 1)
    rows = torch.randn(4, 2)
    first, second = network.layers
    assert torch.allclose(network(rows), second(first(rows).relu()))


def test_the_decoder_moves_intervals_and_ignores_padding() -> None:
    torch.manual_seed(0)
    decoder = AnchorDecoder(8, 2, 16, 3, 0.0)
    rows, anchors = torch.randn(2, 5, 8), torch.rand(2, 4, 2) * 0.8 + 0.1
    position = sine_positions(MASK, 8, 100.0)
    results, started = decoder(anchors, SequenceRows(rows, position, hidden_bias(MASK)))
    assert results.shape == (3, 2, 4, 8) and started.shape == (3, 2, 4, 2)
    assert torch.equal(started[0], anchors) and not torch.allclose(started[1], anchors)
    fewer = SequenceRows(rows[1:, :3], position[1:, :3], hidden_bias(MASK[1:, :3]))
    assert torch.allclose(decoder(anchors[1:], fewer)[0], results[:, 1:], atol=1e-5)
