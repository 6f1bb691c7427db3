"""A world for the spans scorer: words have directions, a clip shows the words that are told in it."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.reloclnet.span_model import SpanReLoCLNet

NUM_WORDS, WORD_WIDTH = 30, 10
DATA = DataSettings(label_end="inclusive", clip_length=2.0)
SETTINGS = ReLoCLNetSettings(
    scorer="spans",
    hidden_size=8,
    q2c_alpha=1.0,
    min_pred_l=1,
    max_pred_l=6,
    max_span_seconds=12.0,
    lex_min_df=1,
    attention_hidden=5,
    word_drop=0.0,
    content_drop=0.0,
    lex_drop=0.0,
    attention_drop=0.0,
)


def make_batch(
    seed: int = 0, queries: int = 8, windows: int = 4, frames: int = 8, subtitles: int = 6
) -> Batch:
    """Windows of 9 to 12 clips, two to a film; each query's words are shown in its moment."""
    draw = torch.Generator().manual_seed(seed)
    world = torch.Generator().manual_seed(7)  # words look the same in every batch
    look = torch.randn(NUM_WORDS, frames + subtitles, generator=world)
    vectors = torch.randn(NUM_WORDS, WORD_WIDTH, generator=world)
    lengths = torch.randint(9, 13, (windows,), generator=draw)
    mask = torch.arange(12) < lengths[:, None]  # (M, T)
    rows = 0.2 * torch.randn(windows, 12, frames + subtitles, generator=draw)
    positive = torch.arange(queries) % windows
    words = torch.randint(0, NUM_WORDS, (queries, 5), generator=draw)  # (N, L)
    known = torch.arange(5) < torch.randint(2, 6, (queries, 1), generator=draw)  # (N, L)
    first = torch.randint(0, 7, (queries,), generator=draw)
    last = first + torch.randint(0, 3, (queries,), generator=draw)
    told = (look[words] * known[:, :, None]).sum(dim=1)  # (N, D)
    for query in range(queries):
        rows[positive[query], first[query] : last[query] + 1] += told[query]
    rows[:, ::5, frames:] = 0  # silence
    rows = rows * mask[:, :, None]
    clips = torch.arange(12)
    return Batch(
        QueryBatch(
            [str(i) for i in range(queries)], vectors[words] * known[:, :, None], known, (words + 2) * known
        ),
        window_batch(rows[:, :, :frames] + mask[:, :, None], rows[:, :, frames:], mask),
        positive,
        Targets([], torch.stack([first, last], 1), (clips >= first[:, None]) & (clips <= last[:, None])),
    )


def window_batch(frames: Tensor | None, subtitles: Tensor | None, mask: Tensor) -> WindowBatch:
    """Windows in a row, two to a film, clips of two seconds; the last clip of a window is half as long."""
    count = len(mask)
    starts = torch.arange(count, dtype=torch.float64) * 100
    ends = starts + mask.sum(dim=1) * 2.0 - 1.0
    return WindowBatch(
        ids=[f"w{i}" for i in range(count)],
        mask=mask,
        movies=torch.arange(count) // 2,
        seconds=torch.stack([starts, ends], 1),
        clip_seconds=torch.full((count,), 2.0, dtype=torch.float64),
        frames=frames,
        subtitles=subtitles,
    )


def sizes(frames: int = 8, subtitles: int = 6, vocabulary: bool = True) -> Sizes:
    """What a model must know of the world."""
    frequency = (0, 0, *(1 + number % 4 for number in range(NUM_WORDS))) if vocabulary else ()
    return Sizes(
        frames=frames,
        subtitles=subtitles,
        words=WORD_WIDTH,
        clips=12,
        tokens=5,
        document_frequency=frequency,
        num_queries=20,
    )


def make_model(sizes: Sizes, seed: int = 0, **changes: Any) -> SpanReLoCLNet:
    """A model whose every parameter was moved a little, so that nothing is zero or identical by chance."""
    torch.manual_seed(seed)
    model = SpanReLoCLNet(replace(SETTINGS, **changes), DATA, sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def with_room(windows: WindowBatch, extra: int) -> WindowBatch:
    """The same windows with more padding."""

    def wider(rows: Tensor | None) -> Tensor | None:
        return None if rows is None else torch.nn.functional.pad(rows, (0, 0, 0, extra))

    mask = torch.nn.functional.pad(windows.mask, (0, extra))
    return replace(windows, mask=mask, frames=wider(windows.frames), subtitles=wider(windows.subtitles))


def of_windows(windows: WindowBatch, rows: list[int]) -> WindowBatch:
    """Some windows, in the order asked for."""
    return replace(
        windows,
        ids=[windows.ids[row] for row in rows],
        **{
            name: None if getattr(windows, name) is None else getattr(windows, name)[rows]
            for name in ("mask", "movies", "seconds", "clip_seconds", "frames", "subtitles")
        },
    )
