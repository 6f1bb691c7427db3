"""What ReLoCLNet minimises on a batch: which pairs each loss term sees, and with which weight."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from method_tng.contract.batch import Batch, QueryBatch, WindowBatch, take_queries, take_windows
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Progress
from method_tng.layers.bucketing import encode_in_groups
from method_tng.layers.contrastive import gather_rows, related, rows_before
from method_tng.reloclnet import losses
from method_tng.reloclnet.model import ReLoCLNet, mean
from method_tng.reloclnet.settings import ReLoCLNetSettings


class Ranks(NamedTuple):
    """Which negative every row of the margin losses takes, (N,) int64 each, 1 = the best."""

    windows: Tensor  # among the windows, for each query
    queries: Tensor  # among the queries, for each window


@dataclass(frozen=True)
class Encoded:
    """A batch as the losses see it: the codes of all processes, N queries with their own windows."""

    queries: Code
    windows: Code
    positive: Tensor  # (N,) int64
    clips: Tensor  # (N, 2) int64 first and last label
    inside: Tensor  # (N, T) bool
    related: Tensor  # (N, N) bool, True where query j's window is no negative of query i

    @property
    def pairs(self) -> Tensor:
        """(N, 2): each query and its own window."""
        return torch.stack((torch.arange(len(self.positive), device=self.positive.device), self.positive), 1)

    @property
    def mask(self) -> Tensor:
        """(N, T) real clips of each query's own window."""
        return self.windows["mask"][self.positive]


def encode(model: ReLoCLNet, batch: Batch, buckets: int = 1) -> Encoded:
    """Encodes every window of a batch once, and brings the codes of all processes together."""
    assert batch.targets is not None, "training needs targets"
    windows = _encode_windows(model, batch.windows, buckets)
    queries = _encode_queries(model, batch.queries, buckets)
    before = rows_before(len(batch.windows), batch.positive.device)
    width = windows["mask"].shape[1]
    inside = torch.nn.functional.pad(batch.targets.inside, (0, width - batch.targets.inside.shape[1]))
    positive = gather_rows(batch.positive + before)
    no_negative = _related(model.settings.mask_related, batch.windows, positive)
    return Encoded(
        queries={name: gather_rows(value) for name, value in queries.items()},
        windows={name: gather_rows(value) for name, value in windows.items()},
        positive=positive,
        clips=gather_rows(batch.targets.clips),
        inside=gather_rows(inside),
        related=no_negative,
    )


def loss_terms(
    model: ReLoCLNet, encoded: Encoded, progress: Progress, ranks: Ranks | None = None
) -> dict[str, Tensor]:
    """The weighted terms; a term of weight 0 is not computed.

    Args:
        model: its settings hold the weights.
        encoded: the whole batch.
        progress: the epoch switches hard negatives and the span loss; draws come from its generator.
        ranks: of the margin losses, instead of drawn ones.
    """
    settings = model.settings
    terms = {}
    if settings.lw_st_ed and 0 <= settings.train_span_start_epoch <= progress.epoch:
        start, end = model.span_logits(encoded.queries, encoded.windows, encoded.pairs)
        first, last = encoded.clips.unbind(1)
        borders = losses.border_loss(start, first) + losses.border_loss(end, last)
        terms["loss_st_ed"] = settings.lw_st_ed * borders
    if settings.lw_fcl or settings.lw_vcl:
        terms |= _contrast_terms(model, encoded)
    return terms | _margin_terms(model, encoded, ranks or _drawn(settings, encoded, progress))


def window_contrast_scores(products: dict[str, Tensor], encoded: Encoded) -> Tensor:
    """(N, N) best second-level clip of each own window, mean over streams; products stream -> (N, M, T)."""
    mask = encoded.windows["mask"]
    best = {stream: values.masked_fill(~mask, -torch.inf).amax(2) for stream, values in products.items()}
    return mean(best)[:, encoded.positive]


def own_products(products: Tensor, encoded: Encoded) -> Tensor:
    """(N, T) dot products of each query with its own window's clips; products (N, M, T)."""
    query, window = encoded.pairs.unbind(1)
    return products[query, window]


def margin_scores(model: ReLoCLNet, encoded: Encoded) -> Tensor:
    """(N, N) retrieval scores; each distinct window is scored once."""
    return model.retrieval_scores(encoded.queries, encoded.windows)[:, encoded.positive]


def _encode_queries(model: ReLoCLNet, queries: QueryBatch, buckets: int) -> Code:
    def some(rows: Tensor, num_words: int) -> Code:
        return model.encode_queries(take_queries(queries, rows, num_words))

    return encode_in_groups(some, queries.mask, buckets) if buckets > 1 else model.encode_queries(queries)


def _encode_windows(model: ReLoCLNet, windows: WindowBatch, buckets: int) -> Code:
    def some(rows: Tensor, num_clips: int) -> Code:
        return model.encode_windows(take_windows(windows, rows, num_clips), middle=True)

    if buckets <= 1 or model.settings.pad_compat:  # padded to the same length anyway
        return model.encode_windows(windows, middle=True)
    return encode_in_groups(some, windows.mask, buckets)


def _related(masked: bool, windows: WindowBatch, positive: Tensor) -> Tensor:
    """(N, N) bool, True where query j's window is no negative of query i: j = i, and more if masked."""
    own = torch.eye(len(positive), dtype=torch.bool, device=positive.device)
    if not masked:
        return own
    movies, seconds = gather_rows(windows.movies), gather_rows(windows.seconds)
    return related(movies, seconds, positive)[:, positive] | own


def _contrast_terms(model: ReLoCLNet, encoded: Encoded) -> dict[str, Tensor]:
    settings = model.settings
    terms: dict[str, Tensor] = {}
    products = model.middle_products(encoded.queries, encoded.windows)  # stream -> (N, M, T)
    if settings.lw_fcl:
        mask = encoded.mask
        frames = {
            stream: losses.frame_contrast(own_products(values, encoded), encoded.inside, mask)
            for stream, values in products.items()
        }
        terms["loss_fcl"] = settings.lw_fcl * mean(frames)
    if settings.lw_vcl:
        scores = window_contrast_scores(products, encoded)
        terms["loss_vcl"] = settings.lw_vcl * losses.window_contrast(scores, encoded.related)
    return terms


def _margin_terms(model: ReLoCLNet, encoded: Encoded, ranks: Ranks) -> dict[str, Tensor]:
    settings = model.settings
    terms: dict[str, Tensor] = {}
    if not (settings.lw_neg_ctx or settings.lw_neg_q):
        return terms
    scores = margin_scores(model, encoded)  # (N, N)
    shape = (settings.margin, settings.ranking_loss_type)
    if settings.lw_neg_ctx:
        loss = losses.margin_loss(scores, encoded.related, ranks.windows, *shape)
        terms["loss_neg_ctx"] = settings.lw_neg_ctx * loss
    if settings.lw_neg_q:
        loss = losses.margin_loss(scores.T, encoded.related.T, ranks.queries, *shape)
        terms["loss_neg_q"] = settings.lw_neg_q * loss
    return terms


def _drawn(settings: ReLoCLNetSettings, encoded: Encoded, progress: Progress) -> Ranks:
    hard = 0 <= settings.hard_negative_start_epoch <= progress.epoch
    pool = settings.hard_pool_size if hard else 0
    windows = losses.draw_ranks(encoded.related, pool, progress.generator)
    return Ranks(windows, losses.draw_ranks(encoded.related.T, pool, progress.generator))
