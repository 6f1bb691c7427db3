"""Films asked for shot by shot: the narrations that belong to a shot, joined, are its caption.

Source: Yue et al. 2023 (Movie101, ACL), the data of global shot retrieval.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from method_tng.contract.errors import DataError
from method_tng.contract.items import Movie, Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.dataset.annotations import Split
from method_tng.dataset.offsets import read_offsets
from method_tng.dataset.shots import pair_shots, shots_of

BETWEEN = {"zh": ""}  # what stands between two narrations; a space in other languages


def with_captions(split: Split, cuts: Sequence[Sequence[Window]], language: str) -> Split:
    """A split whose queries are captions: one of each window that narrations pair with.

    Args:
        split: films, and narrations with moments.
        cuts: the windows of each film.
        language: of the narrations.
    """
    told: dict[str, list[Narration]] = {movie.movie_id: [] for movie in split.movies}
    for narration in split.narrations:
        if narration.spans:
            told[narration.movie_id].append(narration)
    captions: list[Narration] = []
    for movie, windows in zip(split.movies, cuts, strict=True):
        narrations = sorted(told[movie.movie_id], key=lambda one: one.spans[0])
        captions += _captions(windows, narrations, BETWEEN.get(language, " "))
    return replace(split, narrations=tuple(captions))


def shots_with_captions(
    split: Split, data: DataSettings, length: float, number: int = 0
) -> tuple[list[dict[str, Any]], int]:
    """The whole shots of all films that tell something, in the published form.

    Args:
        split: films, and narrations with moments.
        data: language of the narrations, and offsets of the films' shots.
        length: of a shot, seconds.
        number: of the first shot, captioned or not.

    Returns:
        Entries {"video_id", "video", "caption"}, and the number behind the last shot.

    Raises:
        DataError: a film is shorter than a shot.
    """
    offsets = read_offsets(data.window_offsets) if data.window_offsets else {}
    entries: list[dict[str, Any]] = []
    for movie in split.movies:
        shots = shots_of(movie.duration, offsets.get(movie.movie_id, 0.0), length)
        if not len(shots):
            raise DataError(
                f"film {movie.movie_id!r} lasts {movie.duration:g} s, which is shorter than a shot of "
                f"{length:g} s; expected one whole shot at least, leave the film out or take shorter shots"
            )
        cuts = [Window(_shot_name(movie, shot), movie.movie_id, *shot) for shot in shots.tolist()]
        ids = {window.window_id: number + place for place, window in enumerate(cuts)}
        own = tuple(one for one in split.narrations if one.movie_id == movie.movie_id)
        told = with_captions(replace(split, movies=(movie,), narrations=own), [cuts], data.language)
        entries += [
            {"video_id": ids[one.query_id], "video": one.query_id, "caption": [one.text]}
            for one in told.narrations
        ]
        number += len(shots)
    return entries, number


def _shot_name(movie: Movie, shot: Sequence[float]) -> str:
    return f"{movie.movie_id}_{shot[0]:g}_{shot[1]:g}"


def _captions(windows: Sequence[Window], narrations: Sequence[Narration], between: str) -> list[Narration]:
    shots = np.array([(window.start, window.end) for window in windows])
    spans = np.array([one.spans[0] for one in narrations]).reshape(-1, 2)
    found = []
    for window, paired in zip(windows, pair_shots(shots, spans), strict=True):
        own = [narrations[index] for index in np.flatnonzero(paired)]
        if own:
            text = between.join(one.text for one in own)
            sources = tuple(one.query_id for one in own)
            span = (window.start, window.end)
            found.append(Narration(window.window_id, text, window.movie_id, (span,), sources=sources))
    return found
