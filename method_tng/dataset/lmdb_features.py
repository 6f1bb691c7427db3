"""An LMDB whose values are `.npz` archives, read one at a time; nothing in it can run code."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import numpy as np

from method_tng.contract.errors import DataError


class LmdbArchives:
    """The archives of an LMDB by id; a context that closes it.

    Args:
        path: the folder that holds `data.mdb`, or the file itself.

    Raises:
        DataError: it is no LMDB.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._environment = lmdb.open(
                str(path), subdir=path.is_dir(), readonly=True, create=False, lock=False, readahead=False
            )
        except lmdb.Error as error:
            raise DataError(
                f"{path} is neither LMDB nor HDF5 ({error}); expected the folder of an LMDB (with data.mdb) "
                "or an HDF5 file"
            ) from error

    def __enter__(self) -> "LmdbArchives":
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.close()

    def __len__(self) -> int:
        return self._environment.stat()["entries"]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Ids and values in the order of the keys."""
        try:
            with self._environment.begin() as reading:
                for key, value in reading.cursor():
                    yield self._id_of(key), value
        except lmdb.Error as error:
            raise DataError(f"{self.path} cannot be read further ({error}); fetch it again") from error

    def array(self, item_id: str, value: bytes, names: Sequence[str]) -> np.ndarray:
        """The first of the named arrays that an archive holds.

        Raises:
            DataError: no archive, none of these arrays in it, or an array of Python objects.
        """
        place = f"{self.path}, {item_id!r}"
        try:
            with np.load(io.BytesIO(value), allow_pickle=False) as archive:
                held = next((name for name in names if name in archive.files), None)
                if held is not None:
                    return archive[held]
                holds = ", ".join(archive.files)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise DataError(
                f"{place}: no .npz archive of plain numbers ({error}); expected {' or '.join(names)} in it, "
                "fetch it again"
            ) from error
        raise DataError(
            f"{place}: the archive holds {holds or 'nothing'}; expected {' or '.join(names)}, choose another "
            "--field"
        )

    def _id_of(self, key: bytes) -> str:
        try:
            return key.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path}: key {key!r} is no UTF-8; expected the id of a film or query"
            ) from error
