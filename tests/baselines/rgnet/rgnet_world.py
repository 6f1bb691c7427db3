"""A small RGNet and batches for it."""

from typing import Any

import torch

from baselines.rgnet.model import RGNet
from baselines.rgnet.settings import RGNetSettings
from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Progress, Sizes
from method_tng.contract.settings import DataSettings

VIDEO, WORDS, FRAMES = 6, 5, 9
SMALL = {
    "hidden_size": 16,
    "n_heads": 2,
    "dim_feedforward": 16,
    "dec_layers": 2,
    "drop": 0.0,
    "input_drop": 0.0,
}


def make_model(seed: int = 0, sentence: int = VIDEO, **changes: Any) -> RGNet:
    """In eval mode, its decoder's moves drawn."""
    torch.manual_seed(seed)
    settings = RGNetSettings(**{**SMALL, "anchor_start_compat": True, **changes})
    sizes = Sizes(frames=VIDEO, words=WORDS, sentence=sentence)
    return RGNet(settings, DataSettings(ctx_mode="video"), sizes).eval()


def make_batch(seed: int = 0, count: int = 4, negative: bool = False) -> Batch:
    """Queries of one film, each with its own window of another length."""
    draw = torch.Generator().manual_seed(seed)
    words, frames = (
        torch.randn(count, size, width, generator=draw) for size, width in ((4, WORDS), (FRAMES, VIDEO))
    )
    lengths, sizes = torch.arange(count) % 4 + FRAMES - 3, torch.arange(count) % 3 + 2
    mask, said = torch.arange(FRAMES) < lengths[:, None], torch.arange(4) < sizes[:, None]
    frames, words = frames * mask[..., None], words * said[..., None]
    start = 10.0 * torch.arange(count, dtype=torch.float64)
    ids = [str(row) for row in range(count)]
    windows = WindowBatch(
        ids, mask, torch.zeros(count, dtype=torch.int64), torch.stack((start, start + lengths), 1),
        torch.ones(count, dtype=torch.float64), frames,
    )  # fmt: skip
    spans = [torch.tensor([[0.2, 0.5]], dtype=torch.float64) for _ in ids]
    inside = (torch.arange(FRAMES) >= 1) & (torch.arange(FRAMES) < 3)
    targets = Targets(spans, torch.tensor([[1, 2]] * count), inside.expand(count, -1))
    queries = QueryBatch(ids, words, said, sentence=torch.randn(count, VIDEO, generator=draw))
    rows = torch.arange(count)
    return Batch(queries, windows, rows, targets, rows.roll(1) if negative else None)


def progress(seed: int = 0) -> Progress:
    """Of the first step."""
    return Progress(0, 0, 1, 1, torch.Generator().manual_seed(seed))
