"""Films of coloured shapes: every 20 seconds another one, told by two characters, and a picture every 5 s.

Frame rows and word rows are there too, so that both stages can be trained.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from method_tng.contract.settings import DataSettings
from method_tng.dataset.feature_store import write_features
from tests.tiny import write_lines

COLOURS = {"红": (220, 40, 40), "绿": (40, 220, 40), "蓝": (40, 40, 220), "黄": (220, 220, 40)}
SHAPES = "圆方"
TOLD = [colour + shape for colour in COLOURS for shape in SHAPES]
CHARACTERS = "".join(COLOURS) + SHAPES
SHOT, CLIP, BETWEEN = 20, 2, 5  # seconds
FILMS = {"train": 8, "val": 2}
WIDTH = 8


def make_shape_films(folder: Path, seed: int = 0) -> DataSettings:
    """Writes annotations, features and pictures; gives the settings that read them."""
    rng = np.random.default_rng(seed)
    words = {character: rng.standard_normal(WIDTH).astype(np.float32) for character in CHARACTERS}
    video, queries, durations = [], [], {}
    for split, count in FILMS.items():
        lines = []
        durations[split] = {}
        for film in (f"{split}{number}" for number in range(count)):
            order = rng.permutation(len(TOLD)).tolist()
            durations[split][film] = [float(SHOT * len(TOLD)), len(durations[split])]
            video.append((film, _rows(order, words, rng)))
            for place, number in enumerate(order):
                query_id, start = 100 * len(video) + place, SHOT * place
                queries.append((str(query_id), np.stack([words[one] for one in TOLD[number]])))
                moment = {
                    "vid_name": film,
                    "duration": durations[split][film][0],
                    "ts": [start + 4, start + 14],
                }
                lines.append({"desc_id": query_id, "desc": TOLD[number], "type": "v", **moment})
                _draw_shot(folder / "pictures" / film, start, TOLD[number], rng)
        write_lines(folder / f"{split}.jsonl", lines)
    (folder / "durations.json").write_text(json.dumps(durations))
    write_features(folder / "video.h5", video)
    write_features(folder / "query.h5", queries)
    settings = DataSettings(dset_name="shapes", annotations=str(folder / "{split}.jsonl"), ctx_mode="video")
    paths = {f"{name}_features": str(folder / f"{name}.h5") for name in ("video", "query")}
    return replace(settings, durations=str(folder / "durations.json"), clip_length=float(CLIP), **paths)


def flags(data: DataSettings, **options: object) -> list[str]:
    """The settings and more options, as a command line."""
    changed = {name: value for name, value in asdict(data).items() if value != getattr(DataSettings(), name)}
    words = []
    for name, value in (changed | options).items():
        listed = value if isinstance(value, list) else [value]
        words += [f"--{name}", *map(str, listed)] if value is not True else [f"--{name}"]
    return words


def _rows(order: list[int], words: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """The sum of the characters while they are told, and noise."""
    rows = 0.2 * rng.standard_normal((len(order) * SHOT // CLIP, WIDTH))
    for place, number in enumerate(order):
        first = (SHOT * place + 4) // CLIP
        rows[first : first + 5] += sum(words[one] for one in TOLD[number])
    return rows.astype(np.float32)


def _draw_shot(folder: Path, start: int, told: str, rng: np.random.Generator) -> None:
    """Noisy pictures of a shape; each of its own size and place."""
    folder.mkdir(parents=True, exist_ok=True)
    for second in range(start, start + SHOT, BETWEEN):
        across, down = np.meshgrid(*2 * [np.arange(32) - 15.5 + rng.uniform(-2, 2)])
        size = rng.uniform(8, 12)
        inside = across**2 + down**2 < size**2 if told[1] == "圆" else np.abs(down) < size / 2
        ink = np.where(inside[..., None], COLOURS[told[0]], 20) + rng.normal(0, 10, (32, 32, 3))
        picture = Image.fromarray(ink.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{1000 * second:09}.jpg", quality=92)
