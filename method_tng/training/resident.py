"""Where batches come from: a split that stays in memory (or on the device), or one that is read anew.

The resident form reads every query and window once, keeps them padded on the device, and cuts batches out
of them with index operations alone.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from method_tng.contract.batch import Batch, Targets, take_queries, take_windows, to_device
from method_tng.training.batches import BatchRows

Read = Callable[..., Batch]
"""`Collection.batch`: rows of queries and windows -> the batch."""


class ResidentSplit:
    """All N queries and M windows of a training split as one padded batch on a device."""

    def __init__(self, whole: Batch, device: torch.device | str) -> None:
        self.whole = to_device(whole, device)
        self.device = device
        self.own = whole.positive.numpy()  # (N,) row of each query's window
        self.clips = whole.windows.mask.sum(1).numpy()  # (M,)
        self.words = whole.queries.mask.sum(1).numpy()  # (N,)

    def batch(self, rows: BatchRows) -> Batch:
        """The same as reading the rows from the collection, without reading."""
        windows = _in_order(self.own[rows.queries]) if rows.windows is None else rows.windows
        place = np.full(len(self.clips), -1)
        place[windows] = np.arange(len(windows))
        query, window = self._index(rows.queries), self._index(windows)
        num_clips = int(self.clips[windows].max())
        return Batch(
            queries=take_queries(self.whole.queries, query, int(self.words[rows.queries].max())),
            windows=take_windows(self.whole.windows, window, num_clips),
            positive=self._index(place[self.own[rows.queries]]),
            targets=_take_targets(self.whole.targets, rows.queries, query, num_clips),
        )

    def _index(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(rows)).to(self.device, non_blocking=True)


def resident_bytes(lengths: np.ndarray, widths: int, num_queries: int, words: int) -> int:
    """Memory of a resident split: windows of `widths` columns in all, queries of `words` numbers each."""
    return 4 * (len(lengths) * int(lengths.max()) * widths + num_queries * words)


def resident_batches(split: ResidentSplit, plan: Sequence[BatchRows]) -> Iterator[Batch]:
    """The batches of a plan, cut out of memory."""
    for rows in plan:
        yield split.batch(rows)


def read_batches(read: Read, plan: Sequence[BatchRows], num_workers: int) -> Iterator[Batch]:
    """The batches of a plan, read from the feature files, ahead of time in worker processes if wanted."""
    # A generator of its own: the loader's seed must not be drawn from the one that decides the dropouts.
    yield from DataLoader(_Planned(read, plan), None, num_workers=num_workers, generator=torch.Generator())


class _Planned(Dataset):
    """A plan as a torch data set whose items are whole batches."""

    def __init__(self, read: Read, plan: Sequence[BatchRows]) -> None:
        self.read, self.plan = read, plan

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Batch:
        return self.read(*self.plan[index].of_collection())


def _in_order(windows: np.ndarray) -> np.ndarray:
    """Distinct windows in order of first appearance."""
    _, first = np.unique(windows, return_index=True)
    return windows[np.sort(first)]


def _take_targets(targets: Targets, rows: np.ndarray, index: Tensor, width: int) -> Targets:
    return Targets(
        spans=[targets.spans[row] for row in rows],
        clips=targets.clips[index],
        inside=targets.inside[index, :width],
    )
