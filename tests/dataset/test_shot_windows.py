"""Short windows that are found, and the long ones around them that are searched; captions of shots."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.items import Movie, Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split
from method_tng.dataset.captions import with_captions
from method_tng.dataset.collection import Collection
from method_tng.dataset.windows import cut, holding_windows, widened
from tests.tiny import make_tiny

SHOTS = DataSettings(clip_length=1.0, window_seconds=20.0, window_margin=90.0)
FILM = Movie("film", 605.0)


def test_a_shot_is_widened_on_both_sides_and_keeps_its_id() -> None:
    shots = cut(FILM, SHOTS)
    windows = widened(shots, FILM, SHOTS)
    assert [one.window_id for one in windows] == [one.window_id for one in shots]
    assert (windows[10].start, windows[10].end) == (110.0, 310.0)  # around the shot 200 to 220


def test_at_the_ends_of_a_film_a_window_is_pushed_inside() -> None:
    windows = widened(cut(FILM, SHOTS), FILM, SHOTS)
    assert (windows[0].start, windows[0].end) == (0.0, 200.0)
    assert (windows[-1].start, windows[-1].end) == (405.0, 605.0)
    short = Movie("film", 33.5)
    assert {(one.start, one.end) for one in widened(cut(short, SHOTS), short, SHOTS)} == {(0.0, 33.5)}


def test_widened_windows_start_with_a_clip() -> None:
    data = replace(SHOTS, clip_length=2.0, window_seconds=20.0, window_margin=91.0)
    film = Movie("film", 605.0)
    assert all(one.start % 2 == 0 for one in widened(cut(film, data), film, data))


@pytest.mark.parametrize("clip_length", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("duration", [203.5, 605.0, 607.25])
def test_a_widened_window_holds_its_shot_to_the_films_last_moment(
    clip_length: float, duration: float
) -> None:
    data = replace(SHOTS, clip_length=clip_length)
    film = Movie("film", duration)
    shots = cut(film, data)
    windows = widened(shots, film, data)
    assert windows[-1].end == duration
    for shot, window in zip(shots, windows, strict=True):
        assert window.start <= shot.start and shot.end <= window.end
        assert window.start % clip_length == 0 and 200 - clip_length < window.end - window.start <= 200


def test_shots_start_at_the_offset_of_their_film_and_one_lies_before(tmp_path: Path) -> None:
    path = tmp_path / "offsets.json"
    path.write_text(json.dumps({"film": 6}))
    data = replace(SHOTS, window_offsets=str(path))
    shots = cut(Movie("film", 47.0), data)
    assert [(one.start, one.end) for one in shots] == [(0, 6), (6, 26), (26, 46), (46, 47)]
    assert cut(Movie("other", 40.0), data) == cut(Movie("other", 40.0), SHOTS)


@pytest.mark.parametrize("offset", [6.5, 47])
def test_an_offset_outside_the_film_or_between_clips_is_refused(offset: float, tmp_path: Path) -> None:
    path = tmp_path / "offsets.json"
    path.write_text(json.dumps({"film": offset}))
    with pytest.raises(ConfigError, match=r"offsets.json, 'film': found .*; expected a multiple of 1 sec"):
        cut(Movie("film", 47.0), replace(SHOTS, window_offsets=str(path)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[6]", r"expected an object"),
        ("{", "cannot be read as JSON"),
        ('{"film": -1}', "found -1 for film 'film'"),
        ('{"film": NaN}', "found nan"),
    ],
)
def test_offsets_that_are_no_table_of_films_are_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "offsets.json"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        cut(FILM, replace(SHOTS, window_offsets=str(path)))


def test_the_windows_that_hold_a_moment_are_neighbours() -> None:
    windows = cut(FILM, DataSettings(clip_length=1.0, window_seconds=200.0, window_stride=1.0))
    first, last = holding_windows((300.0, 310.0), windows)
    assert (windows[first].start, windows[last].start) == (110.0, 300.0)
    first, last = holding_windows((0.0, 4.0), windows)
    assert (first, last) == (0, 0)
    first, last = holding_windows((600.0, 605.0), windows)
    assert windows[first].end == windows[last].end == 605.0
    assert holding_windows((100.0, 400.0), windows) == (100, 100)  # longer: the window that starts with it


def test_a_caption_joins_what_belongs_to_a_shot_in_the_order_of_time() -> None:
    told = [("c", 31.0, 52.0), ("a", 0.0, 12.0), ("b", 12.0, 21.0), ("d", 80.0, 99.0)]
    narrations = tuple(Narration(name, name.upper(), "film", ((start, end),)) for name, start, end in told)
    cuts = [[Window(f"film_{start:05}", "film", start, start + 20.0) for start in range(0, 80, 20)]]
    split = with_captions(Split("train", (Movie("film", 80.0),), narrations, True), cuts, "en")
    assert [(one.query_id, one.text, one.sources) for one in split.narrations] == [
        ("film_00000", "A B", ("a", "b")),  # 8 of b's 9 seconds
        ("film_00040", "C", ("c",)),  # 12 of 20 seconds; with the shot before it shares 9 of 21
    ]
    assert split.narrations[0].spans == ((0, 20.0),)
    chinese = with_captions(Split("train", (Movie("film", 80.0),), narrations, True), cuts, "zh")
    assert chinese.narrations[0].text == "AB"


def test_captions_read_the_rows_of_their_narrations(tmp_path: Path) -> None:
    data = make_tiny(tmp_path, window_seconds=20.0, max_desc_l=64)
    single = Collection.open(data, "train")
    shots = Collection.open(replace(data, captions=True), "train")
    assert shots.own_window.tolist() == sorted(shots.own_window.tolist())
    row = next(row for row, one in enumerate(shots.split.narrations) if len(one.sources) > 1)
    batch = shots.query_batch([row])
    asked = {one.query_id: index for index, one in enumerate(single.split.narrations)}
    parts = [single.query_batch([asked[name]]) for name in shots.split.narrations[row].sources]
    words = np.concatenate([part.words[0].numpy() for part in parts])
    assert np.array_equal(batch.words[0].numpy(), words)
    assert len(set(batch.sources[0].tolist())) == len(parts)
    alone = next(row for row, one in enumerate(shots.split.narrations) if len(one.sources) == 1)
    assert shots.query_batch([row, alone]).sources[1].tolist()[1:] == [-1] * (len(parts) - 1)


def test_a_narrations_own_window_is_the_one_around_its_shot(tmp_path: Path) -> None:
    data = make_tiny(tmp_path, window_seconds=20.0)
    shots = Collection.open(data, "train")
    wide = Collection.open(replace(data, window_margin=30.0), "train")
    assert wide.own_window.tolist() == shots.own_window.tolist()
    for row, (start, end) in enumerate(wide.own_span):
        window = wide.windows[wide.own_window[row]]
        span = wide.split.narrations[row].spans[0]
        assert (start, end) == (span[0] - window.start, span[1] - window.start)
