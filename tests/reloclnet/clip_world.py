"""Small random batches for the published network: windows of unequal length, several queries to a window."""

from dataclasses import replace
from typing import Any

import torch

from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Progress, Sizes
from method_tng.contract.settings import DataSettings
from method_tng.reloclnet.model import ReLoCLNet
from method_tng.reloclnet.settings import ReLoCLNetSettings

LENGTHS = (9, 3, 11, 1, 6)  # clips of the windows
OWN = (0, 0, 1, 2, 3, 4, 4)  # the window of each query
FRAMES, SUBTITLES, WORDS = 10, 8, 7
DATA = DataSettings(max_ctx_l=14, max_desc_l=6, clip_length=2.0)
SETTINGS = ReLoCLNetSettings(
    hidden_size=16, n_heads=4, initializer_range=0.3, max_pred_l=6, q2c_alpha=5.0, drop=0.1, input_drop=0.1
)


def make_model(frames: int = FRAMES, subtitles: int = SUBTITLES, seed: int = 0, **changes: Any) -> ReLoCLNet:
    """A model with random weights, in eval mode; `changes` are settings, label_end among them."""
    torch.manual_seed(seed)
    data = replace(DATA, label_end=changes.pop("label_end", DATA.label_end))
    sizes = Sizes(frames=frames, subtitles=subtitles, words=WORDS, clips=14, tokens=6)
    model = ReLoCLNet(replace(SETTINGS, **changes), data, sizes)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # no bias is zero, no norm is one
    return model.eval()


def make_batch(lengths: tuple[int, ...] = LENGTHS, own: tuple[int, ...] = OWN, seed: int = 1) -> Batch:
    """Windows side by side in two films, and queries with a moment inside their window."""
    draw = torch.Generator().manual_seed(seed)
    count = len(lengths)
    clips = torch.tensor(lengths)
    mask = torch.arange(max(lengths)) < clips[:, None]  # (M, T)
    start = 20.0 * (torch.arange(count) // 2)
    rows = [
        torch.randn(*mask.shape, width, generator=draw) * mask[:, :, None] for width in (FRAMES, SUBTITLES)
    ]
    windows = WindowBatch(
        ids=[f"window{row}" for row in range(count)],
        mask=mask,
        movies=torch.arange(count) % 2,
        seconds=torch.stack((start, start + 2.0 * clips), dim=1).double(),
        clip_seconds=torch.full((count,), 2.0, dtype=torch.float64),
        frames=rows[0],
        subtitles=rows[1],
    )
    positive = torch.tensor(own)
    num_words = torch.randint(1, 6, (len(own),), generator=draw)
    known = torch.arange(5) < num_words[:, None]  # (N, L)
    words = torch.randn(len(own), 5, WORDS, generator=draw) * known[:, :, None]
    last = clips[positive] - 1
    labels = torch.stack((last // 2, last), dim=1)
    place = torch.arange(mask.shape[1])
    inside = (place >= labels[:, :1]) & (place <= labels[:, 1:])
    spans = [torch.tensor([[0.5, 1.0]])] * len(own)
    queries = QueryBatch([f"query{row}" for row in range(len(own))], words, known)
    return Batch(queries, windows, positive, Targets(spans, labels, inside))


def progress(epoch: int = 0, seed: int = 2, length_buckets: int = 1) -> Progress:
    """Where training stands, with draws of its own."""
    return Progress(epoch, 0, 10, 100, torch.Generator().manual_seed(seed), length_buckets)


def all_pairs(num_queries: int, num_windows: int) -> torch.Tensor:
    """(P, 2) every query with every window."""
    return torch.cartesian_prod(torch.arange(num_queries), torch.arange(num_windows))
