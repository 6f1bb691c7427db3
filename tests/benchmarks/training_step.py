"""Processor seconds and memory of one training step of the published network.

    python -m tests.benchmarks.training_step [--hidden 384] [--mode shuffled|grouped|padded] [--drop 0.1]

Data are drawn: 128 queries, windows of 51 clips on average and 128 at most, widths 3074 / 770 / 768.

    padded    as published: every query brings its own window, padded to 128 clips
    shuffled  128 queries of 128 windows, encoded in groups of similar length
    grouped   the 5 queries of a window come together, so that 26 windows are encoded

One mode per process, because peak memory cannot be reset.  The last column divides by a plain matrix product
of the same arithmetic, timed in the same process.
"""

import argparse

import torch

from method_tng.contract.batch import Batch, QueryBatch, Targets, WindowBatch, to_device
from method_tng.contract.recipe import Progress, Sizes
from method_tng.contract.settings import DataSettings, TrainSettings
from method_tng.reloclnet.recipe import RECIPE
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.training.optim import make_optimizer
from method_tng.training.steps import update
from tests.benchmarks.measure import arithmetic, peak_gigabytes, processor_seconds, seconds_per_operation

SIZES = Sizes(frames=3074, subtitles=770, words=768, clips=128, tokens=30)
QUERIES, PER_WINDOW = 128, 5


def lengths_like_tvr(count: int, draw: torch.Generator) -> torch.Tensor:
    """Clips per window: 51 on average, between 6 and 128."""
    return (
        (51 + 14 * torch.randn(count, generator=draw))
        .round()
        .clamp(6, 128)
        .long()
        .index_fill(0, torch.tensor(0), 128)
    )


def make_batch(num_windows: int, draw: torch.Generator) -> Batch:
    """128 queries of some windows."""
    clips = lengths_like_tvr(num_windows, draw)
    mask = torch.arange(128) < clips[:, None]
    words = torch.randint(5, 31, (QUERIES,), generator=draw)
    word_mask = torch.arange(30) < words[:, None]
    positive = torch.arange(QUERIES) % num_windows
    first = (torch.rand(QUERIES, generator=draw) * (clips[positive] - 5)).long().clamp(min=0)
    inside = (torch.arange(128) >= first[:, None]) & (torch.arange(128) <= first[:, None] + 4)
    return Batch(
        QueryBatch([str(i) for i in range(QUERIES)], _rows(word_mask, 768, draw), word_mask),
        WindowBatch(
            ids=[str(i) for i in range(num_windows)],
            mask=mask,
            movies=torch.arange(num_windows),
            seconds=torch.stack([torch.zeros(num_windows), clips * 1.5], 1).double(),
            clip_seconds=torch.full((num_windows,), 1.5).double(),
            frames=_rows(mask, 3074, draw),
            subtitles=_rows(mask, 770, draw),
        ),
        positive,
        Targets([torch.zeros(1, 2)] * QUERIES, torch.stack([first, first + 4], 1), inside),
    )


def _rows(mask: torch.Tensor, width: int, draw: torch.Generator) -> torch.Tensor:
    rows = torch.randn(*mask.shape, width, generator=draw) * mask[:, :, None]
    return torch.nn.functional.normalize(rows, dim=-1)


def main() -> None:
    """Measures and prints one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--mode", choices=("shuffled", "grouped", "padded"), default="shuffled")
    parser.add_argument("--drop", type=float, default=0.1)
    parser.add_argument("--precision", choices=("float32", "tf32", "bf16"), default="float32")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    draw = torch.Generator().manual_seed(0)
    padded = asked.mode == "padded"
    settings = ReLoCLNetSettings(
        hidden_size=asked.hidden,
        pad_compat=padded,
        drop=asked.drop,
        input_drop=asked.drop,
        mask_related=not padded,
    )
    train = TrainSettings(precision=asked.precision)
    stage = RECIPE.stages[0]
    model = stage.build(settings, DataSettings(), SIZES).to(device).train()
    (objective,) = stage.objectives(model, settings)
    optimizer = make_optimizer(objective, train)
    windows = -(-QUERIES // PER_WINDOW) if asked.mode == "grouped" else QUERIES
    batch = to_device(make_batch(windows, draw), device)
    progress = Progress(0, 0, 1, -1, torch.Generator(device=device).manual_seed(0), train.length_buckets)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=asked.precision == "bf16"):
            terms = objective.loss(batch, progress)
        update(optimizer, sum(terms.values()), -1)

    torch.set_float32_matmul_precision("high" if asked.precision == "tf32" else "highest")
    operations = arithmetic(step)
    least, median, most = processor_seconds(step, asked.runs)
    plain = operations * seconds_per_operation(device)
    print(
        f"{asked.mode:9s} hidden {asked.hidden} {asked.precision}: {median:.2f} s "
        f"({least:.2f} to {most:.2f}), {operations / 1e9:.0f} GFLOP, "
        f"{median / plain:.2f} x a plain matrix product, peak {peak_gigabytes():.2f} GB"
    )


if __name__ == "__main__":
    main()
