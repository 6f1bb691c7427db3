"""On real packs, cutting whole films gives exactly the ready-made windows.

Set TNG_PACKS to a folder of built packs (both forms, files side by side) to run it.
"""

import os
from pathlib import Path

import pytest
import torch

from method_tng.contract.settings import DataSettings
from method_tng.dataset.check import check
from method_tng.dataset.collection import Collection

PACKS = os.environ.get("TNG_PACKS")

pytestmark = pytest.mark.skipif(not PACKS, reason="TNG_PACKS names no folder of built packs")


def settings(pack: str, form: str, window_seconds: float) -> DataSettings:
    start = f"{Path(PACKS or '') / pack}_"
    return DataSettings(
        annotations=f"{start}{form}_{{split}}.jsonl",
        durations=f"{start}{form}_video2dur_idx.json",
        video_features=f"{start}vid_{form}.h5",
        sub_features=f"{start}sub_{form}.h5",
        query_features=f"{start}query_table.h5",
        clip_length=2.0,
        window_seconds=window_seconds,
        window_stride=window_seconds,
        max_ctx_l=100,
        max_desc_l=48,
    )


@pytest.mark.parametrize("pack", ["tng_tiny", "tng_mini"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_cutting_films_gives_the_ready_made_windows(pack: str, split: str) -> None:
    films = Collection.open(settings(pack, "movies", 200.0), split)
    windows = Collection.open(settings(pack, "windows", 0.0), split)
    assert films.windows and films.split.narrations
    assert [one.window_id for one in films.windows] == [one.window_id for one in windows.windows]
    assert [one.end - one.start for one in films.windows] == [one.end for one in windows.windows]
    assert [one.query_id for one in films.split.narrations] == [
        one.query_id for one in windows.split.narrations
    ]
    assert films.own_window.tolist() == windows.own_window.tolist()
    assert films.own_span == windows.own_span
    rows = range(0, len(films.split.narrations), 5)
    ours, theirs = films.batch(rows), windows.batch(rows)
    assert torch.equal(ours.windows.frames, theirs.windows.frames)
    assert torch.equal(ours.windows.subtitles, theirs.windows.subtitles)
    assert torch.equal(ours.targets.clips, theirs.targets.clips)
    assert torch.equal(ours.targets.inside, theirs.targets.inside)


def test_a_real_pack_has_no_faults() -> None:
    assert check(settings("tng_tiny", "movies", 200.0), ["train", "val", "test"]) == []
    assert check(settings("tng_tiny", "windows", 0.0), ["train", "val", "test"]) == []
