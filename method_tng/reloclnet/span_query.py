"""The query tower of the `movies` preset: a sentence -> one vector per stream.

The vector is a sum of parts.  Two of them start as the closed-form map from sentence to content
(`span_start`): a table of words of the training vocabulary and a linear map of the mean word vector; a third,
optional one pools the words with learned attention and starts at nothing.  Each part is normalised, their sum
is not: a query on which the parts agree is long, which acts as confidence.

Letters: N queries, L words of the feature file, K word ids, S streams, H width per stream.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from method_tng.contract.batch import QueryBatch
from method_tng.contract.recipe import Sizes
from method_tng.reloclnet.settings import ReLoCLNetSettings

PART_LENGTH = 0.7  # of the closed-form parts, per stream
COMMON = 200.0  # training queries with a word at which its vector counts half
TINY = 1e-8


class QueryTower(nn.Module):
    """The sum of the parts.

    Args:
        settings: which parts there are, and their dropouts.
        sizes: width of the word vectors and the vocabulary; without a vocabulary there is no lexicon.
        streams: S.
    """

    frequency: Tensor

    def __init__(self, settings: ReLoCLNetSettings, sizes: Sizes, streams: int) -> None:
        super().__init__()
        hidden, self.word_drop = settings.hidden_size, settings.word_drop
        self.register_buffer("frequency", torch.tensor(sizes.document_frequency).float(), persistent=False)
        self.words = WordMap(sizes.words, streams, hidden)
        self.lexicon = None
        if len(lexicon_words(sizes.document_frequency, settings)):
            self.lexicon = Lexicon(sizes, settings, streams)
        self.attention = None
        if settings.attention_branch:
            self.attention = WordAttention(
                sizes.words, settings.attention_hidden, streams, hidden, settings.attention_drop
            )

    def forward(self, queries: QueryBatch) -> Tensor:
        """The query's vectors, (N, S, H).  While training, words are lost from all parts together."""
        words, mask, token_ids = queries.words, queries.mask, queries.token_ids
        known = mask if token_ids is None else token_ids > 0  # (N, K)
        weights = self.weights(queries)
        if self.training:
            chance = torch.rand(len(mask), max(mask.shape[1], known.shape[1]), device=mask.device)
            mask, known = (keep_words(places, chance, self.word_drop) for places in (mask, known))
        query = self.words(words, weights * mask)  # (N, S, H)
        if self.lexicon is not None:
            assert token_ids is not None, "a model with a vocabulary needs word ids"
            query = query + self.lexicon(token_ids, known)
        if self.attention is not None:
            query = query + self.attention(words, mask)
        return query

    def tables(self) -> list[nn.Parameter]:
        """The parameters of the closed-form start, which learn slowly."""
        lexicon = [] if self.lexicon is None else [self.lexicon.table, self.lexicon.weight]
        return [self.words.table, *lexicon]

    def weights(self, queries: QueryBatch) -> Tensor:
        """How much each word vector counts, (N, L): see `word_weights`."""
        token_ids = queries.token_ids if len(self.frequency) else None
        return word_weights(queries.mask, token_ids, self.frequency)


