"""Films cut into windows, moments put into them; seconds <-> [0, 1] of a window <-> clips.

Convention: a film of `duration` seconds is cut at 0, stride, 2 stride, ... until a window reaches its end;
the last one is shorter.  With `window_edges: cut` windows start at every multiple of the stride, before the
film too, as long as they hold a part of it; what lies outside is cut off.  `window_margin` widens every
window after the cut and pushes it inside its film; it keeps its id.  Window ids are FILM_SSSSS with the
second at which the uncut window starts; an uncut film is its own window.
This is the only place that knows clips and seconds at once.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from method_tng.contract.errors import ConfigError
from method_tng.contract.items import Interval, Movie, Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.dataset.offsets import read_offsets

SLACK = 1e-6  # of a clip: 0.6 s are three clips of 0.2 s, whatever floating point says


def cut(movie: Movie, data: DataSettings) -> list[Window]:
    """The windows of a film, by start; together they cover it.

    Raises:
        ConfigError: window or stride are no whole number of clips, or the stride leaves gaps.
    """
    if data.window_seconds == 0:
        return [Window(movie.movie_id, movie.movie_id, 0.0, movie.duration)]
    stride, offset = _stride(data), offset_of(movie, data)
    first, last = 0, max(0, math.ceil((movie.duration - offset - data.window_seconds) / stride - SLACK))
    if data.window_edges == "cut":
        first = 1 - math.floor(data.window_seconds / stride + SLACK)
        last = max(0, math.ceil(movie.duration / stride - SLACK) - 1)
    windows = [Window(_window_id(movie, 0.0), movie.movie_id, 0.0, offset)] if offset else []
    for index in range(first, last + 1):
        start = round(offset + index * stride, 6)  # rounded, so that windows which touch share one number
        end = min(round(offset + index * stride + data.window_seconds, 6), movie.duration)
        windows.append(Window(_window_id(movie, start), movie.movie_id, max(start, 0.0), end))
    return windows


def _stride(data: DataSettings) -> float:
    stride = data.window_stride or data.window_seconds
    for name, seconds in (("window_seconds", data.window_seconds), ("window_stride", stride)):
        clips = seconds / data.clip_length
        if seconds < 0 or abs(clips - round(clips)) > SLACK * max(clips, 1) or round(clips) < 1:
            raise ConfigError(
                f"{name} {seconds:g} is no whole number of clips of {data.clip_length:g} seconds; "
                f"take {max(1, math.floor(clips)) * data.clip_length:g}"
            )
    if stride > data.window_seconds:
        raise ConfigError(
            f"window_stride {stride:g} is longer than window_seconds {data.window_seconds:g} and would leave "
            "parts of a film in no window; take a stride of at most window_seconds"
        )
    return stride


def offset_of(movie: Movie, data: DataSettings) -> float:
    """Seconds at which the first whole window of a film starts.

    Raises:
        ConfigError: it is no number of clips, or lies outside the film.
    """
    offset = read_offsets(data.window_offsets).get(movie.movie_id, 0.0) if data.window_offsets else 0.0
    clips = offset / data.clip_length
    if not 0 <= offset < movie.duration or abs(clips - round(clips)) > SLACK * max(clips, 1):
        raise ConfigError(
            f"{data.window_offsets}, {movie.movie_id!r}: found {offset:g}; expected a multiple of "
            f"{data.clip_length:g} seconds inside the film, which lasts {movie.duration:g}"
        )
    return offset


def widened(windows: Sequence[Window], movie: Movie, data: DataSettings) -> list[Window]:
    """The same windows of a film with `window_margin` seconds more on both sides.

    At an end of the film a window is pushed inside, so that all are equally long in a film that is longer.
    Starts are rounded down to a whole clip; the last one up, so that its window ends with the film.
    """
    length = min(data.window_seconds + 2 * data.window_margin, movie.duration)
    last = math.ceil((movie.duration - length) / data.clip_length - SLACK)
    found = []
    for window in windows:
        first = math.floor((window.start - data.window_margin) / data.clip_length + SLACK)
        start = round(min(max(first, 0), last) * data.clip_length, 6)
        found.append(replace(window, start=start, end=min(round(start + length, 6), movie.duration)))
    return found


def _window_id(movie: Movie, start: float) -> str:
    return f"{movie.movie_id}_{start:05.0f}" if start == int(start) else f"{movie.movie_id}_{start:08.2f}"


def own_window(narration: Narration, windows: Sequence[Window], half: float) -> int:
    """The window of a narration among those of its film: the one whose middle is nearest to its own middle.

    Only windows that hold the narration's middle count.  With several moments the first decides.

    Args:
        narration: with at least one span.
        windows: all windows of its film, by start.
        half: seconds of half a whole window.

    Returns:
        An index into `windows`.
    """
    start, end = narration.spans[0]
    middle = (start + end) / 2
    first = bisect.bisect_right(windows, middle, key=lambda window: window.end)
    behind = bisect.bisect_right(windows, middle, key=lambda window: window.start)
    holding = range(first, behind)
    return min(holding, key=lambda i: abs(middle - _middle(windows[i], half)), default=len(windows) - 1)


def holding_windows(span: Interval, windows: Sequence[Window]) -> tuple[int, int]:
    """First and last of a film's windows (by start) that hold a span as a whole.

    Of a span that no window holds, the last one that starts with it or before.
    """
    first = bisect.bisect_left(windows, span[1], key=lambda window: window.end)
    last = max(bisect.bisect_right(windows, span[0], key=lambda window: window.start) - 1, 0)
    return min(first, last), last


def touched_windows(span: Interval, windows: Sequence[Window]) -> tuple[int, int]:
    """First and last of a film's windows (by start) that hold a part of a span."""
    first = bisect.bisect_right(windows, span[0], key=lambda window: window.end)
    last = bisect.bisect_left(windows, span[1], key=lambda window: window.start) - 1
    return min(first, len(windows) - 1), max(last, min(first, len(windows) - 1))


