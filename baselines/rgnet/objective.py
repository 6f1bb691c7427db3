"""What RGNet minimises: which pairs of a batch are encoded, and which term sees which of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from baselines.rgnet import losses
from baselines.rgnet.model import Proposals, RGNet
from baselines.rgnet.transformer import Read
from method_tng.contract.batch import Batch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code
from method_tng.contract.recipe import Progress
from method_tng.layers.assignment import AssignmentCosts, assign
from method_tng.layers.contrastive import gather_rows, rows_before, share_of_mean, window_contrast
from method_tng.layers.intervals import centres_of
from method_tng.layers.set_losses import chosen_targets


@dataclass(frozen=True)
class Draws:
    """What is random in a step; None = drawn."""

    noise: Tensor | None = None  # (pairs, 1 + T) of the gate, row q * M + w or n
    negative_noise: Tensor | None = None  # (N, 1 + T) of the negative windows
    frames: Tensor | None = None  # (N, 2) one frame inside each moment, one outside


@dataclass(frozen=True)
class Encoded:
    """A batch as the terms see it: N queries, their own windows, M windows of all processes."""

    queries: Code
    windows: Code
    positive: Tensor  # (N,) int64
    own: Read  # of the N own pairs
    negative: Read | None  # of each query and its negative window
    contrast: Tensor | None  # (N, M) window logits


def encode(model: RGNet, batch: Batch, draws: Draws) -> Encoded:
    """Encodes all pairs of a batch, or each query with its own and its negative window."""
    queries, windows = model.encode_queries(batch.queries), model.encode_windows(batch.windows)
    rows = torch.arange(len(batch.positive), device=batch.positive.device)
    if model.settings.negatives == "window":
        if batch.negative is None:
            raise ConfigError("negatives window needs a window for every query; add --film_negatives")
        own = model.read(queries, windows, torch.stack((rows, batch.positive), 1), draws.noise)
        pairs = torch.stack((rows, batch.negative), 1)
        negative = model.read(queries, windows, pairs, draws.negative_noise)
        return Encoded(queries, windows, batch.positive, own, negative, None)
    positive = batch.positive + rows_before(len(batch.windows), rows.device)
    windows = {name: gather_rows(value) for name, value in windows.items()}
    count = len(windows["mask"])
    pairs = torch.cartesian_prod(rows, torch.arange(count, device=rows.device))
    read = model.read(queries, windows, pairs, draws.noise)
    contrast = model.retrieval(read).view(-1, count)  # (N, M)
    return Encoded(queries, windows, positive, _rows(read, rows * count + positive), None, contrast)


def loss_terms(
    model: RGNet, batch: Batch, progress: Progress, draws: Draws | None = None
) -> dict[str, Tensor]:
    """The weighted terms; a term of weight 0 is not computed.

    Args:
        progress: draws come from its generator.
        draws: instead of those.
    """
    settings, draws = model.settings, draws or Draws()
    encoded = encode(model, batch, draws)
    terms = proposal_terms(model, batch, encoded)
    weights = {
        "loss_saliency": (
            settings.lw_saliency,
            lambda: saliency_term(model, batch, encoded, progress, draws),
        ),
        "loss_adapter": (settings.lw_adapter, lambda: adapter_term(model, batch, encoded)),
        "loss_gate": (settings.lw_gate, lambda: _gate_term(batch, encoded)),
    }
    terms |= {name: weight * term() for name, (weight, term) in weights.items() if weight}
    share = share_of_mean(len(batch.positive), batch.positive.device)
    terms = {name: share * term for name, term in terms.items()}
    if settings.lw_retrieval:
        retrieval = retrieval_term(model, batch, encoded)
        terms["loss_retrieval"] = (
            settings.lw_retrieval * retrieval * (1 if encoded.negative is None else share)
        )
    return terms


def proposal_terms(model: RGNet, batch: Batch, encoded: Encoded) -> dict[str, Tensor]:
    """The weighted terms of the proposals, each the sum over the decoder's layers."""
    settings = model.settings
    weights = {"span": settings.lw_span, "giou": settings.lw_giou, "label": settings.lw_label}
    layers = layer_losses(model, batch, encoded)
    return {
        f"loss_{name}": weight * torch.stack([layer[f"loss_{name}"] for layer in layers]).sum()
        for name, weight in weights.items()
        if weight
    }


def layer_losses(model: RGNet, batch: Batch, encoded: Encoded) -> list[Mapping[str, Tensor]]:
    """The unweighted terms of every decoder layer, the last one last."""
    assert batch.targets is not None
    settings = model.settings
    targets = [centres_of(spans).float() for spans in batch.targets.spans]
    costs = AssignmentCosts(settings.set_cost_span, settings.set_cost_giou, settings.set_cost_class)
    proposals = model.propose(encoded.own)
    background = _background_logits(model, encoded)
    found = []
    for layer, (logits, spans) in enumerate(zip(proposals.logits, proposals.spans, strict=True)):
        pairs = assign(spans, logits.softmax(-1)[..., 0], targets, costs)
        if background is not None:
            logits = torch.cat((logits, background[layer]), dim=1)
        wanted = chosen_targets(targets, pairs)
        found.append(losses.proposal_losses(logits, spans, wanted, pairs, settings.eos_coef))
    return found