class Lexicon(nn.Module):
    """Sentence as a weighted bag of the vocabulary's frequent words, each with its own learned vectors.

    Args:
        sizes: how many training queries there are and how many of them hold each word of the vocabulary.
        settings: least number of queries a word must occur in, rarer ones are ignored; H; dropout.
        streams: S.
    """

    rows: Tensor

    def __init__(self, sizes: Sizes, settings: ReLoCLNetSettings, streams: int) -> None:
        super().__init__()
        frequency = torch.tensor(sizes.document_frequency)
        known = lexicon_words(sizes.document_frequency, settings)  # (V,) vocabulary ids
        rows = torch.full((len(frequency),), -1)
        rows[known] = torch.arange(len(known))
        self.register_buffer("rows", rows, persistent=False)  # vocabulary id -> row of the table, -1 = none
        self.streams = streams
        self.table = nn.Parameter(torch.randn(len(known), streams * settings.hidden_size) * 0.02)
        self.weight = nn.Parameter((sizes.num_queries / frequency[known]).log())  # inverse document frequency
        self.drop = nn.Dropout(settings.lex_drop)

    def bag(self, token_ids: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the table and their weights: a word said c times counts log2(1 + c) times its weight.

        A word's weight is shared by its occurrences; the words' weights have unit length together.

        Args:
            token_ids: (N, K) int64 vocabulary ids.
            kept: (N, K) bool, the words that count.

        Returns:
            (N, K) int64 rows and (N, K) weights, 0 at words without a row.
        """
        rows = self.rows[token_ids]  # (N, K)
        rows = rows.masked_fill(~kept, -1)
        counts = (rows[:, :, None] == rows[:, None, :]).sum(dim=2)  # (N, K)
        known, rows = rows >= 0, rows.clamp(min=0)
        weights = self.weight[rows] * torch.log2(1 + counts) * known  # (N, K), of the word
        squared = (weights.square() / counts).sum(dim=1, keepdim=True)  # (N, 1), once per word
        return rows, weights / counts / squared.clamp(min=TINY).sqrt()

    def forward(self, token_ids: Tensor, kept: Tensor) -> Tensor:
        """token_ids (N, K), kept (N, K) bool -> (N, S, H), each stream of length 0.7 or 0."""
        rows, weights = self.bag(token_ids, kept)
        mixed = F.embedding_bag(rows, self.table, per_sample_weights=weights, mode="sum")  # (N, S*H)
        return part(self.drop(mixed), self.streams)


class WordMap(nn.Module):
    """Sentence as a linear map of the weighted mean of its word vectors.

    Args:
        words: width of a word vector.
        streams, hidden: S and H.
    """

    def __init__(self, words: int, streams: int, hidden: int) -> None:
        super().__init__()
        self.streams = streams
        self.table = nn.Parameter(torch.randn(words + 1, streams * hidden) * 0.02)

    def summary(self, words: Tensor, weights: Tensor) -> Tensor:
        """The sum's direction and a constant: words (N, L, Dq), weights (N, L) -> (N, Dq + 1)."""
        mean = F.normalize(torch.einsum("nl,nld->nd", weights, words), dim=1, eps=TINY)  # (N, Dq)
        return F.pad(mean, (0, 1), value=1.0)

    def forward(self, words: Tensor, weights: Tensor) -> Tensor:
        """words (N, L, Dq), weights (N, L) -> (N, S, H), each stream of length 0.7."""
        return part(self.summary(words, weights) @ self.table, self.streams)


class WordAttention(nn.Module):
    """Sentence pooled with one attention per stream (ReLoCLNet's modular query); zero at its start.

    Args:
        words: width of a word vector.
        inner: width of the words' hidden layer.
        streams, hidden: S and H.
        drop: dropout before and after the hidden layer.
    """

    def __init__(self, words: int, inner: int, streams: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(drop)
        self.inner = nn.Linear(words, inner)
        self.attend = nn.Linear(inner, streams)
        self.out = nn.ModuleList(nn.Linear(words + inner, hidden) for _ in range(streams))
        for layer in self.out:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, words: Tensor, kept: Tensor) -> Tensor:
        """words (N, L, Dq), kept (N, L) bool -> (N, S, H)."""
        words = self.drop(words)
        inner = self.drop(F.gelu(self.inner(words)))  # (N, L, I)
        logits = self.attend(inner).masked_fill(~kept[:, :, None], -1e4)  # (N, L, S)
        pooled = torch.einsum("nls,nld->snd", logits.softmax(dim=1), torch.cat([words, inner], dim=2))
        return torch.stack([layer(vectors) for layer, vectors in zip(self.out, pooled, strict=True)], dim=1)


def lexicon_words(document_frequency: Sequence[int], settings: ReLoCLNetSettings) -> Tensor:
    """Vocabulary ids of the words that get a row in the lexicon, (V,) int64; never padding or unknown.

    Ids are given by frequency, so the first ones are the most frequent words.  The closed-form start holds a
    V x V matrix, and Chinese, where pairs of characters are words, would have tens of thousands.
    """
    frequency = torch.tensor(document_frequency, dtype=torch.int64)
    frequency[:2] = 0
    return (frequency >= max(settings.lex_min_df, 1)).nonzero()[: settings.lex_max_words, 0]


def part(vectors: Tensor, streams: int) -> Tensor:
    """The halves of (N, S*H), each scaled to one length: (N, S, H)."""
    return PART_LENGTH * F.normalize(vectors.unflatten(1, (streams, -1)), dim=2, eps=TINY)


def keep_words(mask: Tensor, chance: Tensor, drop: float) -> Tensor:
    """The words that survive: (N, L) bool.  A sentence never loses all of its words.

    Args:
        mask: (N, L) bool, the real words.
        chance: (N, L or more) numbers in [0, 1), one per place, drawn by the caller.
        drop: share of words to drop.
    """
    chance = chance[:, : mask.shape[1]].masked_fill(~mask, -1.0)
    luckiest = chance >= chance.amax(dim=1, keepdim=True)
    return mask & ((chance >= drop) | luckiest)


def word_weights(mask: Tensor, token_ids: Tensor | None, document_frequency: Tensor) -> Tensor:
    """How much each word vector counts, (N, L): less for common words, 1 where frequencies are not known.

    Frequencies belong to word ids; they are used for sentences with as many word vectors as ids, since
    both come from the same tokeniser then.
    """
    weights = mask.to(torch.get_default_dtype())
    if token_ids is None:
        return weights
    length = mask.shape[1]
    ids = F.pad(token_ids, (0, max(0, length - token_ids.shape[1])))  # (N, L or more)
    aligned = (token_ids > 0).sum(dim=1) == mask.sum(dim=1)  # (N,)
    common = document_frequency[ids[:, :length]] * aligned[:, None]
    return weights / (1 + common / COMMON)
