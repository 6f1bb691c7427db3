"""Word vectors without weights: every word and every run of its characters is a fixed pattern of signs.

Words that share a stem share character runs and so lie near each other; otherwise vectors of different
words are nearly orthogonal.  The patterns are bits of a cryptographic hash, so they are the same on every
machine and in every version of every library.

Source: the hashing trick with character n-grams (Weinberger et al. 2009; Bojanowski et al. 2017).
"""

from collections.abc import Iterable
from hashlib import shake_128
from typing import Any

import numpy as np

from method_tng.contract.words import words_of

RUN_LENGTHS = (3, 4)  # characters of a run, the marks of the word's two ends included
RUN_SHARE = 0.5  # norm of the runs' part when the word's own part has norm 1


class HashedEncoder:
    """Text encoder that needs no file: one unit vector per word.

    Args:
        width: length of a vector.
        seed: another seed gives another, equally good set of vectors.
    """

    def __init__(self, width: int = 256, seed: int = 0) -> None:
        self.width = width
        self.seed = seed
        self._known: dict[str, np.ndarray] = {}

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Texts -> for each its (L, width) float32 rows, one per word of `words_of`; at least one row."""
        return [np.stack([self._word(word) for word in words_of(text) or [""]]) for text in texts]

    def describe(self) -> dict[str, Any]:
        """What `text_encoder_of` needs to make an equal encoder, as JSON."""
        return {"kind": "hashed", "width": self.width, "seed": self.seed}

    def _word(self, word: str) -> np.ndarray:
        if word not in self._known:
            marked = f"<{word}>"
            runs = [marked[i : i + n] for n in RUN_LENGTHS for i in range(len(marked) - n + 1)]
            row = self._signs(f"word {word}")
            if runs:
                stem = sum(self._signs(f"run {run}") for run in runs)
                row = row + RUN_SHARE * stem / np.linalg.norm(stem)
            self._known[word] = (row / np.linalg.norm(row)).astype(np.float32)
        return self._known[word]

    def _signs(self, key: str) -> np.ndarray:
        """A fixed pattern of plus and minus of norm 1."""
        digest = shake_128(f"{self.seed} {key}".encode()).digest((self.width + 7) // 8)
        bits = np.unpackbits(np.frombuffer(digest, np.uint8))[: self.width]
        return (bits * 2.0 - 1.0) / np.sqrt(self.width)
