"""The rank of the first right window."""

import numpy as np

from method_tng.retrieval.window_ranks import first_rank


def test_of_equal_windows_the_earlier_one_stands_first() -> None:
    scores = np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 1.0], [3.0, np.nan, np.nan], [1.0, 0.0, 0.0]])
    right = np.array([[False, False, True], [False, True, True], [False, True, False], [False] * 3])
    assert first_rank(scores, right).tolist() == [3, 1, 4, np.inf]
