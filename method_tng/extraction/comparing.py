"""Whether two extractions say the same: films, facts, times, rows, lines."""

from pathlib import Path

import h5py
import numpy as np

from method_tng.extraction.library import Film, Library

TOLERANCE = 2e-3  # of a row, relative to its largest number: half precision and another machine's rounding
SAME = ("source_hash", "duration", "width", "height", "rotation", "frames", "used")


def differences(one: Library, other: Library) -> list[str]:
    """What differs, a sentence each; empty when the two libraries are alike."""
    told = [
        f"library.json: {name} is {one.facts[name]!r} and {other.facts.get(name)!r}"
        for name in one.facts
        if one.facts[name] != other.facts.get(name)
    ]
    theirs = {film.film_id: film for film in other.films}
    told += [f"{film_id} is in {other.folder} alone" for film_id in theirs if film_id not in set(_ids(one))]
    for film in one.films:
        if film.film_id in theirs:
            told += _of_film(one, other, film, theirs[film.film_id])
        else:
            told.append(f"{film.film_id} is in {one.folder} alone")
    return told


def _ids(library: Library) -> list[str]:
    return [film.film_id for film in library.films]


def _of_film(one: Library, other: Library, film: Film, same: Film) -> list[str]:
    name = film.film_id
    told = [
        f"{name}: {field} is {getattr(film, field)} and {getattr(same, field)}"
        for field in SAME
        if getattr(film, field) != getattr(same, field)
    ]
    for place in ("features", "sub_features"):
        rows, others = (_arrays(library.folder / place / f"{name}.h5") for library in (one, other))
        told += [f"{name}: {place}: {fault}" for fault in _of_arrays(rows, others)]
    if one.subtitles(name) != other.subtitles(name):
        told.append(f"{name}: the subtitles differ")
    return told


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path, "r") as file:
        return {name: dataset[()] for name, dataset in file.items()}


def _of_arrays(rows: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> list[str]:
    told = []
    for name, array in rows.items():
        other = others.get(name)
        if other is None or array.shape != other.shape:
            told.append(f"{name} has shape {array.shape} and {None if other is None else other.shape}")
            continue
        scale = max(float(np.abs(other).max(initial=0)), 1e-9)
        worst = float(np.abs(array.astype(np.float64) - other).max(initial=0)) / scale
        if worst > TOLERANCE:
            told.append(f"{name} differs by {worst:.2g} of its largest number")
    return told
