"""Hypothesis strategies: windows, ranked lists and ground truths as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from standalone_eval import GroundTruth, Rows, Submission


@st.composite
def windows(draw: st.DrawFn, count: int, empty: bool = True) -> np.ndarray:
    """(count, 2) windows between 0 and 60 s; ``empty`` allows zero length."""
    drawn = draw(st.lists(st.integers(0, 400), min_size=2 * count, max_size=2 * count))  # tenths: many ties
    start, length = np.array(drawn, dtype=float).reshape(2, count) / 10
    return np.stack([start, start + (length / 2).round(1) + (0 if empty else 0.1)], axis=1)


@dataclass
class Corpus:
    """A submission with VCMR rows (used for SVMR and VR too) and its ground truth."""

    submission: Submission
    gt: GroundTruth


@st.composite
def corpora(draw: st.DrawFn, most_windows: int = 1, videos: int = 3) -> Corpus:
    """Up to 6 queries with up to 8 rows each over a few videos."""
    count = draw(st.integers(1, 6))
    lengths = [draw(st.integers(1, 8)) for _ in range(count)]
    offset = np.concatenate([[0], np.cumsum(lengths)])
    total = int(offset[-1])
    window = draw(windows(total))
    video = np.array(draw(st.lists(st.integers(0, videos - 1), min_size=total, max_size=total)))
    score = np.array(draw(st.lists(st.integers(0, 5), min_size=total, max_size=total)), dtype=float)
    query = np.array(draw(st.permutations(range(100, 100 + count))))
    names = [f"v{number}" for number in range(videos)]
    truths = [draw(windows(draw(st.integers(1, most_windows)))) for _ in range(count)]
    own = [names[draw(st.integers(0, videos - 1))] for _ in range(count)]
    types = [draw(st.sampled_from(("v", "t", "vt"))) for _ in range(count)]
    gt = GroundTruth.from_windows(
        np.arange(100, 100 + count), truths, video=own, type=types, duration=np.full(count, 120.0)
    )
    rows = Rows(query, offset, window, video, score)
    tasks = {
        "VCMR": rows,
        "SVMR": Rows(query, offset, window, video, score),
        "VR": Rows(query, offset, None, video, score),
    }
    return Corpus(Submission(tasks, names, np.arange(videos)), gt)
