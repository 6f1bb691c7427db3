"""Feature files of other families -> ours: one HDF5 file with a dataset (rows, width) per film or query.

Three forms are read.  LMDB: the key is the id, the value the bytes of an `.npz` archive, of which `field`
names the array.  A folder with `ID.npy`, or `ID.npz` of the same archives, per item.  HDF5: an id holds rows,
or one vector where it is a whole sentence.  One item is in memory at a
time, half precision stays half precision, and the file is whole or absent.
Source: Hou et al., CONE, ACL 2023, and its followers (LMDB); Soldan et al., MAD, CVPR 2022 (HDF5).
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from method_tng.contract.errors import DataError, MissingExtra
from method_tng.dataset.feature_store import write_features

FIELDS = {
    "features": ("features",),
    "token_features": ("token_features",),
    "sentence": ("cls_features", "eot_features"),
}
Item = tuple[str, np.ndarray]


def convert_features(source: Path, out: Path, field: str = "features") -> int:
    """Writes all features of a file in our form.

    Args:
        source: an LMDB folder or file, a folder of .npy or .npz files, or an HDF5 file.
        out: the HDF5 file to write; one that is there is replaced when the new one is complete.
        field: which array of an LMDB archive is meant, a key of FIELDS; of no meaning for HDF5.

    Returns:
        How many items were written.

    Raises:
        DataError: no such file, neither form, or an item without finite rows of one width.
        MissingExtra: reading LMDB needs the package lmdb.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist; expected an LMDB folder or an HDF5 file, give its path")
    if out.exists() and out.samefile(source):
        raise DataError(f"{out} is the file that is read; give another name with --out")
    if source.is_file() and h5py.is_hdf5(source):
        with h5py.File(source, "r") as file:
            return _write(out, _checked(source, _of_hdf5(source, file)), len(file), source)
    arrays = sorted(path for path in source.glob("*.np[yz]")) if source.is_dir() else []
    if arrays:
        return _write(out, _checked(source, _of_arrays(arrays, FIELDS[field])), len(arrays), source)
    lmdb_archives = _lmdb_reader()
    with lmdb_archives(source) as archives:
        items = ((item_id, archives.array(item_id, value, FIELDS[field])) for item_id, value in archives)
        return _write(out, _checked(source, items), len(archives), source)


def _lmdb_reader() -> type:
    try:
        from method_tng.dataset.lmdb_features import LmdbArchives
    except ImportError as error:
        raise MissingExtra("lmdb", "convert") from error
    return LmdbArchives


def _write(out: Path, items: Iterable[Item], count: int, source: Path) -> int:
    if not count:
        raise DataError(f"{source} holds nothing; expected features by film or query, fetch it again")
    shown = tqdm(items, total=count, unit="item", disable=None)
    write_features(out, shown, {"converted_from": source.name})
    return count


def _of_hdf5(source: Path, file: h5py.File) -> Iterator[Item]:
    for item_id, dataset in file.items():
        if not isinstance(dataset, h5py.Dataset):
            raise DataError(
                f"{source}, {item_id!r}: found a group; expected a dataset of rows, give a file that has one "
                "dataset per film or query"
            )
        try:
            yield item_id, dataset[()]
        except OSError as error:
            raise DataError(
                f"{source}, {item_id!r} cannot be read ({error}); fetch the file again"
            ) from error


def _of_arrays(paths: Sequence[Path], names: Sequence[str]) -> Iterator[Item]:
    for path in paths:
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{path} cannot be read as an array ({error}); expected floats, write it again"
            ) from error
        if isinstance(found, np.ndarray):
            yield path.stem, found
            continue
        with found:
            known = [name for name in (*names, *found.files) if name in found.files]
            if not known or (len(found.files) > 1 and known[0] not in names):
                raise DataError(
                    f"{path} holds {', '.join(found.files) or 'nothing'}; expected {' or '.join(names)}, or "
                    "one array alone, choose with --field"
                )
            yield path.stem, found[known[0]]


def _checked(source: Path, items: Iterable[Item]) -> Iterator[Item]:
    """Rows (n, D) of one width, finite, float16 or float32."""
    width = 0
    for item_id, found in items:
        place = f"{source}, {item_id!r}"
        rows = _as_rows(place, found)
        width = width or rows.shape[1]
        if rows.shape[1] != width:
            raise DataError(
                f"{place}: rows have {rows.shape[1]} values, those before have {width}; expected one width, "
                "extract all with the same model"
            )
        if not np.isfinite(rows).all():
            raise DataError(f"{place}: found NaN or Inf; expected finite numbers, extract this item again")
        if "/" in item_id or item_id in ("", "."):
            raise DataError(
                f"{place}: this id cannot name a dataset of HDF5; expected one without '/', rename it"
            )
        yield item_id, rows


def _as_rows(place: str, found: np.ndarray) -> np.ndarray:
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or found.size == 0 or found.ndim == 0:
        told = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
        raise DataError(
            f"{place}: found {told}; expected floats (rows, width), or (width,) for a whole sentence; "
            "extract the features of this item again"
        )
    if any(size != 1 for size in found.shape[:-2]):
        raise DataError(
            f"{place}: found an array of {found.ndim} axes {found.shape}; expected (rows, width), convert it"
        )
    rows = found.reshape(-1, found.shape[-1])
    return rows if rows.dtype == np.float16 else rows.astype(np.float32)
