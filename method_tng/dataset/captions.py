"""Films asked for shot by shot: the narrations that belong to a shot, joined, are its caption.

Source: Yue et al. 2023 (Movie101, ACL), the data of global shot retrieval.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from method_tng.contract.items import Narration, Window
from method_tng.dataset.annotations import Split
from method_tng.dataset.shots import pair_shots

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
