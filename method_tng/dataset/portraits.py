"""The portraits that a narration brings along: those of the roles it names."""

from collections.abc import Mapping, Sequence

import numpy as np


def portraits_of(roles: Sequence[str], portraits: Mapping[str, np.ndarray], most: int) -> np.ndarray:
    """The portraits of the first roles that have one, each role once.

    Args:
        roles: ids in the order in which they are named.
        portraits: role id -> (D,), at least one.
        most: portraits at most.

    Returns:
        (most, D) float32, zeros where there are fewer.
    """
    width = len(next(iter(portraits.values())))
    found = [portraits[role] for role in dict.fromkeys(roles) if role in portraits][:most]
    rows = np.zeros((most, width), dtype=np.float32)
    if found:
        rows[: len(found)] = found
    return rows
