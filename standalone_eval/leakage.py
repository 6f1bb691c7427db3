"""Does a retrieval score look at the answer?  A check for scoring functions of text-video retrieval.

A score of a query with a candidate must depend on these two alone.  It must not move when queries or
candidates are given in another order or in blocks of another size, nor when a query is scored without its
right candidate at hand, nor when other queries are.  The known case: a published T-MASS script pools each
candidate video with *its own* caption before scoring, so that the right candidate, and no other, has seen
the words of the query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Score = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Leak:
    """One way in which scores moved: the test, the largest move, and where it happened."""

    test: str
    largest: float
    query: int
    candidate: int

    def __str__(self) -> str:
        place = f"query {self.query}, candidate {self.candidate}"
        return f"{self.test}: scores move by up to {self.largest:.3g} (at {place})"


def check(
    score_function: Score, queries: Any, candidates: Any, tolerance: float = 1e-4, seed: int = 0
) -> list[Leak]:
    """Ways in which the scores depend on more than the query and the candidate; none for a sound score.

    Args:
        score_function: (queries, candidates) -> (Q, V) scores; called several times.
        queries: (Q, ...) array or a sequence of anything; query q's right candidate is number q where Q <= V.
        candidates: (V, ...) array or a sequence of anything.
        tolerance: moves below this share of the scores' spread count as rounding.
        seed: of the orders that are tried.

    Returns:
        A :class:`Leak` per test that failed.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    count, total = len(queries), len(candidates)
    reference = _scores(score_function, queries, candidates, np.arange(count), np.arange(total))
    spread = float(np.ptp(reference)) or 1.0
    found = []
    for name, blocks in _trials(count, total, random):
        other = np.full(reference.shape, np.nan)
        for rows, columns in blocks:
            part = _scores(score_function, queries, candidates, rows, columns)
            other[np.ix_(rows, columns)] = part
        move = np.nan_to_num(np.abs(other - reference))
        if move.max(initial=0.0) > tolerance * spread:
            query, candidate = np.unravel_index(int(move.argmax()), move.shape)
            found.append(Leak(name, float(move.max()), int(query), int(candidate)))
    return found


Block = tuple[np.ndarray, np.ndarray]


def _trials(count: int, total: int, random: np.random.Generator) -> list[tuple[str, list[Block]]]:
    """(what is varied, the blocks in which the same scores are computed again)."""
    rows, columns = np.arange(count), np.arange(total)
    half = max(1, total // 2)
    trials: list[tuple[str, list[Block]]] = [
        ("query order", [(random.permutation(count), columns)]),
        ("candidate order", [(rows, random.permutation(total))]),
        ("query blocks", [(part, columns) for part in np.array_split(rows, max(1, (count + 2) // 3))]),
        ("candidate blocks", [(rows, columns[:half]), (rows, columns[half:])]),
        (
            "one pair at a time",
            [(rows[q : q + 1], columns[v : v + 1]) for q, v in _some_pairs(count, total, random)],
        ),
        (
            "without the right candidate",
            [(rows[q : q + 1], np.delete(columns, q)) for q in range(min(count, total))],
        ),
    ]
    return [(name, [block for block in blocks if len(block[0]) and len(block[1])]) for name, blocks in trials]


def _some_pairs(count: int, total: int, random: np.random.Generator, most: int = 64) -> list[tuple[int, int]]:
    """Pairs of query and candidate, the right ones among them."""
    right = [(number, number) for number in range(min(count, total, most // 2))]
    drawn = zip(random.integers(0, count, most // 2), random.integers(0, total, most // 2), strict=True)
    return [*right, *((int(query), int(candidate)) for query, candidate in drawn)]


def _scores(
    function: Score, queries: Any, candidates: Any, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    found = np.asarray(function(_pick(queries, rows), _pick(candidates, columns)), dtype=np.float64)
    if found.shape != (len(rows), len(columns)):
        raise ValueError(f"the score function gave shape {found.shape} for {len(rows)} x {len(columns)}")
    return found


def _pick(items: Any, places: np.ndarray) -> Any:
    """Items by place: fancy indexing for arrays and tensors, a list for sequences."""
    if isinstance(items, Sequence):
        return [items[place] for place in places.tolist()]
    return items[places]
