"""The tables of a pack, fitted on narrations of training films: n-grams of the content, words of the query.

Content: the most frequent characters or words and pairs of them, their idf, and a projection.  Query: the
most frequent words and a unit vector for each.  Both are truncated SVDs of the narrations' tf-idf matrix.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import scipy.sparse as sparse

from method_tng.contract.errors import DataError
from method_tng.contract.files import write_whole
from method_tng.corpora.tng_streams import GramTable, pair_of, runs_of
from method_tng.encoders.table import TableEncoder, words_of_table

MOST_GRAMS, GRAM_NARRATIONS, CONTENT_WIDTH = 16384, 4, 256
MOST_WORDS, WORD_NARRATIONS, QUERY_WIDTH = 10000, 3, 300
OVERSAMPLING, ROUNDS = 20, 4  # of the randomised SVD
MAX_QUERY_WORDS = {"en": 48, "zh": 128}  # a Chinese character counts twice, alone and in its pair


@dataclass(frozen=True)
class Tables:
    """Both sides' tables, as arrays by name; the name's first part is the language."""

    arrays: dict[str, np.ndarray]

    def grams(self, language: str) -> GramTable:
        """The content table of a language."""
        index = {gram: row for row, gram in enumerate(self._array(f"{language}_grams").tolist())}
        idf, projection = self._array(f"{language}_idf"), self._array(f"{language}_proj")
        return GramTable(index, idf.astype(np.float32), projection.astype(np.float32))

    def encoder(self, language: str, path: Path) -> TableEncoder:
        """The text encoder of a language; path = the file that holds the tables."""
        words, vectors = self._array(f"{language}_words"), self._array(f"{language}_vectors")
        source = {"path": str(path), "sha256": sha256(path.read_bytes()).hexdigest()}
        return TableEncoder(words.tolist(), vectors, MAX_QUERY_WORDS[language], language, source)

    def save(self, path: Path) -> None:
        """Writes an .npz file."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **self.arrays)

        write_whole(path, write)

    @classmethod
    def load(cls, path: Path) -> "Tables":
        """What `save` wrote."""
        if not path.is_file():
            raise DataError(f"{path} does not exist; expected fitted tables (.npz), or leave the option out")
        with np.load(path) as file:
            return cls({name: file[name] for name in file.files})

    def _array(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise DataError(
                f"the tables hold {', '.join(sorted(self.arrays))} but no {name!r}; fit them anew"
            )
        return self.arrays[name]


def fit_tables(
    content: Sequence[str], content_language: str, queries: Sequence[str], query_language: str
) -> Tables:
    """Tables of the narrations of the training films, the same narrations in both languages."""
    told = [_grams(text, content_language) for text in content]
    grams, idf, projection, _ = _fit(told, MOST_GRAMS, GRAM_NARRATIONS, CONTENT_WIDTH)
    asked = [Counter(words_of_table(text, query_language)) for text in queries]
    words, _, vectors, strength = _fit(asked, MOST_WORDS, WORD_NARRATIONS, QUERY_WIDTH)
    vectors = vectors * strength
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return Tables(
        {
            f"{content_language}_grams": np.array(grams),
            f"{content_language}_idf": idf,
            f"{content_language}_proj": projection.astype(np.float16),
            f"{query_language}_words": np.array(words),
            f"{query_language}_vectors": vectors.astype(np.float16),
        }
    )


def _grams(text: str, language: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for run in runs_of(text, language):
        counts.update(run)
        counts.update(pair_of(one, two, language) for one, two in zip(run, run[1:], strict=False))  # noqa: RUF007
    return counts


def _fit(
    texts: Sequence[Counter[str]], most: int, narrations: int, width: int
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """(terms, idf, directions (terms, width), singular values) of counted texts."""
    frequency: Counter[str] = Counter()
    for counts in texts:
        frequency.update(counts.keys())
    terms = [term for term in frequency if frequency[term] >= narrations]
    terms = sorted(terms, key=lambda term: (-frequency[term], term))[:most]
    idf = np.array([np.log(len(texts) / frequency[term]) for term in terms], np.float32)
    directions, strength = _svd(_tfidf(texts, {term: row for row, term in enumerate(terms)}, idf), width)
    return terms, idf, directions, strength


def _tfidf(texts: Sequence[Counter[str]], index: dict[str, int], idf: np.ndarray) -> sparse.csr_matrix:
    """(texts, terms), rows of unit norm."""
    ends, columns, values = [0], [], []
    for counts in texts:
        for term, times in counts.items():
            if term in index:
                columns.append(index[term])
                values.append((1 + np.log(times)) * idf[index[term]])
        ends.append(len(columns))
    parts = (np.asarray(values, np.float32), np.asarray(columns, np.int32), np.asarray(ends))
    matrix = sparse.csr_matrix(parts, shape=(len(texts), len(index)))
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    norm[norm == 0] = 1
    return sparse.diags((1 / norm).astype(np.float32)) @ matrix


def _svd(matrix: sparse.csr_matrix, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The right singular vectors (terms, width) and values; each vector's largest entry is positive.

    Source: Halko, Martinsson, Tropp 2011, randomised subspace iteration.
    """
    width = min(width, *matrix.shape)
    generator = np.random.default_rng(0)
    basis = generator.standard_normal((matrix.shape[1], width + OVERSAMPLING)).astype(np.float32)
    for _ in range(ROUNDS):
        basis, _ = np.linalg.qr(matrix.T @ (matrix @ basis))
    image = matrix @ basis
    turn, squares, _ = np.linalg.svd(image.T @ image)
    vectors = basis @ turn[:, :width]
    largest = vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])]
    return vectors * np.sign(largest), np.sqrt(squares[:width])
