"""Windows of any number of rows brought to the locator's, and stretched while it learns.

A label is a pair of rows (first, last).  Rows of the result are called places.
Source: Yue et al. 2023 (Movie101, ACL), section 5.2; where the text is silent, its code.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

SHORTEST, LONGEST = 0.5, 2.0  # what a part may be stretched to
CHANCE = 0.5  # that it is

Label = tuple[int, int]
Ratios = tuple[float, float, float]
"""How much longer the moment, what is before it and what is after it become; 1 = they stay."""


def sampled_rows(num_rows: int, num_places: int) -> np.ndarray:
    """The row at which each place starts: (num_places,) int64, from 0 to num_rows - 1, rising."""
    return np.floor(np.linspace(0, num_rows - 1, num_places)).astype(np.int64)


def resample(
    rows: Tensor, mask: Tensor, num_places: int, stretch_short: bool = True
) -> tuple[Tensor, Tensor]:
    """Windows brought to one number of rows: each place is the mean of the rows up to the next place's.

    Args:
        rows: (M, n, V).
        mask: (M, n) bool, real rows first, at least one.
        num_places: T.
        stretch_short: windows with fewer rows repeat some; otherwise they keep theirs.

    Returns:
        (M, T, V), zeros at padding, and (M, T) bool, True = real.
    """
    lengths = mask.sum(1).tolist()
    starts = [places_of(length, num_places, stretch_short) for length in lengths]
    first = torch.from_numpy(np.stack(starts)).to(rows.device)  # (M, T)
    count = torch.cat((first.diff(dim=1), torch.ones_like(first[:, :1])), dim=1).clamp(min=1)  # (M, T)
    window = torch.arange(len(rows), device=rows.device)[:, None]
    total = rows[window, first]  # (M, T, V)
    for further in range(1, int(count.max())):
        more = count > further
        total = total + rows[window, first + further * more] * more[..., None]
    real = torch.ones_like(first, dtype=torch.bool)
    if not stretch_short:
        real = torch.arange(num_places, device=rows.device) < mask.sum(1)[:, None]
    return (total / count[..., None]).masked_fill(~real[..., None], 0), real


def places_of(num_rows: int, num_places: int, stretch_short: bool) -> np.ndarray:
    """The row at which each place starts, (num_places,) int64; padding repeats the last row."""
    if num_rows < num_places and not stretch_short:
        return np.minimum(np.arange(num_places), num_rows - 1)
    return sampled_rows(num_rows, num_places)


def rows_per_place(lengths: Tensor, num_places: int, stretch_short: bool) -> Tensor:
    """How many rows of windows of `lengths` (M,) lie between two places, (M,) float64, more than 0."""
    spread = ((lengths.double() - 1) / (num_places - 1)).clamp(min=1 / num_places)  # all places of one row
    return spread if stretch_short else spread.clamp(min=1)


def resampled_label(label: Label, starts: np.ndarray) -> Label:
    """The places of a label: the first that starts with its first row or behind, the last that starts with
    its last row or before.  A moment between two places gets the place before it.
    """
    first = int(np.searchsorted(starts, label[0], side="left"))
    last = int(np.searchsorted(starts, label[1], side="right")) - 1
    return min(first, last), last


def draw_ratios(uniform: Callable[[float, float], float]) -> Ratios:
    """Draws what happens to each part; `uniform` draws a number between two others."""
    drawn = [uniform(SHORTEST, LONGEST) if uniform(0.0, 1.0) < CHANCE else 1.0 for _ in range(3)]
    return drawn[0], drawn[1], drawn[2]


def stretched(num_rows: int, moment: tuple[int, int], ratios: Ratios) -> tuple[np.ndarray, tuple[int, int]]:
    """A window whose moment and surroundings last longer or shorter.

    Args:
        num_rows: of the window.
        moment: its first row and the one behind its last; empty when both are the same.
        ratios: of the three parts.

    Returns:
        (n,) int64 rows to take, and the moment among them.
    """
    start, end = moment
    parts = [_picks(start, ratios[1]), _picks(end - start, ratios[0]), _picks(num_rows - end, ratios[2])]
    moved = len(parts[0]), len(parts[0]) + len(parts[1])
    return np.concatenate([parts[0], start + parts[1], end + parts[2]]), moved


def _picks(length: int, ratio: float) -> np.ndarray:
    """Rows of a part of `length` rows that is to last `ratio` times as long."""
    return np.round(np.linspace(0, length - 1, int(np.ceil(length * ratio)))).astype(np.int64)
