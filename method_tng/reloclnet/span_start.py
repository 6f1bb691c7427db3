"""The closed-form start of the `movies` preset: ridge regression from sentence to content.

Two passes over the training set.  The first finds the mean clip of each stream, which the unit clips need.
The second collects the normal equations of two regressions (bag of words, mean word vector) onto the mean
unit clip of each sentence's moment, and, for a stream wider than the model, its principal directions.
Sums are kept in double precision; nothing grows with the number of sentences.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from method_tng.contract.batch import Batch, to_device
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.reloclnet.span_content import Content, sounding
from method_tng.reloclnet.span_model import SpanReLoCLNet


class Ridge:
    """Normal equations of a linear map, collected batch by batch."""

    def __init__(self, inputs: int, outputs: int, device: torch.device) -> None:
        self.gram = torch.zeros(inputs, inputs, dtype=torch.float64, device=device)
        self.product = torch.zeros(inputs, outputs, dtype=torch.float64, device=device)

    def add(self, x: Tensor, y: Tensor) -> None:
        """Rows of inputs (N, I) and outputs (N, O)."""
        x = x.double()
        self.gram += x.T @ x
        self.product += x.T @ y

    def add_sparse(self, columns: Tensor, values: Tensor, y: Tensor) -> None:
        """The same for rows of few non-zero inputs: columns (N, K) and values (N, K), repeats add up."""
        values = values.double()
        products = values[:, :, None] * values[:, None, :]  # (N, K, K)
        row, one, other = products.nonzero(as_tuple=True)
        places = columns[row, one] * len(self.gram) + columns[row, other]
        self.gram.view(-1).index_add_(0, places, products[row, one, other])
        row, one = values.nonzero(as_tuple=True)
        indices, shape = torch.stack([columns[row, one], row]), (len(self.gram), len(values))
        x = torch.sparse_coo_tensor(indices, values[row, one], shape, check_invariants=True)  # (I, N)
        self.product.addmm_(x, y)

    def solve(self, ridge: float) -> Tensor:
        """The map (I, O) that minimises the squared error plus `ridge` times its squared size."""
        self.gram.diagonal().add_(ridge)
        return torch.cholesky_solve(self.product, torch.linalg.cholesky(self.gram))


@torch.no_grad()
def span_start(model: SpanReLoCLNet, settings: ReLoCLNetSettings, batches: Iterable[Batch]) -> None:
    """Fits the streams' statistics and both query tables in place.

    Args:
        model: fresh.
        settings: its options.
        batches: the training set with targets; gone through twice.
    """
    towers: list[Content] = list(model.content.values())
    device = towers[0].mean.device
    fit_means(model, on_device(batches, device))
    query, width = model.query, sum(len(tower.mean) for tower in towers)
    words = Ridge(len(query.words.table), width, device)
    bags = Ridge(len(query.lexicon.table), width, device) if query.lexicon is not None else None
    energy = {tower: Ridge(len(tower.mean), 0, device).gram for tower in towers if wide(tower)}
    for batch in on_device(batches, device):
        units = {tower: tower.unit(rows) for tower, rows in model.streams(batch.windows)}  # (M, T, D) each
        moments = torch.cat([moment_means(unit, batch) for unit in units.values()], dim=1)  # (N, width)
        words.add(query.words.summary(batch.queries.words, query.weights(batch.queries)), moments)
        if bags is not None:
            token_ids = batch.queries.token_ids
            bags.add_sparse(*query.lexicon.bag(token_ids, token_ids > 0), moments)
        for tower, gram in energy.items():
            clips = units[tower].flatten(0, 1).double()  # (M*T, D)
            gram += clips.T @ clips
    for tower, gram in energy.items():
        tower.linear.weight.copy_(principal(gram, tower.linear.out_features))
    query.words.table.copy_(projected(words.solve(settings.ridge_lambda), towers))
    if bags is not None:
        query.lexicon.table.copy_(projected(bags.solve(settings.ridge_lambda), towers))


def fit_means(model: SpanReLoCLNet, batches: Iterable[Batch]) -> None:
    """Mean and mean norm of the clips that are not zero, per stream; padding is zero too."""
    sums = {tower: torch.zeros_like(tower.mean, dtype=torch.float64) for tower in model.content.values()}
    norms = dict.fromkeys(sums, 0.0)
    counts = dict.fromkeys(sums, 0)
    for batch in batches:
        for tower, rows in model.streams(batch.windows):
            clips = rows[sounding(rows)]  # (C, D)
            sums[tower] += clips.sum(dim=0, dtype=torch.float64)
            norms[tower] += float(clips.norm(dim=1).sum())
            counts[tower] += len(clips)
    for tower, count in counts.items():
        if count:
            tower.mean.copy_(sums[tower] / count)
            tower.loudness.fill_(norms[tower] / count)


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The batches, each moved when its turn comes."""
    for batch in batches:
        yield to_device(batch, device)


def moment_means(unit: Tensor, batch: Batch) -> Tensor:
    """Mean unit clip of each sentence's moment: (M, T, D) -> (N, D) float64."""
    assert batch.targets is not None, "a closed-form start needs targets"
    sums = F.pad(unit.cumsum(dim=1), (0, 0, 1, 0))  # (M, T + 1, D)
    first, last = batch.targets.clips.unbind(dim=1)  # (N,) each
    clips = sums[batch.positive, last + 1] - sums[batch.positive, first]  # (N, D)
    return clips.double() / (last + 1 - first)[:, None]


def wide(tower: Content) -> bool:
    """Whether a stream is wider than the model, so that its tower must choose directions."""
    return tower.linear.in_features > tower.linear.out_features


def principal(gram: Tensor, count: int) -> Tensor:
    """The directions of most energy, as rows: (D, D) -> (count, D)."""
    return torch.linalg.eigh(gram).eigenvectors[:, -count:].flip(1).T


def projected(table: Tensor, towers: list[Content]) -> Tensor:
    """A map onto raw unit clips, carried through the towers: (I, widths) -> (I, S*H)."""
    widths = [tower.linear.in_features for tower in towers]
    parts = table.split(widths, dim=1)
    return torch.cat(
        [part @ tower.linear.weight.double().T for part, tower in zip(parts, towers, strict=True)], dim=1
    )
