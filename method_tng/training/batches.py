"""Which queries and windows form the batches of an epoch.

A plan depends on the seed, the epoch and the data only, so that a resumed run and every process of a
distributed run make the same one.  Each process then takes its share of every batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from method_tng.contract.settings import TrainSettings
from method_tng.training.window_draw import draw_any, draw_near_middle, draw_negatives

DRAWS = {"near_middle": draw_near_middle, "holding": draw_any}

SMALLEST_GROUP = 0.25  # of batch_windows: a last group of fewer windows has too few negatives to learn from


@dataclass(frozen=True)
class BatchRows:
    """A batch before it is read: rows of the collection.

    `windows` None = the windows that the queries are learned in, and their negatives if there are any.
    """

    queries: np.ndarray  # (n,) int64
    windows: np.ndarray | None = None  # (m,) int64
    positive: np.ndarray | None = None  # (n,) int64, window each query is learned in; None = its own
    negative: np.ndarray | None = None  # (n,) int64, window of its film that it does not touch; None = none

    def part(self, chosen: np.ndarray | slice) -> "BatchRows":
        """Some of the queries, with the windows that each has."""
        positive = None if self.positive is None else self.positive[chosen]
        negative = None if self.negative is None else self.negative[chosen]
        return BatchRows(self.queries[chosen], None, positive, negative)

    def of_collection(self) -> list[list[int] | None]:
        """The arguments of `Collection.batch`."""
        rows = (self.queries, self.windows, self.positive, self.negative)
        return [None if part is None else part.tolist() for part in rows]


@dataclass(frozen=True)
class TrainingRows:
    """What a plan needs to know of the training split."""

    own_window: np.ndarray  # (N,) int64 row of each query's window, -1 unknown
    window_movies: np.ndarray  # (M,) int64
    drawn: np.ndarray | None = None  # (N, 2) int64 first and last row that a query may be learned in
    touched: np.ndarray | None = None  # (N, 2) int64 first and last row that a query touches

    def of_windows(self, groups: Sequence[np.ndarray], used: np.ndarray) -> list[np.ndarray]:
        """The used queries of each group of windows, in the order of its windows."""
        order = used[np.argsort(self.own_window[used], kind="stable")]
        starts = np.searchsorted(self.own_window[order], np.arange(len(self.window_movies) + 1))
        return [
            np.concatenate([order[starts[window] : starts[window + 1]] for window in group])
            for group in groups
        ]


def plan_epoch(rows: TrainingRows, used: np.ndarray, train: TrainSettings, epoch: int) -> list[BatchRows]:
    """The batches of an epoch, in order."""
    draw = np.random.default_rng((train.seed, epoch))
    if train.batches in ("shuffled", "ordered"):
        order = draw.permutation(used) if train.batches == "shuffled" else used
        whole = _with_windows(order, rows, train, draw)
        return [whole.part(slice(at, at + train.bsz)) for at in range(0, len(order), train.bsz)]
    if train.batches == "windows":
        groups = _groups([draw.permutation(np.unique(rows.own_window[used]))], train.batch_windows)
    else:
        groups = _groups(_windows_of_films(rows, train.batch_films, draw), train.batch_windows)
    groups = [groups[index] for index in draw.permutation(len(groups))]
    queries = rows.of_windows(groups, used)
    return [BatchRows(own, group) for own, group in zip(queries, groups, strict=True) if len(own)]


def draws_windows(train: TrainSettings) -> bool:
    """Whether an epoch shows other windows than the queries' own."""
    return train.window_draw != "nearest" or train.film_negatives


def _with_windows(
    queries: np.ndarray, rows: TrainingRows, train: TrainSettings, draw: np.random.Generator
) -> BatchRows:
    """Queries with the windows that are drawn for them, where any are."""
    return BatchRows(
        queries,
        positive=None if rows.drawn is None else DRAWS[train.window_draw](rows.drawn[queries], draw),
        negative=None
        if rows.touched is None
        else draw_negatives(rows.touched[queries], rows.window_movies, draw),
    )


def share_of(batch: BatchRows, rows: TrainingRows, rank: int, world: int) -> BatchRows:
    """The part of a batch that one of `world` processes encodes; the parts in order are the batch."""
    if world == 1:
        return batch
    if batch.windows is None:
        mine = np.array_split(np.arange(len(batch.queries)), world)[rank]
        return batch.part(mine)
    windows = np.array_split(batch.windows, world)[rank]
    return BatchRows(batch.queries[np.isin(rows.own_window[batch.queries], windows)], windows)


def _windows_of_films(rows: TrainingRows, films: int, draw: np.random.Generator) -> list[np.ndarray]:
    """Windows of a few films at a time, shuffled: two scenes of one film are the hardest negatives."""
    order = draw.permutation(np.unique(rows.window_movies))
    together = [order[at : at + films] for at in range(0, len(order), films)]
    return [draw.permutation(np.flatnonzero(np.isin(rows.window_movies, group))) for group in together]


def _groups(pools: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
    """Each pool cut into groups of `size`; a small rest is left out unless the pool is no larger."""
    groups = []
    for pool in pools:
        for at in range(0, len(pool), size):
            group = pool[at : at + size]
            if len(group) >= SMALLEST_GROUP * size or at == 0:
                groups.append(group)
    return groups
