"""Feature rows on disk: one HDF5 file with a dataset per film or query, or a folder with one file per film.

Convention: a dataset is (rows, width), float16 or float32, rows in time order; read as float32.  A file of
a folder is named after its film (`FILM.h5`) and holds one dataset, named after the film or anyhow.
Files are opened by the process that reads and only when it reads: a handle never survives a fork or a pickle.
Datasets are read through h5py's low-level interface, which takes a third of the time of the comfortable one:
a corpus has one dataset per sentence.
"""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5s
from h5py.h5d import DatasetID

from method_tng.contract.errors import DataError

SUFFIXES = (".h5", ".hdf5")


class FeatureFile:
    """Rows by id, from one HDF5 file or a folder of them."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._ids: list[str] | None = None
        self._handle: h5py.File | None = None
        self._process = 0
        if not self.path.exists():
            raise DataError(
                f"{self.path} does not exist; expected an HDF5 file or folder of features, give its path"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}

    def ids(self) -> list[str]:
        """The ids of everything in it."""
        if self._ids is None:
            if self.path.is_dir():
                self._ids = sorted(file.stem for file in self.path.iterdir() if file.suffix in SUFFIXES)
            else:
                self._ids = list(self._packed())
        return self._ids

    def first_id(self) -> str:
        """The id of its first item.

        Raises:
            DataError: there is none.
        """
        first = next(iter(self.ids() if self.path.is_dir() else self._packed()), None)
        if first is None:
            raise DataError(
                f"{self.path} holds no features; expected one dataset per film or query, extract them"
            )
        return first

    def __contains__(self, item_id: str) -> bool:
        if self.path.is_dir():
            return self._file_of(item_id) is not None
        return item_id in self._packed()

    def shape(self, item_id: str) -> tuple[int, int]:
        """(rows, width) of an item, without reading the rows."""
        return self._with_dataset(item_id, lambda dataset: dataset.shape)

    def read(self, item_id: str, first: int = 0, behind: int | None = None) -> np.ndarray:
        """Rows first .. behind - 1 (all by default) of an item, (n, D) float32; no others are read.

        Raises:
            DataError: no such item, no rows, or values that are not finite.
        """
        rows = self._with_dataset(item_id, lambda dataset: _rows(dataset, first, behind)).astype(np.float32)
        finite = np.isfinite(rows)
        if not finite.all():
            bad = first + int(np.flatnonzero(~finite.all(axis=1))[0])
            raise DataError(
                f"{self.path}, {item_id!r}: row {bad} of {self.shape(item_id)[0]} holds NaN or Inf; "
                "expected finite numbers, extract the features of this item again"
            )
        return rows

    def attributes(self) -> dict[str, str]:
        """What the file says of its own making; empty for a folder."""
        return (
            {} if self.path.is_dir() else {name: str(value) for name, value in self._packed().attrs.items()}
        )

    def _with_dataset(self, item_id: str, use: Callable[[DatasetID], Any]) -> Any:
        """Applies `use` to an item's dataset, every failure told as ours."""
        try:
            if not self.path.is_dir():
                return use(self._dataset(self._packed(), item_id, item_id))
            file = self._file_of(item_id)
            if file is None:
                raise DataError(self.missing(item_id))
            with h5py.File(file, "r") as opened:
                name = next(iter(opened)) if len(opened) == 1 else item_id
                if name not in opened:
                    raise DataError(
                        f"{file} holds {len(opened)} datasets ({', '.join(opened) or 'none'}); expected one "
                        f"alone, or one that is called {item_id!r}"
                    )
                return use(self._dataset(opened, name, item_id))
        except (OSError, RuntimeError) as error:
            raise DataError(
                f"{self.path}: the features of {item_id!r} cannot be read ({error}); "
                "copy or extract them again"
            ) from error

    def _dataset(self, file: h5py.File, name: str, item_id: str) -> DatasetID:
        try:
            dataset = h5d.open(file.id, name.encode())
        except KeyError as error:
            if name in file:
                raise DataError(self._unfit(item_id, "a group")) from error
            raise DataError(self.missing(item_id)) from error
        if dataset.rank != 2 or dataset.dtype.kind != "f" or 0 in dataset.shape:
            raise DataError(self._unfit(item_id, f"{dataset.dtype} {dataset.shape}"))
        return dataset

    def _unfit(self, item_id: str, found: str) -> str:
        return (
            f"{self.path}, {item_id!r}: found {found}; expected a dataset of floats (rows, width) "
            "with at least one row, extract the features of this item again"
        )

    def missing(self, item_id: str) -> str:
        """The sentence for an item that is not there."""
        near = difflib.get_close_matches(item_id, self.ids(), n=1)
        hint = f", nearest name: {near[0]!r}" if near else ""
        return (
            f"{self.path} holds no features of {item_id!r} ({len(self.ids())} items{hint}); make them (a "
            "film's with extract.sh, a sentence's with python -m method_tng.prepare text), or take it out of "
            "the annotations"
        )

    def _file_of(self, item_id: str) -> Path | None:
        files = (self.path / f"{item_id}{suffix}" for suffix in SUFFIXES)
        return next((file for file in files if file.is_file()), None)

    def _packed(self) -> h5py.File:
        """The one file, opened at its first use in this process."""
        if self._handle is None or self._process != os.getpid():
            try:
                self._handle = h5py.File(self.path, "r")
            except OSError as error:
                raise DataError(
                    f"{self.path} cannot be read as HDF5 ({error}); copy or extract the features again"
                ) from error
            self._process = os.getpid()
        return self._handle


def _rows(dataset: DatasetID, first: int, behind: int | None) -> np.ndarray:
    """Rows first .. behind - 1, as many as there are."""
    num_rows, width = dataset.shape
    count = (num_rows if behind is None else min(behind, num_rows)) - first
    rows = np.empty((count, width), dataset.dtype)
    chosen = dataset.get_space()
    chosen.select_hyperslab((first, 0), (count, width))
    dataset.read(h5s.create_simple((count, width)), chosen, rows)
    return rows
