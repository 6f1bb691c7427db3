"""The closed vocabulary of a run: the words of its training queries, and how many queries hold each."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from method_tng.contract.files import write_text
from method_tng.contract.words import words_of

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
        """What `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        frequencies: Iterable[int] = content["document_frequency"]
        return cls(("", "", *content["words"]), (0, 0, *frequencies), content["num_queries"])