def _middle(window: Window, half: float) -> float:
    """The middle of a window; one that was cut at an end of its film counts as if it were not."""
    return window.end - half if window.start == 0 else window.start + half


def clip_span(span: Interval, window: Window) -> Interval | None:
    """The part of a film span that lies in a window, in seconds of the window; None when there is none."""
    start, end = max(span[0] - window.start, 0.0), min(span[1], window.end) - window.start
    return (start, end) if start < end else None


def to_window_units(span: Interval, window: Window) -> Interval:
    """Seconds of the window -> [0, 1] of it."""
    length = window.end - window.start
    return span[0] / length, span[1] / length


def from_window_units(span: Interval, window: Window) -> Interval:
    """[0, 1] of a window -> seconds of the window."""
    length = window.end - window.start
    return span[0] * length, span[1] * length


def clip_range(window: Window, clip_length: float, num_rows: int) -> tuple[int, int]:
    """First row of a window in its film's features, and the row behind its last.

    A film that is one window has all its rows, also one that stands behind its nominal end.
    """
    if window.window_id == window.movie_id:
        return 0, num_rows
    first = round(window.start / clip_length)
    first -= first == num_rows  # a last window shorter than a clip, in features that were rounded down
    return first, min(math.ceil(window.end / clip_length - SLACK), num_rows)


def without_unseen(windows: list[Window], clip_length: float, num_rows: int) -> list[Window]:
    """The windows of a film, less those at its end that have no feature row and lie in the one before.

    Features end some rows early in many data sets; a window of the last moments may be left without any.
    """
    seen = list(windows)
    while len(seen) > 1 and seen[-2].end >= seen[-1].end:
        first, behind = clip_range(seen[-1], clip_length, num_rows)
        if first < behind:
            break
        seen.pop()
    return seen


def label_clips(span: Interval, num_clips: int, clip_seconds: float, label_end: str) -> tuple[int, int]:
    """First and last clip of a moment.

    Args:
        span: start and end in seconds of the window.
        num_clips: clips of the window.
        clip_seconds: seconds that one clip covers.
        label_end: "upstream": the last label is the clip behind the moment, as published (a moment at the
            window's end loses its last clip); "inclusive": the moment's own last clip.

    Returns:
        (first, last), both in 0 .. num_clips - 1.
    """
    first = min(math.floor(span[0] / clip_seconds + SLACK), num_clips - 1)
    behind = math.ceil(span[1] / clip_seconds - SLACK)
    if label_end == "upstream":
        return first, min(behind, num_clips - 1)
    return first, max(first, min(behind - 1, num_clips - 1))


def inside_clips(labels: np.ndarray, num_clips: int) -> np.ndarray:
    """Clips that count as the moment: labels (S, 2) first and last clip of its spans -> (num_clips,) bool.

    First to last, both included: with "upstream" labels one clip more than the moment, as published.
    """
    clips = np.arange(num_clips)
    return np.any((clips >= labels[:, :1]) & (clips <= labels[:, 1:]), axis=0)
