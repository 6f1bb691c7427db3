"""Static word vectors from a table; a word the table lacks gets a small vector made of its name."""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from method_tng.contract.errors import CheckpointError
from method_tng.contract.words import words_of

UNKNOWN_NORM = 0.3  # of the vector of a word that is not in the table; words of the table have about 1
NO_WORD = "someone"  # stands for a text without words
PLAIN_WORD = re.compile(r"[a-z]+|[0-9]+")


def words_of_table(text: str, language: str) -> list[str]:
    """The words that tables are made of: those of `words_of`, in English only plain letters and digits.

    In English an accent separates, as in the tables of the published packs.
    """
    return PLAIN_WORD.findall(text.lower()) if language == "en" else words_of(text)


class TableEncoder:
    """Text encoder that looks every word up.

    Args:
        words: W words, lower-case.
        vectors: (W, D).
        max_words: rows of a text at most; 0 = all.
        language: "en" or another; decides how a text falls into words.
        source: where the table came from (path, sha256), for `describe`.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: np.ndarray,
        max_words: int = 0,
        language: str = "en",
        source: Mapping[str, str] | None = None,
    ) -> None:
        self.max_words = max_words
        self.language = language
        self.source = dict(source or {})
        self._vectors = vectors.astype(np.float32)
        self._row = {word: row for row, word in enumerate(words)}
        self._unknown: dict[str, np.ndarray] = {}

    @classmethod
    def open(
        cls, path: Path, language: str = "en", max_words: int = 0, digest: str | None = None
    ) -> "TableEncoder":
        """The table `{language}_words`, `{language}_vectors` of an .npz file.

        Raises:
            CheckpointError: no such file, or not the one whose sha256 was expected.
        """
        if not path.is_file():
            raise CheckpointError(
                f"{path} does not exist; expected a table of word vectors (.npz), put it there"
            )
        found = sha256(path.read_bytes()).hexdigest()
        if digest not in (None, found):
            raise CheckpointError(
                f"{path} is not the table the features were made with (sha256 {found[:12]}, expected "
                f"{str(digest)[:12]}); put the right file there"
            )
        with np.load(path) as file:
            names = [f"{language}_words", f"{language}_vectors"]
            if not set(names) <= set(file.files):
                raise CheckpointError(f"{path} holds {file.files}; expected {names}, take another language")
            words, vectors = (file[name] for name in names)
        source = {"path": str(path), "sha256": found}
        return cls(words.tolist(), vectors, max_words, language, source)

    def encode(self, texts: Iterable[str]) -> list[np.ndarray]:
        """Texts -> for each its (L, D) float32 rows, one per word; at least one row."""
        limit = self.max_words or None
        told = (words_of_table(text, self.language)[:limit] or [NO_WORD] for text in texts)
        return [np.stack([self._word(word) for word in words]) for words in told]

    def describe(self) -> dict[str, Any]:
        """What `text_encoder_of` needs to open an equal encoder, as JSON."""
        return {"kind": "table", "language": self.language, "max_words": self.max_words, **self.source}

    def _word(self, word: str) -> np.ndarray:
        row = self._row.get(word)
        if row is not None:
            return np.asarray(self._vectors[row])
        if word not in self._unknown:
            generator = np.random.default_rng(zlib.crc32(word.encode()))
            vector = generator.standard_normal(self._vectors.shape[1])
            self._unknown[word] = np.asarray(UNKNOWN_NORM * vector / np.linalg.norm(vector), dtype=np.float32)
        return self._unknown[word]
