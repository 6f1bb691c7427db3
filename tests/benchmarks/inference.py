"""Processor seconds and memory of answering all queries of a corpus, split by stage.

    python -m tests.benchmarks.inference [--queries 10895] [--windows 2179] [--hidden 384]

Data are drawn, of TVR's validation size by default: windows of 51 clips on average and 128 at most, widths
3074 / 770 / 768, the published search options (100 windows opened, 200 moments kept, suppression at 0.5).
The last column divides by a plain matrix product of the same arithmetic, timed in the same process.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from method_tng.contract.batch import QueryBatch, WindowBatch, to_device
from method_tng.contract.settings import DataSettings, SearchSettings
from method_tng.reloclnet.recipe import RECIPE
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.retrieval.codes import encode_windows
from method_tng.retrieval.pipeline import Answerer, Corpus, Places, answer
from method_tng.retrieval.predictions import write_predictions
from tests.benchmarks.measure import arithmetic, peak_gigabytes, seconds_per_operation
from tests.benchmarks.training_step import SIZES, lengths_like_tvr


class Clock:
    """Processor seconds since the last question; on a GPU, wall seconds."""

    def __init__(self) -> None:
        self.read = time.perf_counter if torch.cuda.is_available() else time.process_time
        self.before = self.read()

    def lap(self) -> float:
        """Seconds since the last lap."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = self.read()
        taken, self.before = now - self.before, now
        return taken


def read_windows(clips: torch.Tensor, rows: Sequence[int]) -> WindowBatch:
    """Drawn windows: the same rows always give the same features."""
    chosen = clips[list(rows)]
    width = int(chosen.max())
    mask = torch.arange(width) < chosen[:, None]
    draw = torch.Generator().manual_seed(int(rows[0]))
    pattern = torch.randn(width, 3074 + 770, generator=draw)
    features = pattern.roll(1, 0) * torch.randn(len(rows), 1, 3074 + 770, generator=draw) * mask[:, :, None]
    return WindowBatch(
        ids=[str(row) for row in rows],
        mask=mask,
        movies=torch.tensor(list(rows)),
        seconds=torch.stack([torch.zeros(len(rows)), chosen * 1.5], 1).double(),
        clip_seconds=torch.full((len(rows),), 1.5).double(),
        frames=features[..., :3074],
        subtitles=features[..., 3074:],
    )


def read_queries(start: int, count: int) -> QueryBatch:
    """Drawn sentences of 14 words."""
    draw = torch.Generator().manual_seed(start)
    words = torch.randn(count, 14, 768, generator=draw)
    return QueryBatch([str(start + i) for i in range(count)], words, torch.ones(count, 14, dtype=torch.bool))


def main() -> None:
    """Measures and prints a line per stage."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=10_895)
    parser.add_argument("--windows", type=int, default=2_179)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--tasks", nargs="+", default=["VCMR", "SVMR", "VR"])
    parser.add_argument("--block", type=int, default=128, help="queries handled together")
    asked = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    clips = lengths_like_tvr(asked.windows, torch.Generator().manual_seed(1))
    settings = ReLoCLNetSettings(hidden_size=asked.hidden)
    search = SearchSettings(tasks=tuple(asked.tasks), nms_thd=0.5, eval_query_bsz=asked.block)
    model = RECIPE.stages[0].build(settings, DataSettings(), SIZES).to(device).eval()
    reference = seconds_per_operation(device)
    clock = Clock()

    codes = encode_windows(
        model.encode_windows, lambda rows: read_windows(clips, rows), clips.tolist(), 200, device
    )
    _tell("windows encoded", clock.lap())
    own = torch.arange(asked.queries, device=device) % asked.windows
    own = Places(own, own)  # every window is a film of its own
    starts = torch.zeros(asked.windows, dtype=torch.float64, device=device)
    names = [f"window{row}" for row in range(asked.windows)]
    corpus = Corpus(
        codes, names, names, torch.arange(asked.windows, device=device), starts, clips.to(device) * 1.5
    )
    answerer = Answerer(model, model, RECIPE.fusion, RECIPE.reported, settings, search)
    blocks = []
    with torch.inference_mode():
        for start in range(0, asked.queries, asked.block):
            batch = to_device(read_queries(start, min(asked.block, asked.queries - start)), device)
            blocks.append((torch.arange(start, start + len(batch)), model.encode_queries(batch)))
    _tell("queries encoded", clock.lap())
    ids = [str(row) for row in range(asked.queries)]
    ranked = replace(answerer, search=replace(search, tasks=("VR",)))
    answer(ranked, corpus, blocks, ids, own)
    ranking = clock.lap()
    _tell("windows ranked (VR)", ranking)
    tables = answer(answerer, corpus, blocks, ids, own)
    everything = clock.lap()
    _tell(f"all of {' '.join(asked.tasks)}", everything)
    _tell("  of it spans, moments, suppression", everything - ranking)
    operations = arithmetic(
        lambda: answer(answerer, corpus, blocks[:1], ids[: len(blocks[0][0])], own)
    ) * len(blocks)
    print(
        f"{operations / 1e12:.2f} TFLOP: {everything / (operations * reference):.2f} x a plain matrix product"
    )
    clock.lap()
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(tables, Path(folder), "all")
    _tell("written as JSON and npz", clock.lap())
    print(f"peak {peak_gigabytes():.2f} GB")


def _tell(what: str, seconds: float) -> None:
    print(f"{what:38s} {seconds:8.1f} s")


if __name__ == "__main__":
    main()
