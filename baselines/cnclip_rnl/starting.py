"""First weights with which what differs between frames and sentences reaches the heads.

The locator has no normalisation: with the usual first weights each of its six gated rounds halves every
difference between frames, and what frame and sentence have to do with each other is a fiftieth, at the heads,
of what the ends of the window leave (measured at width 64, rows of norm 4).  It then learns where in a window
moments lie, and little else.  Ours; weights that are loaded know nothing of it.
"""

import math

import torch
from torch import Tensor, nn

from baselines.cnclip_rnl.alignment import AdditiveAttention, AlignmentBlock
from baselines.cnclip_rnl.recurrent import BidirectionalGRU

KEPT = 1.0  # of the gates before the sigmoid: a row keeps three quarters of itself
LIKELY = 0.05  # score of every proposal at first; about the mean of what is wanted
SHARP = 1.5  # gain of what queries and keys are compared by
TANH = nn.init.calculate_gain("tanh")


@torch.no_grad()
def start_kept(locator: nn.Module, scores: nn.Conv1d) -> None:
    """Draws the weights of all rounds, of the additive attention and of the recurrent parts anew.

    Args:
        locator: all of it.
        scores: its head, which starts with a low score for every proposal (Lin et al. 2017, focal loss).
    """
    nn.init.constant_(scores.bias, math.log(LIKELY / (1 - LIKELY)))
    for part in locator.modules():
        if isinstance(part, AlignmentBlock):
            _start_block(part)
        elif isinstance(part, AdditiveAttention):
            nn.init.xavier_uniform_(part.ws1.weight, TANH)
            nn.init.xavier_uniform_(part.ws2.weight, TANH)
        elif isinstance(part, BidirectionalGRU):
            for value in part.gru.all_weights[0][:2] + part.gru.all_weights[1][:2]:  # without biases
                nn.init.xavier_uniform_(value)


def _start_block(block: AlignmentBlock) -> None:
    for linear in block.dense_coattn.linears:
        nn.init.orthogonal_(linear.weight, SHARP)
    for taken, kept in zip(block.linears, block.linears_re, strict=True):
        nn.init.xavier_uniform_(taken[0].weight, TANH)
        nn.init.zeros_(taken[0].bias)
        nn.init.constant_(kept[0].bias, KEPT)


def scaled_rows(rows: Tensor) -> Tensor:
    """Rows (..., D) whose numbers have a mean square of 1; rows of zeros stay."""
    size = rows.square().mean(-1, keepdim=True).sqrt()
    return rows / size.masked_fill(size == 0, 1)
