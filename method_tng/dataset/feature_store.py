"""Features ready for use: joined, of unit length where wanted, read once, kept within a memory budget.

A path is an HDF5 file, a folder with one file per film, or several of them joined with '+', whose rows are
put side by side.  With `normalize` each part gets unit length on its own before it is joined, which is how
the family's ready-made concatenated files were made.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_whole
from method_tng.dataset.feature_file import FeatureFile
from method_tng.dataset.rows import normalize_rows

LARGE = 64  # fewer items than this in the memory for kept ones, and they are read in parts instead


class RowCache:
    """The arrays that were used last, as many as fit into a number of bytes."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._used = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"num_bytes": self.num_bytes, "_arrays": OrderedDict(), "_used": 0}

    def get(self, key: Hashable) -> np.ndarray | None:
        """The array, now the one used last; None when it is not kept."""
        array = self._arrays.get(key)
        if array is not None:
            self._arrays.move_to_end(key)
        return array

    def put(self, key: Hashable, array: np.ndarray) -> np.ndarray:
        """Keeps the array if it fits, makes it read-only, gives it back."""
        array.flags.writeable = False
        if array.nbytes <= self.num_bytes:
            self._arrays[key] = array
            self._used += array.nbytes
            self.shrink(self.num_bytes)
        return array

    def shrink(self, num_bytes: int) -> None:
        """From now on as many as fit into `num_bytes`."""
        self.num_bytes = num_bytes
        while self._used > num_bytes:
            self._used -= self._arrays.popitem(last=False)[1].nbytes


class FeatureStore:
    """Feature rows by film or query id.

    Args:
        path: HDF5 file, folder, or several joined with '+'.
        normalize: divide every row by its L2 norm.
        cache: where items are kept between reads, shared with other stores; None = nowhere.
        limit: rows of an item that are read at most; None = all.
    """

    def __init__(
        self,
        path: str | Path,
        normalize: bool = False,
        cache: RowCache | None = None,
        limit: int | None = None,
    ) -> None:
        names = [str(path)] if Path(path).exists() else str(path).split("+")
        self.path = str(path)
        self.normalize = normalize
        self.limit = limit
        self._parts = [FeatureFile(name) for name in names]
        self._cache = cache or RowCache(0)

    @cached_property
    def widths(self) -> Sequence[int]:
        """Width of each part, as its first item has it."""
        return [part.shape(part.first_id())[1] for part in self._parts]

    @property
    def width(self) -> int:
        """Width of a row."""
        return sum(self.widths)

    def ids(self) -> list[str]:
        """Everything that has features in all parts."""
        ids = self._parts[0].ids()
        for part in self._parts[1:]:
            others = set(part.ids())
            ids = [item_id for item_id in ids if item_id in others]
        return ids

    def __contains__(self, item_id: str) -> bool:
        return all(item_id in part for part in self._parts)

    def require(self, item_ids: Iterable[str]) -> None:
        """Makes sure, without reading rows, that items are there.

        Raises:
            DataError: names the first that is not.
        """
        for part in self._parts:
            for item_id in item_ids:
                if item_id not in part:
                    raise DataError(part.missing(item_id))

    def attributes(self) -> dict[str, str]:
        """What the (first) file says of its own making."""
        return self._parts[0].attributes()

    def num_rows(self, item_id: str) -> int:
        """Rows of an item, without reading them; its width is checked.

        Raises:
            DataError: no such item, another width than the others have, or parts of different length.
        """
        shapes = [part.shape(item_id) for part in self._parts]
        count = self._checked(item_id, shapes)
        return count if self.limit is None else min(count, self.limit)

    def read(self, item_id: str, between: tuple[int, int] | None = None) -> np.ndarray:
        """The rows of an item, (n, D) float32; shared, never to be written.

        The whole item is kept for the next time, unless it takes much of the memory for that: then only the
        rows that are wanted are read.

        Args:
            item_id: the film or query.
            between: the first row that is wanted and the one behind the last; None = all.

        Raises:
            DataError: no such item, another width than the others have, or values that are not finite.
        """
        key = (self.path, self.normalize, self.limit, item_id)
        rows = self._cache.get(key)
        if rows is None and between and self._is_large(item_id):
            return self._read(item_id, *between)
        if rows is None:
            rows = self._cache.put(key, self._read(item_id, 0, self.limit))
        return rows[slice(*between)] if between else rows

    def _is_large(self, item_id: str) -> bool:
        """Whether an item would push many others out of the memory for kept ones."""
        return LARGE * self.num_rows(item_id) * self.width * 4 > self._cache.num_bytes

    def _read(self, item_id: str, first: int, behind: int | None) -> np.ndarray:
        parts = [part.read(item_id, first, behind) for part in self._parts]
        count = self._checked(item_id, [part.shape for part in parts])
        parts = [normalize_rows(part[:count]) if self.normalize else part[:count] for part in parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _checked(self, item_id: str, shapes: Sequence[tuple[int, ...]]) -> int:
        """The rows that all parts of an item have, given (rows, width) of each."""
        for part, width, (_, own_width) in zip(self._parts, self.widths, shapes, strict=True):
            if own_width != width:
                raise DataError(
                    f"{part.path}, {item_id!r}: rows have {own_width} values, those of {part.first_id()!r} "
                    f"have {width}; expected one width, extract all with the same model"
                )
        return common_rows([rows for rows, _ in shapes], item_id, [str(part.path) for part in self._parts])


def common_rows(counts: Sequence[int], item_id: str, paths: Sequence[str]) -> int:
    """Rows that all streams of an item have: one row more or less is rounding and is cut off.

    Raises:
        DataError: they differ by more.
    """
    if max(counts) - min(counts) > 1:
        found = ", ".join(f"{path}: {count}" for path, count in zip(paths, counts, strict=True))
        raise DataError(
            f"the streams of {item_id!r} have different numbers of rows ({found}); expected the same clips "
            "in each, extract them with one clip length"
        )
    return min(counts)


def write_features(
    path: str | Path, items: Iterable[tuple[str, np.ndarray]], attributes: Mapping[str, str] | None = None
) -> None:
    """Writes a packed HDF5 file: a dataset per id, stored in the type of its array; whole or not at all.

    Args:
        path: the file; a file that is there is replaced when the new one is complete.
        items: (id, rows (n, D)).
        attributes: what the file shall say of its own making.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            file.attrs.update(dict(attributes or {}))
            for item_id, rows in items:
                file.create_dataset(item_id, data=rows)

    write_whole(path, write)
