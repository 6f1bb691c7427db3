"""Windows cover their film, hold their narrations, and keep time."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from method_tng.contract.errors import ConfigError
from method_tng.contract.items import Movie, Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.dataset.windows import (
    clip_range,
    clip_span,
    cut,
    from_window_units,
    inside_clips,
    label_clips,
    own_window,
    to_window_units,
    without_unseen,
)

LABELS = json.loads((Path(__file__).parents[1] / "golden/reloclnet/data.json").read_text())["labels"]
WINDOWS_OF_200 = DataSettings(clip_length=2.0, window_seconds=200.0, window_stride=200.0)

films = st.builds(
    lambda duration, clips, stride_clips, clip: (
        Movie("film", duration),
        DataSettings(
            clip_length=clip, window_seconds=clips * clip, window_stride=min(stride_clips, clips) * clip
        ),
    ),
    duration=st.floats(0.5, 2000, allow_subnormal=False),
    clips=st.integers(5, 100),
    stride_clips=st.integers(4, 100),
    clip=st.sampled_from([0.2, 1.5, 2.0]),
)


@given(films)
def test_windows_cover_the_film_and_only_the_last_is_short(case: tuple[Movie, DataSettings]) -> None:
    movie, data = case
    windows = cut(movie, data)
    assert windows[0].start == 0
    assert windows[-1].end == movie.duration
    assert len({window.window_id for window in windows}) == len(windows)
    for window, following in pairwise(windows):
        assert window.end - window.start == pytest.approx(data.window_seconds)
        assert following.start - window.start == pytest.approx(data.window_stride)
        assert following.start <= window.end  # no gap, not even one of rounding
    assert all(window.end < movie.duration for window in windows[:-1])


@given(films, st.floats(0, 1), st.floats(0.1, 60))
def test_the_own_window_holds_the_middle_of_its_narration(
    case: tuple[Movie, DataSettings], place: float, length: float
) -> None:
    movie, data = case
    start = place * movie.duration * 0.99
    end = min(start + length, movie.duration)
    windows = cut(movie, data)
    own = windows[own_window(Narration("1", "text", "film", ((start, end),)), windows, 100.0)]
    assert own.start <= (start + end) / 2 < own.end
    inside = clip_span((start, end), own)
    assert inside is not None
    assert 0 <= inside[0] < inside[1] <= own.end - own.start


@given(st.floats(0.5, 900), st.integers(5, 50), st.integers(1, 4), st.sampled_from([0.2, 0.535, 1.5]))
def test_with_edges_cut_every_second_lies_in_equally_many_windows(
    duration: float, clips: int, times: int, clip: float
) -> None:
    stride = clips * clip
    data = DataSettings(
        clip_length=clip, window_seconds=times * stride, window_stride=stride, window_edges="cut"
    )
    windows = cut(Movie("film", duration), data)
    assert len({window.window_id for window in windows}) == len(windows)
    for share in (0.01, 0.2, 0.5, 0.83, 0.99):
        assert sum(window.start <= duration * share < window.end for window in windows) == times


def test_half_windows_stand_at_both_ends_of_a_film() -> None:
    data = DataSettings(clip_length=0.2, window_seconds=2.4, window_stride=1.2, window_edges="cut")
    windows = cut(Movie("film", 4.4), data)
    clips = [(round(window.start / 0.2), round(window.end / 0.2)) for window in windows]
    assert clips == [(0, 6), (0, 12), (6, 18), (12, 22), (18, 22)]  # ceil(22 / 6) + 1 of them
    assert windows[0].window_id == "film_-0001.20"


def test_a_half_window_is_the_own_one_only_of_what_is_told_at_the_films_very_start() -> None:
    data = replace(WINDOWS_OF_200, window_stride=100.0, window_edges="cut")
    windows = cut(Movie("film", 450.0), data)
    rows = [
        own_window(Narration("1", "text", "film", ((middle - 5, middle + 5),)), windows, 100.0)
        for middle in (10, 60, 149, 151, 420, 445)
    ]
    assert rows == [0, 1, 1, 2, 4, 4]


def test_a_last_window_without_rows_is_left_out_where_the_one_before_reaches_as_far() -> None:
    data = replace(WINDOWS_OF_200, window_stride=100.0, window_edges="cut")
    windows = cut(Movie("film", 405.0), data)
    assert [window.start for window in windows] == [0, 0, 100, 200, 300, 400]
    assert without_unseen(windows, 2.0, 203) == windows
    assert without_unseen(windows, 2.0, 200) == windows  # one row less is rounding
    assert without_unseen(windows, 2.0, 199) == windows[:-1]
    whole = cut(Movie("film", 405.0), WINDOWS_OF_200)
    assert without_unseen(whole, 2.0, 199) == whole  # nobody else covers the end


def test_windows_are_named_after_film_and_second() -> None:
    windows = cut(Movie("film", 402.0), WINDOWS_OF_200)
    assert [window.window_id for window in windows] == ["film_00000", "film_00200", "film_00400"]
    assert [(window.start, window.end) for window in windows] == [(0, 200), (200, 400), (400, 402)]


def test_a_film_of_exactly_two_windows_has_no_third() -> None:
    assert len(cut(Movie("film", 400.0), WINDOWS_OF_200)) == 2


def test_windows_that_start_between_seconds_have_names_of_their_own() -> None:
    data = DataSettings(clip_length=0.2, window_seconds=1.0, window_stride=0.4)
    names = [window.window_id for window in cut(Movie("film", 2.0), data)]
    assert names == ["film_00000", "film_00000.40", "film_00000.80", "film_00001.20"]


def test_an_uncut_film_is_its_own_window() -> None:
    assert cut(Movie("film", 61.3), DataSettings()) == [Window("film", "film", 0.0, 61.3)]


@pytest.mark.parametrize(
    ("seconds", "stride", "word"),
    [(200.0, 0.0, "window_seconds"), (201.0, 100.0, "window_stride"), (3.0, 6.0, "gaps|no window")],
)
def test_windows_that_do_not_fit_are_refused(seconds: float, stride: float, word: str) -> None:
    data = DataSettings(clip_length=1.5, window_seconds=seconds, window_stride=stride)
    with pytest.raises(ConfigError, match=word):
        cut(Movie("film", 500.0), data)


def test_of_overlapping_windows_the_nearer_middle_wins_and_the_earlier_of_equals() -> None:
    windows = cut(Movie("film", 400.0), replace(WINDOWS_OF_200, window_stride=100.0))
    rows = [
        own_window(Narration("1", "text", "film", ((middle - 5, middle + 5),)), windows, 100.0)
        for middle in (20, 149, 150, 151, 210, 260, 390)
    ]
    assert rows == [0, 0, 0, 1, 1, 2, 2]


def test_a_shorter_last_window_counts_as_if_it_were_whole() -> None:
    windows = cut(Movie("film", 330.0), replace(WINDOWS_OF_200, window_stride=100.0))
    assert [window.start for window in windows] == [0, 100, 200]
    # 245 s is nearer to 200 (middle of the second) than to 300; the short window's own middle is 265
    assert own_window(Narration("1", "text", "film", ((240.0, 250.0),)), windows, 100.0) == 1


@given(
    start=st.floats(0, 190, allow_subnormal=False),
    length=st.floats(0.01, 10),
    window_start=st.floats(0, 7000, allow_subnormal=False),
)
def test_seconds_survive_the_way_to_window_units_and_back(
    start: float, length: float, window_start: float
) -> None:
    window = Window("film_1", "film", window_start, window_start + 200)
    there = to_window_units((start, start + length), window)
    assert 0 <= there[0] <= there[1] <= 1 + 1e-9
    assert from_window_units(there, window) == pytest.approx((start, start + length), abs=1e-9)


@given(
    first=st.integers(0, 99),
    num_clips=st.integers(1, 20),
    clip_seconds=st.sampled_from([0.2, 1.0, 1.5, 2.0, 1.6180339]),
    offset=st.sampled_from([0.0, 0.2, 123.4]),
)
def test_whole_clips_survive_the_way_to_seconds_and_back(
    first: int, num_clips: int, clip_seconds: float, offset: float
) -> None:
    start, end = first * clip_seconds, (first + num_clips) * clip_seconds
    through_the_film = (start + offset) - offset, (end + offset) - offset  # leaves rounding errors
    assert label_clips(through_the_film, 200, clip_seconds, "inclusive") == (first, first + num_clips - 1)
    assert label_clips(through_the_film, 200, clip_seconds, "upstream") == (first, first + num_clips)


@given(st.floats(0, 59.9), st.floats(0.01, 30))
def test_inclusive_clips_touch_the_moment_and_no_more(start: float, length: float) -> None:
    end = min(start + length, 60.0)
    first, last = label_clips((start, end), 40, 1.5, "inclusive")
    assert 0 <= first <= last <= 39
    assert first * 1.5 <= start + 1e-5 and end <= (last + 1) * 1.5 + 1e-5
    assert (first + 1) * 1.5 > start - 1e-5 and last * 1.5 < end + 1e-5


def test_three_clips_of_a_fifth_of_a_second_are_three_whatever_floating_point_says() -> None:
    assert 0.6 / 0.2 < 3
    assert label_clips((0.6, 1.0), 50, 0.2, "inclusive") == (3, 4)
    assert label_clips((0.0, 0.1 + 0.2), 50, 0.1, "inclusive") == (0, 2)


def test_the_two_conventions_at_the_end_of_a_window() -> None:
    assert label_clips((3.2, 7.6), 20, 1.5, "upstream") == (2, 6)
    assert label_clips((3.2, 7.6), 20, 1.5, "inclusive") == (2, 5)
    assert label_clips((27.0, 30.0), 20, 1.5, "upstream") == (18, 19)
    assert label_clips((27.0, 30.0), 20, 1.5, "inclusive") == (18, 19)
    assert label_clips((28.6, 30.0), 20, 1.5, "upstream") == (19, 19)
    assert label_clips((31.0, 32.0), 20, 1.5, "inclusive") == (19, 19)


def test_the_clips_of_several_moments_are_inside() -> None:
    inside = inside_clips(np.array([[1, 2], [5, 5]]), 7)
    assert inside.tolist() == [False, True, True, False, False, True, False]


@pytest.mark.parametrize("case", LABELS)
def test_labels_equal_the_published_computation(case: dict) -> None:
    labels = label_clips(case["ts"], case["n_clips"], case["clip_length"], "upstream")
    assert list(labels) == case["st_ed"]
    inside = np.flatnonzero(inside_clips(np.array([labels]), case["padded_len"]))
    assert [inside[0], inside[-1], len(inside)] == [
        case["match_first"],
        case["match_last"],
        case["match_count"],
    ]


def test_rows_of_a_window() -> None:
    windows = cut(Movie("film", 401.0), WINDOWS_OF_200)
    assert [clip_range(window, 2.0, 201) for window in windows] == [(0, 100), (100, 200), (200, 201)]
    assert clip_range(windows[1], 2.0, 150) == (100, 150)
    uncut = cut(Movie("film", 61.3), DataSettings())[0]
    assert clip_range(uncut, 1.5, 43) == (0, 43)  # all rows of the file, as published
