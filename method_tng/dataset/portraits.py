"""The portraits that a narration brings along: those of the roles it names.

A file holds them by query id, (P, D) rows in the order in which the roles are named; a query that names no
role with a portrait is not in it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from method_tng.contract.errors import DataError
from method_tng.dataset.feature_store import FeatureStore
from method_tng.dataset.records import decode, read_text_bytes


def portraits_of(roles: Sequence[str], portraits: Mapping[str, np.ndarray], most: int) -> np.ndarray:
    """The portraits of the first roles that have one, each role once.

    Args:
        roles: ids in the order in which they are named.
        portraits: role id -> (D,), at least one.
        most: portraits at most.

    Returns:
        (P, D) float32, P <= most.
    """
    width = len(next(iter(portraits.values())))
    found = [portraits[role] for role in dict.fromkeys(roles) if role in portraits][:most]
    return np.array(found, dtype=np.float32).reshape(-1, width)


def portraits_in(store: FeatureStore, query_id: str) -> np.ndarray:
    """The portraits of a query as a file has them, (P, D) float32; none where it has no entry."""
    return store.read(query_id) if query_id in store else np.empty((0, store.width), dtype=np.float32)


def read_roles(path: Path) -> dict[str, list[str]]:
    """Query id -> ids of the roles it names, from a JSON file.  Raises DataError."""
    return decode(read_text_bytes(path), dict[str, list[str]], str(path))


def read_portraits(path: Path) -> dict[str, np.ndarray]:
    """Role id -> (D,) float32, from an HDF5 file of one vector each, as `ROLE` or `ROLE/features`.

    Raises:
        DataError: the file cannot be read, is empty, or holds something else.
    """
    try:
        with h5py.File(path) as file:
            items = {
                name: item["features"] if isinstance(item, h5py.Group) else item
                for name, item in file.items()
            }
            found = {name: np.asarray(item, dtype=np.float32).reshape(-1) for name, item in items.items()}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an HDF5 file of portraits: {error}") from error
    if len({len(vector) for vector in found.values()}) != 1:
        raise DataError(
            f"{path} holds {len(found)} portraits, not all of one width; expected a vector of each role"
        )
    return found
