"""Which window a query is learned in, and which of its film it is told apart from, drawn anew each epoch.

Where windows overlap, a moment touches several.  `near_middle` draws one of them by the normal density of its
distance, in windows, from their middle, so that most often the moment lies in it as a whole.  `holding` draws
evenly from the windows in which it does.
Source: Hou et al., CONE, ACL 2023; Hannan et al., RGNet, ECCV 2024 (the draw).
"""

import numpy as np

from method_tng.contract.errors import TrainingError


def draw_any(rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(N,) row of the window each query is learned in, all alike likely; rows (N, 2) first and last."""
    return draw.integers(rows[:, 0], rows[:, 1] + 1)


def draw_near_middle(touched: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(N,) row of the window each query is learned in; touched (N, 2) first and last row it may be."""
    count = touched[:, 1] - touched[:, 0] + 1
    places = np.empty(len(touched), dtype=np.int64)
    for number in np.unique(count):
        of_them = count == number
        places[of_them] = draw.choice(number, of_them.sum(), p=densities(int(number)))
    return touched[:, 0] + places


def densities(number: int) -> np.ndarray:
    """(number,) chance of each of neighbouring windows: the standard normal density around their middle."""
    away = np.arange(number) - (number - 1) / 2
    density = np.exp(-(away**2) / 2)
    return density / density.sum()


def draw_negatives(touched: np.ndarray, window_movies: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(N,) row of a window of each query's own film that it does not touch, each with the same chance.

    A query that touches all windows of its film gets one of another film.

    Args:
        touched: (N, 2) first and last row that the query touches.
        window_movies: (M,) the film of each window; the windows of a film stand together.
        draw: source of randomness.

    Raises:
        TrainingError: a query touches all windows there are.
    """
    film = window_movies[touched[:, 0]]
    first = np.searchsorted(window_movies, film)
    behind = np.searchsorted(window_movies, film, side="right")
    alone = (first == touched[:, 0]) & (behind == touched[:, 1] + 1)
    first, behind = np.where(alone, 0, first), np.where(alone, len(window_movies), behind)
    count = touched[:, 1] - touched[:, 0] + 1
    free = behind - first - count
    if (free == 0).any():
        raise TrainingError(
            "a query touches all windows of the training films, so that it has no negative; take shorter "
            "windows or more films, or leave out --film_negatives"
        )
    row = first + np.floor(draw.random(len(touched)) * free).astype(np.int64)
    return row + np.where(row >= touched[:, 0], count, 0)
