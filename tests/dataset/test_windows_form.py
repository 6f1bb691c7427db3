"""A corpus of ready-made windows and films that are cut give the same: windows, labels, batches.

The ready-made form is cut here, from the films' files, by the rule of the public packs.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from method_tng.contract.settings import DataSettings
from method_tng.dataset.collection import Collection
from method_tng.dataset.feature_store import write_features
from tests.tiny import write_lines

SECONDS, CLIPS = 40, 20  # of a window

Films = dict[str, list[float]]  # film -> [duration, index]


def starts_of(duration: float) -> range:
    """A film is cut until a window reaches its end."""
    return range(0, max(1, int(np.ceil(duration))), SECONDS)


def window_name(film: str, start: int) -> str:
    return f"{film}_{start:05d}"


def cut_rows(path: str, films: Films) -> Iterator[tuple[str, np.ndarray]]:
    with h5py.File(path) as file:
        for film, (duration, _) in films.items():
            for start in starts_of(duration):
                first = start // SECONDS * CLIPS
                yield window_name(film, start), file[film][first : first + CLIPS]


def cut_durations(films: Films) -> Films:
    return {
        window_name(film, start): [min(SECONDS, duration - start), 0]
        for film, (duration, _) in films.items()
        for start in starts_of(duration)
    }


def cut_line(line: dict[str, Any], films: Films) -> dict[str, Any]:
    """A narration in the window that holds its middle, clipped to it."""
    start = int(sum(line["ts"]) / 2 // SECONDS * SECONDS)
    length = min(SECONDS, films[line["vid_name"]][0] - start)
    moment = [max(0.0, line["ts"][0] - start), min(length, line["ts"][1] - start)]
    return {**line, "vid_name": window_name(line["vid_name"], start), "duration": length, "ts": moment}


@pytest.fixture
def ready(tiny: DataSettings, tmp_path: Path) -> DataSettings:
    """The tiny corpus as its windows, each a video of its own."""
    durations: dict[str, Films] = json.loads(Path(tiny.durations).read_text())
    for split, films in durations.items():
        lines = Path(tiny.annotations.replace("{split}", split)).read_text().splitlines()
        write_lines(
            tmp_path / f"windows_{split}.jsonl", [cut_line(json.loads(line), films) for line in lines]
        )
    everything = {film: told for films in durations.values() for film, told in films.items()}
    write_features(tmp_path / "windows_video.h5", cut_rows(tiny.video_features, everything))
    write_features(tmp_path / "windows_sub.h5", cut_rows(tiny.sub_features, everything))
    cut = {split: cut_durations(films) for split, films in durations.items()}
    (tmp_path / "windows.json").write_text(json.dumps(cut))
    return replace(
        tiny,
        annotations=str(tmp_path / "windows_{split}.jsonl"),
        durations=str(tmp_path / "windows.json"),
        video_features=str(tmp_path / "windows_video.h5"),
        sub_features=str(tmp_path / "windows_sub.h5"),
        window_seconds=0.0,
    )


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_cutting_films_equals_ready_made_windows(tiny: DataSettings, ready: DataSettings, split: str) -> None:
    films, windows = Collection.open(tiny, split), Collection.open(ready, split)
    assert [one.window_id for one in films.windows] == [one.window_id for one in windows.windows]
    assert films.own_window.tolist() == windows.own_window.tolist()
    assert films.own_span == windows.own_span
    assert films.window_lengths.tolist() == windows.window_lengths.tolist()
    rows = range(len(films.split.narrations))
    ours, theirs = films.batch(rows), windows.batch(rows)
    assert torch.equal(ours.windows.frames, theirs.windows.frames)
    assert torch.equal(ours.windows.subtitles, theirs.windows.subtitles)
    assert torch.equal(ours.targets.clips, theirs.targets.clips)
    assert torch.equal(ours.targets.inside, theirs.targets.inside)
    assert all(map(torch.equal, ours.targets.spans, theirs.targets.spans))
