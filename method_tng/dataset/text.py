"""The closed vocabulary of a run: the words of its training queries, and how many queries hold each."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from method_tng.contract.files import write_text
from method_tng.contract.words import words_of
from method_tng.dataset.records import decode, read_text_bytes

__all__ = ["Vocabulary", "words_of"]

PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Vocabulary:
    """Word <-> id; 0 is padding, 1 any unknown word.

    Attributes:
        words: by id, the first two empty; the most frequent first, equals in alphabetical order.
        document_frequency: by id, training queries that hold the word; 0 for the first two.
        num_queries: training queries.
    """

    words: tuple[str, ...]
    document_frequency: tuple[int, ...]
    num_queries: int
    _id_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_id_of", {word: index for index, word in enumerate(self.words) if word})

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def build(cls, texts: Sequence[str], limit: int | None = None) -> "Vocabulary":
        """Of texts, of each the first `limit` words (all by default)."""
        counts = Counter(word for text in texts for word in set(words_of(text)[:limit]))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words, frequencies = zip(("", 0), ("", 0), *ranked, strict=True)
        return cls(words, frequencies, len(texts))

    def ids(self, text: str, limit: int | None = None) -> list[int]:
        """The ids of a text's first `limit` words."""
        return [self._id_of.get(word, UNKNOWN) for word in words_of(text)[:limit]]

    def write(self, path: Path) -> None:
        """One JSON object."""
        words, frequencies = self.words[2:], self.document_frequency[2:]
        content = {"words": words, "document_frequency": frequencies, "num_queries": self.num_queries}
        write_text(path, json.dumps(content, ensure_ascii=False))

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """What `write` wrote.  Raises DataError for anything else."""
        stored = decode(read_text_bytes(path), _Stored, str(path))
        words, frequencies = ("", "", *stored.words), (0, 0, *stored.document_frequency)
        return cls(words, frequencies, stored.num_queries)


class _Stored(msgspec.Struct):
    """What is kept of a vocabulary.

    {"words": ["a", "man"], "document_frequency": [7, 3], "num_queries": 9}
    """

    words: list[str]
    document_frequency: list[int]
    num_queries: int
