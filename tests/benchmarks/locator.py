"""Processor seconds and memory of RNL at its published size, or of the movies preset.

    python -m tests.benchmarks.locator [--size published|movies] [--batch 8] [--whole]

Data are drawn: windows of 200 s (rows of a second with faces, or of two), sentences of 20 to 40 words.
`--whole` holds the sum of every frame with every word at once, as published, instead of blocks of frames.
One size per process, because peak memory cannot be reset.
"""

import argparse

import torch

from baselines.cnclip_rnl import alignment
from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.objective import localizer_terms
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch
from method_tng.contract.recipe import Progress, Sizes
from method_tng.contract.settings import DataSettings
from tests.benchmarks.measure import peak_gigabytes, processor_seconds

PUBLISHED = CnclipRnlSettings(face_dim=1536, max_faces=3)
MOVIES = CnclipRnlSettings(
    hidden_size=128,
    num_frames=100,
    short_windows="mask",
    mask_alignment=True,
    anchor_widths=(2, 4, 6, 9, 13, 20),
    max_words=48,
    num_attn_layers=0,
)
WIDTHS = {"published": (PUBLISHED, 2560, 768), "movies": (MOVIES, 300, 300)}  # settings, rows, words
SECONDS = 200.0


def make_batch(settings: CnclipRnlSettings, count: int, row: int, word: int) -> Batch:
    """Sentences, each with its own window."""
    draw = torch.Generator().manual_seed(0)
    rows, ids = settings.num_frames, [str(number) for number in range(count)]
    mask = torch.arange(40) < torch.randint(20, 41, (count, 1), generator=draw)
    portraits = torch.randn(count, settings.max_faces, settings.hidden_size, generator=draw)
    windows = WindowBatch(
        ids,
        torch.ones(count, rows, dtype=torch.bool),
        torch.zeros(count, dtype=torch.int64),
        torch.tensor([[0.0, SECONDS]] * count, dtype=torch.float64),
        torch.full((count,), SECONDS / rows, dtype=torch.float64),
        torch.randn(count, rows, row, generator=draw),
    )
    first = torch.randint(0, rows - 10, (count,), generator=draw)
    targets = Targets([torch.zeros(1, 2)] * count, torch.stack((first, first + 5), 1), windows.mask)
    queries = QueryBatch(ids, torch.randn(count, 40, word, generator=draw), mask, portraits=portraits)
    return Batch(queries, windows, torch.arange(count), targets)


def main() -> None:
    """Measures and prints one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=WIDTHS, default="published")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings, row, word = WIDTHS[args.size]
    if args.whole:
        alignment.AdditiveAttention.forward.__defaults__ = (1 << 62,)
    torch.manual_seed(0)
    model = RNL(settings, DataSettings(ctx_mode="video"), Sizes(frames=row, words=word))
    batch = make_batch(settings, args.batch, row, word)
    progress = Progress(0, 0, 1, 1, torch.Generator().manual_seed(0))

    def step() -> None:
        sum(localizer_terms(model.train(), batch, progress).values()).backward()

    seconds = processor_seconds(step, 3)
    trained = peak_gigabytes()
    with torch.no_grad():
        model.eval()
        encoded = processor_seconds(lambda: model.encode_windows(batch.windows), 3)
        codes = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
        pairs = torch.arange(args.batch)[:, None].expand(-1, 2)
        located = processor_seconds(lambda: model.localize(*codes, pairs), 3)
    told = {"step": seconds, "all windows": encoded, "all pairs": located}
    figures = ", ".join(
        f"{name} {middle:.2f} ({least:.2f} to {most:.2f}) s" for name, (least, middle, most) in told.items()
    )
    print(f"{args.size}{' whole' * args.whole}, batch {args.batch}: {figures}, peak {trained:.2f} GB")


if __name__ == "__main__":
    main()
