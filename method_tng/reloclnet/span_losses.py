"""What the `movies` preset minimises: the own window among the batch's, and the own span among the window's.

Both are cross entropies.  The classes of the first are windows, not sentences, so that the sentences of one
window are no negatives of each other; the target of the second is soft, since a span of one clip more is
nearly as right.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress
from method_tng.layers.contrastive import gather_rows, related, rows_before, share_of_mean
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.reloclnet.span_heads import OUTSIDE
from method_tng.reloclnet.span_model import SpanReLoCLNet
from method_tng.reloclnet.span_scores import curves, spans_inside

GOOD_IOU = 0.5  # a span below it is no target, unless none is above


def span_objectives(model: SpanReLoCLNet, settings: ReLoCLNetSettings) -> list[Objective]:
    """One objective: both losses, all parameters, the query tables slower and without decay."""

    def loss(batch: Batch, progress: Progress) -> dict[str, Tensor]:
        return span_losses(model, batch, settings.iou_temperature)

    return [Objective("spans", parameter_groups(model, settings.table_lr), loss)]


def parameter_groups(model: SpanReLoCLNet, table_lr: float) -> list[ParameterGroup]:
    """Query tables; matrices and kernels, which decay; vectors and numbers, which do not."""
    tables = model.query.tables()
    slow = {id(parameter) for parameter in tables}
    others = [parameter for parameter in model.parameters() if id(parameter) not in slow]
    return [
        ParameterGroup(tables, lr_scale=table_lr, decay=False),
        ParameterGroup([parameter for parameter in others if parameter.ndim > 1]),
        ParameterGroup([parameter for parameter in others if parameter.ndim <= 1], decay=False),
    ]


def span_losses(model: SpanReLoCLNet, batch: Batch, temperature: float) -> dict[str, Tensor]:
    """Both losses of a batch.

    In several processes the windows of all are classes for the queries of each; gradients are to be averaged.
    """
    assert batch.targets is not None, "training needs targets"
    query = model.encode_queries(batch.queries)["query"]  # (N, S, H)
    windows = {name: gather_rows(part) for name, part in model.encode_windows(batch.windows).items()}
    movies, seconds = gather_rows(batch.windows.movies), gather_rows(batch.windows.seconds)
    own = batch.positive + rows_before(len(batch.windows), batch.positive.device)  # (N,)
    near = related(movies, seconds, own)  # (N, M)
    curve = curves(query, windows["content"])  # (S, N, M, T)
    own_curve = curve[:, torch.arange(len(own), device=own.device), own]  # (S, N, T)
    inside = spans_inside(windows["mask"], model.longest)[own]  # (N, T, R)
    targets = span_targets(batch.targets.clips, inside, temperature)
    share = share_of_mean(len(own), own.device)
    return {
        "loss_window": share * window_loss(model.window_scores(curve, windows), own, near),
        "loss_span": share * span_loss(model.span_scores(own_curve, windows, own), targets),
    }


def window_loss(scores: Tensor, own: Tensor, near: Tensor) -> Tensor:
    """Cross entropy of each query's own window.

    Args:
        scores: (N, M) logits.
        own: (N,) int64 columns.
        near: (N, M) bool, windows that overlap the own one, which are no classes but for the own one itself.
    """
    return F.cross_entropy(scores.masked_fill(near.scatter(1, own[:, None], False), OUTSIDE), own)


def span_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of the spans: scores (N, T, R) logits, targets (N, T, R) probabilities."""
    return F.cross_entropy(scores.flatten(1), targets.flatten(1))


def span_targets(clips: Tensor, inside: Tensor, temperature: float) -> Tensor:
    """Probability of each span, by its overlap with the moment.

    Args:
        clips: (N, 2) first and last clip of the moment.
        inside: (N, T, R) spans that lie in the window.
        temperature: of the overlap; the less, the harder.

    Returns:
        (N, T, R), sums of 1: proportional to exp(IoU / temperature) where IoU >= 0.5; if that is nowhere,
        on the best spans.
    """
    start = torch.arange(inside.shape[1], device=clips.device)[:, None]  # (T, 1)
    size = torch.arange(1, inside.shape[2] + 1, device=clips.device)  # (R,)
    first, end = clips[:, :1, None], clips[:, 1:, None] + 1  # (N, 1, 1) each
    common = (torch.minimum(start + size, end) - torch.maximum(start, first)).clamp(min=0)
    iou = common / (size + end - first - common)  # (N, T, R)
    iou = iou.masked_fill(~inside, -1.0)
    best = iou.amax(dim=(1, 2), keepdim=True)
    logits = (iou / temperature).masked_fill(iou < best.clamp(max=GOOD_IOU), float("-inf"))
    return logits.flatten(1).softmax(dim=1).view_as(iou)
