"""An index of any size without any film: drawn clips that cluster by film, encoded by an untrained model.

    python -m tests.benchmarks.generated_index FOLDER [--films 100] [--hours 2] [--preset movies|reloclnet]

Every film has a direction of its own in each stream; its clips walk smoothly around it.  Numbers are normal,
and their variance falls with their place (1, 1/2, 1/3, ...), as in features of pictures and texts, so that
films have more or less in common.  The model is the
main system's at width 256 with two streams, untrained and seeded; the run folder lies beside the index, its
sentences are hashed words, so that anything can be typed at it.  FOLDER/index is the index.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from scipy.signal import lfilter
from torch import Tensor
from tqdm import tqdm

from method_tng.contract.batch import WindowBatch
from method_tng.contract.items import Movie
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.dataset.windows import cut
from method_tng.encoders.hashed import HashedEncoder
from method_tng.runs.checkpoint import fingerprint, save_weights
from method_tng.runs.config import resolve
from method_tng.runs.folder import RunFolder
from method_tng.runs.option_files import read_preset
from method_tng.runs.systems import recipe_of
from method_tng.search.encoding import FilmFacts, facts_and_times
from method_tng.search.index import Index, Model

WIDTH = 256
STEP = 0.35  # length of a clip's step away from the film's own direction
PULL = 0.9  # what is left of the steps before it
PRESETS = {
    "movies": {"vocabulary": False},
    "reloclnet": {"window_seconds": 200.0, "max_ctx_l": 100, "clip_length": 2.0, "ctx_mode": "video_sub"},
}


def make_index(folder: Path, films: int = 100, hours: float = 2.0, preset: str = "movies") -> Path:
    """Writes a run and an index of drawn films; returns the index' folder.

    Args:
        folder: where; the index is folder/index.  One that is there, of as many films, is kept.
        films: how many.
        hours: length of each.
        preset: of the main system; `movies` scores spans, `reloclnet` the best clip.
    """
    place = folder / "index"
    if (place / "index.json").is_file() and len(Index.open(place).films) == films:
        return place
    run, model = make_run(folder, preset)
    data = run.settings.data
    kept = {"ctx_mode": data.ctx_mode, "clip_length": data.clip_length}
    made = Model(run=str(run.path.resolve()), weights=fingerprint(model.state_dict()), data=kept)
    index = Index.create(place, made)
    with index.writing(), torch.inference_mode():
        for number in tqdm(range(films), unit="film", disable=None):
            facts = FilmFacts(f"film-{number:05}", 3600 * hours, f"Film {number}", f"folder-{number % 10}")
            windows = cut(Movie(facts.film_id, facts.duration), data)
            codes = [model.encode_windows(batch) for batch in drawn_windows(data, facts.duration, number)]
            index.put(*facts_and_times(facts, windows, codes))
    return place


def make_run(folder: Path, preset: str) -> tuple[RunFolder, torch.nn.Module]:
    """A run of the main system with drawn weights, and its model."""
    system = "reloclnet"
    options = PRESETS[preset] | {"hidden_size": WIDTH, "results_root": str(folder / "runs")}
    settings = resolve([read_preset(preset, system), ("generated", options)], system)
    sizes = Sizes(frames=WIDTH, subtitles=WIDTH, words=WIDTH, clips=settings.data.max_ctx_l, tokens=48)
    (stage,) = recipe_of(system).stages
    described = HashedEncoder(WIDTH).describe()
    run = RunFolder.create(settings, {"sizes": {stage.name: asdict(sizes)}, "text_encoder": described})
    torch.manual_seed(0)
    model = stage.build(settings.model, settings.data, sizes).eval()
    save_weights(run.path / f"{stage.name}.best.safetensors", model.state_dict())
    return run, model


def drawn_windows(data: DataSettings, duration: float, seed: int) -> Iterator[WindowBatch]:
    """The windows of a film, nine at a time."""
    clips = round(duration / data.clip_length)
    draw = torch.Generator().manual_seed(seed)
    streams = [_walk(clips, draw) for _ in range(2)]  # (clips, D) each
    for first in range(0, clips, 9 * data.max_ctx_l):
        parts = [stream[first : first + 9 * data.max_ctx_l].split(data.max_ctx_l) for stream in streams]
        yield _batch(data, first, [torch.nn.utils.rnn.pad_sequence(part, batch_first=True) for part in parts],
                     torch.tensor([len(part) for part in parts[0]]))  # fmt: skip


def _walk(clips: int, draw: torch.Generator) -> Tensor:
    """(clips, D) float32 rows of length 1 around one direction, each near the one before."""
    spread = torch.arange(1, WIDTH + 1) ** -0.5
    steps = torch.randn(clips, WIDTH, generator=draw) * spread / spread.norm()
    walk = torch.from_numpy(lfilter([STEP], [1, -PULL], steps.numpy(), axis=0)).float()
    rows = steps[0] / steps[0].norm() + walk
    return rows / rows.norm(dim=1, keepdim=True)


def _batch(data: DataSettings, first: int, streams: list[Tensor], lengths: Tensor) -> WindowBatch:
    starts = (first + data.max_ctx_l * torch.arange(len(lengths))).double() * data.clip_length
    ends = starts + lengths * data.clip_length
    return WindowBatch(
        ids=[str(start) for start in starts.tolist()],
        mask=torch.arange(streams[0].shape[1]) < lengths[:, None],
        movies=torch.zeros(len(lengths), dtype=torch.int64),
        seconds=torch.stack([starts, ends], dim=1),
        clip_seconds=torch.full((len(lengths),), data.clip_length).double(),
        frames=streams[0],
        subtitles=streams[1],
    )


def clips_like_queries(code: Code, count: int, noise: float, seed: int) -> Code:
    """Query codes that lie near drawn clips of a film, as those of a trained model would: a row each.

    Args:
        code: a film's windows.
        count: how many.
        noise: length of what is added to a direction of length 1, in each stream.
        seed: of the draws.
    """
    draw = torch.Generator().manual_seed(seed)
    streams = code["content"].unbind(2) if "content" in code else (code["video"], code["sub"])
    windows = torch.randint(len(code["mask"]), (count,), generator=draw)
    place = torch.randint(int(code["mask"].sum(1).min()), (count,), generator=draw)
    rows = torch.stack([stream[windows, place].float() for stream in streams], dim=1)  # (count, S, D)
    rows = rows / rows.norm(dim=2, keepdim=True)
    spread = torch.arange(1, rows.shape[2] + 1) ** -0.5
    rows = rows + noise * torch.randn(rows.shape, generator=draw) * spread / spread.norm()
    return {"query": rows} if "content" in code else dict(zip(("video", "sub"), rows.unbind(1), strict=True))


def main() -> None:
    """Writes an index and tells where."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=100)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--preset", choices=PRESETS, default="movies")
    asked = parser.parse_args()
    print(make_index(asked.folder, asked.films, asked.hours, asked.preset))


if __name__ == "__main__":
    main()
