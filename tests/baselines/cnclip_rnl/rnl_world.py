"""A small RNL and batches for it."""

from collections.abc import Mapping
from typing import Any

import torch

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Progress, Sizes
from method_tng.contract.settings import DataSettings

VIDEO, FACES, WORDS, ROWS = 8, 4, 5, 24
SMALL = {"hidden_size": 8, "num_frames": 20, "max_words": 6, "anchor_widths": (2, 4, 8), "drop": 0.0}
WITH_FACES = {"face_dim": FACES, "max_faces": 2}


def make_model(seed: int = 0, data: Mapping[str, str] | None = None, **changes: Any) -> RNL:
    """In eval mode; `data` are data options, `changes` its own."""
    torch.manual_seed(seed)
    settings = CnclipRnlSettings(**{**SMALL, **changes})
    sizes = Sizes(frames=VIDEO + settings.face_dim, words=WORDS)
    return RNL(settings, DataSettings(**{"ctx_mode": "video", **(data or {})}), sizes).eval()


def make_batch(seed: int = 0, count: int = 4, faces: bool = False) -> Batch:
    """Sentences of one film, each with a window of another length."""
    draw = torch.Generator().manual_seed(seed)
    width = VIDEO + FACES * faces
    words = torch.randn(count, 4, WORDS, generator=draw)
    frames = torch.randn(count, ROWS, width, generator=draw)
    lengths, told = ROWS - 4 * (torch.arange(count) % 4), torch.arange(count) % 3 + 2
    mask, said = torch.arange(ROWS) < lengths[:, None], torch.arange(4) < told[:, None]
    start = 10.0 * torch.arange(count, dtype=torch.float64)
    ids = [str(row) for row in range(count)]
    windows = WindowBatch(
        ids, mask, torch.zeros(count, dtype=torch.int64), torch.stack((start, start + 2.0 * lengths), 1),
        torch.full((count,), 2.0, dtype=torch.float64), frames * mask[..., None],
    )  # fmt: skip
    portraits = torch.randn(count, 2, SMALL["hidden_size"], generator=draw) if faces else None
    if portraits is not None:
        portraits[::2, 1] = 0
    queries = QueryBatch(ids, words * said[..., None], said, portraits=portraits)
    spans = [torch.tensor([[0.2, 0.5]], dtype=torch.float64) for _ in ids]
    clips = torch.tensor([[3, 7]] * count)
    inside = (torch.arange(ROWS) >= 3) & (torch.arange(ROWS) < 7)
    return Batch(queries, windows, torch.arange(count), Targets(spans, clips, inside.expand(count, -1)))


def progress(seed: int = 0) -> Progress:
    """Of the first step."""
    return Progress(0, 0, 1, 1, torch.Generator().manual_seed(seed))