def saliency_term(model: RGNet, batch: Batch, encoded: Encoded, progress: Progress, draws: Draws) -> Tensor:
    """A frame of the moment above one outside it, and above every frame of a negative window."""
    assert batch.targets is not None
    settings, mask = model.settings, encoded.own.mask
    inside = _inside(batch, mask)
    frames = draws.frames
    if frames is None:
        frames = losses.draw_frames(inside, mask, progress.generator)
    positive, outside = model.saliency(encoded.own).gather(1, frames).unbind(1)  # (N,) each
    loss = losses.margin_loss(outside, positive, settings.margin)
    if encoded.negative is None:
        return loss
    elsewhere, real = model.saliency(encoded.negative), encoded.negative.mask  # (N, T) each
    best = elsewhere if settings.negatives_compat else elsewhere.masked_fill(~real, -torch.inf)
    loss = loss + losses.margin_loss(best.amax(1), positive, settings.margin)
    return loss + losses.background_loss(elsewhere, real, summed=settings.negatives_compat)


def retrieval_term(model: RGNet, batch: Batch, encoded: Encoded) -> Tensor:
    """The own window above the others; in one process or several the same."""
    settings = model.settings
    if encoded.contrast is None:
        assert encoded.negative is not None
        ours, theirs = model.retrieval(encoded.own), model.retrieval(encoded.negative)
        return losses.margin_loss(theirs, ours, settings.margin)
    ignored = torch.zeros_like(encoded.contrast, dtype=torch.bool)
    if settings.mask_false_negatives:
        ignored = _false_negatives(batch)
    parts = [gather_rows(part) for part in (encoded.contrast, encoded.positive, ignored)]
    return window_contrast(*parts, settings.temperature)


def adapter_term(model: RGNet, batch: Batch, encoded: Encoded) -> Tensor:
    """Sentences and true moments find each other in the frames' space."""
    return losses.adapter_loss(moment_similarity(model, batch, encoded), model.settings.temperature)


def moment_similarity(model: RGNet, batch: Batch, encoded: Encoded) -> Tensor:
    """(N, N) how well the frames of moment n fit sentence i."""
    assert batch.targets is not None
    count = len(encoded.positive)
    rows = torch.arange(count, device=encoded.positive.device)
    moment, sentence = torch.cartesian_prod(rows, rows).unbind(1)
    length = encoded.own.mask.sum(1)  # (N,)
    first = torch.stack([spans[0] for spans in batch.targets.spans]).to(length.device)  # (N, 2)
    borders = (first * length[:, None]).double().mul(1e4).round().div(1e4)  # 7.00000005 frames are 7
    pairs = torch.stack((sentence, encoded.positive[moment]), 1)
    scores = model.match_moments(encoded.queries, encoded.windows, pairs, borders[moment, None])
    return scores.view(count, count)


def _gate_term(batch: Batch, encoded: Encoded) -> Tensor:
    mask = encoded.own.mask
    return losses.gate_loss(encoded.own.gate_logits, _inside(batch, mask), mask)


def _background_logits(model: RGNet, encoded: Encoded) -> Tensor | None:
    """(layers, N, Q, 2) of the proposals in the negative windows."""
    if encoded.negative is None:
        return None
    proposals: Proposals = model.propose(encoded.negative)
    if model.settings.negatives_compat:
        return proposals.logits[-1:].expand_as(proposals.logits)
    return proposals.logits


def _false_negatives(batch: Batch) -> Tensor:
    """(N, M) bool, windows of all processes that show a part of a query's moments."""
    assert batch.targets is not None
    windows = batch.windows
    start, end = windows.seconds[batch.positive].unbind(1)  # (N,) each
    spans = zip(batch.targets.spans, start, end, strict=True)
    moments = [span.to(low) * (high - low) + low for span, low, high in spans]
    movies, seconds = gather_rows(windows.movies), gather_rows(windows.seconds)
    return losses.shows_moment(movies, seconds, windows.movies[batch.positive], moments)


def _inside(batch: Batch, mask: Tensor) -> Tensor:
    """(N, T) frames of the moment, as wide as the mask."""
    assert batch.targets is not None
    inside = batch.targets.inside
    return torch.nn.functional.pad(inside, (0, mask.shape[1] - inside.shape[1]))


def _rows(read: Read, rows: Tensor) -> Read:
    """Some of the pairs."""
    return Read(*(getattr(read, field.name)[rows] for field in fields(read)))
