"""From the frames of a window and the words of a sentence to what the heads read.

Frames read the words; a gate selects frames; then a token of the whole window and the frames read each other,
more or less according to the gate; the selected frames are told what the token has learned.
Parameter names are the published ones.
Source: Hannan et al. 2024 (RGNet, ECCV), sections 3.2 and 3.3.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rgnet.settings import RGNetSettings
from method_tng.layers.anchor_decoder import AnchorDecoder, SequenceRows
from method_tng.layers.position import sine_positions
from method_tng.layers.transformer import EncoderBlock, ReadingBlock, hidden_bias

OFF_SELF = 1.0  # how much an unselected frame prefers the others to itself, as released
TINY = 1e-8


@dataclass(frozen=True)
class Words:
    """The words of the sentence of each pair."""

    rows: Tensor  # (P, L, D)
    mask: Tensor  # (P, L) bool


@dataclass(frozen=True)
class Frames:
    """The frames of the window of each pair."""

    rows: Tensor  # (P, T, D)
    mask: Tensor  # (P, T) bool


@dataclass(frozen=True)
class Read:
    """What the encoder makes of P pairs of a sentence and a window."""

    token: Tensor  # (P, D) of the whole window
    frames: Tensor  # (P, T, D), the token added where the gate is open
    position: Tensor  # (P, T, D)
    mask: Tensor  # (P, T) bool
    gate_logits: Tensor  # (P, T)
    gate: Tensor  # (P, T) 0 or 1, with the gradient of its soft form


class Layers(nn.Module):
    """A stack of blocks."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(blocks)


class Transformer(nn.Module):
    """Encoder and decoder with the gate between the encoder's halves."""

    def __init__(self, settings: RGNetSettings) -> None:
        super().__init__()
        width, heads, inner = settings.hidden_size, settings.n_heads, settings.dim_feedforward
        self.settings = settings
        blocks = (width, heads, inner, settings.drop)
        self.t2v_encoder = Layers([ReadingBlock(*blocks) for _ in range(settings.enc_layers)])
        self.prop_instance = nn.Linear(width, 1)
        self.encoder = Layers([EncoderBlock(*blocks) for _ in range(settings.enc_layers)])
        self.decoder = AnchorDecoder(width, heads, inner, settings.dec_layers, settings.drop)
        self._start()

    def forward(
        self, token: tuple[Tensor, Tensor], frames: Frames, words: Words, noise: Tensor | None
    ) -> Read:
        """Encodes P pairs.

        Args:
            token: the window token and its position, (D,) each.
            frames, words: row-aligned.
            noise: (P, 1 + T) of the gate, uniform in [0, 1]; None = drawn while training, none otherwise.
        """
        width, pairs = self.settings.hidden_size, len(frames.rows)
        position = sine_positions(frames.mask, width, self.settings.pos_temperature)  # (P, T, D)
        rows, bias = frames.rows, self._text_bias(frames.mask, words.mask)
        for layer in self.t2v_encoder.layers:
            rows = layer(rows, position, words.rows, bias)  # (P, T, D)
        first, first_position = (value.expand(pairs, 1, -1) for value in token)
        rows = torch.cat((first, rows), dim=1)  # (P, 1 + T, D)
        positions = torch.cat((first_position, position), dim=1)
        gate_logits = self.prop_instance(rows).squeeze(-1)  # (P, 1 + T)
        gate = self._gate(gate_logits, noise)
        mask = F.pad(frames.mask, (1, 0), value=True)  # (P, 1 + T)
        bias = hidden_bias(mask) + sparse_bias(gate.detach(), mask, self.settings.sparse_mode)
        for layer in self.encoder.layers:
            rows = layer(rows, positions, bias)
        first, rows = rows[:, 0], rows[:, 1:]
        gate = gate[:, 1:]  # that of the token is never used
        told = rows + gate[..., None] * first[:, None]
        return Read(first, told, position, frames.mask, gate_logits[:, 1:], gate)

    def decode(self, anchors: Tensor, read: Read) -> tuple[Tensor, Tensor]:
        """anchors (Q, 2) -> results (layers, P, Q, D) and the intervals they start from (layers, P, Q, 2)."""
        sequence = SequenceRows(read.frames, read.position, hidden_bias(read.mask))
        return self.decoder(anchors.expand(len(read.frames), -1, -1), sequence)

    def _gate(self, logits: Tensor, noise: Tensor | None) -> Tensor:
        if not self.training and noise is None:
            return (logits >= 0).to(logits.dtype)
        noise = torch.rand_like(logits) if noise is None else noise
        logistic = (noise + TINY).log() - (1 - noise + TINY).log()
        soft = ((logits + logistic) / self.settings.gumbel_eps).sigmoid()
        return (soft >= 0.5).to(soft.dtype) + soft - soft.detach()

    def _text_bias(self, frames: Tensor, words: Tensor) -> Tensor:
        """(P, 1, 1, L), -inf at padded words; as published (P, H, T, L), other pairs' padding too."""
        bias = hidden_bias(words)
        if not self.settings.text_mask_compat:
            return bias
        hidden = (~frames)[:, :, None] & (~words)[:, None]  # (P, T, L)
        pairs, heads = len(words), self.settings.n_heads
        others = torch.arange(pairs * heads, device=words.device) % pairs  # meant was: // heads
        return bias.masked_fill(hidden[others].unflatten(0, (pairs, heads)), -torch.inf)

    def _start(self) -> None:
        """Xavier's start of every matrix; the decoder's moves start at none."""
        for value in self.parameters():
            if value.dim() > 1:
                nn.init.xavier_uniform_(value)
        for head in self.decoder.bbox_embed:
            last = head.layers[-1]
            nn.init.zeros_(last.bias)
            if not self.settings.anchor_start_compat:
                nn.init.zeros_(last.weight)


def sparse_bias(gate: Tensor, mask: Tensor, mode: str) -> Tensor:
    """What the gate adds to the logits of the window's attention.

    Args:
        gate: (P, 1 + T) 0 or 1, the token's first (ignored).
        mask: (P, 1 + T) bool.
        mode: see `sparse_mode`.

    Returns:
        (P, 1, 1 + T, 1 + T), reader before what is read; no row is -inf throughout, also at padding.
    """
    closed = gate == 0
    closed[:, 0] = False
    if mode == "key":
        reader = torch.zeros_like(closed)
        reader[:, 0] = True
        return _where(reader[:, :, None] & closed[:, None], -torch.inf)
    others = ~torch.eye(gate.shape[1], dtype=torch.bool, device=gate.device)
    if mode == "row":
        return _where((closed & mask)[:, :, None] & others, -torch.inf)
    return _where(closed[:, :, None] & others, OFF_SELF)


def _where(condition: Tensor, value: float) -> Tensor:
    """(P, L, L) bool -> (P, 1, L, L) float, `value` where it holds, else 0."""
    return torch.zeros(condition.shape, device=condition.device).masked_fill_(condition, value)[:, None]
