"""What both stages minimise on a batch.

localizer_terms    each sentence in its own window: stretched, brought to size, read, compared
retriever_terms    captions and shots of all processes against each other
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from baselines.cnclip_rnl.localizer import RNL, rows_of
from baselines.cnclip_rnl.losses import border_loss, proposal_targets, score_loss
from baselines.cnclip_rnl.resampling import Ratios, draw_ratios, places_of, resampled_label, stretched
from baselines.cnclip_rnl.retriever import ShotRetriever
from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Progress
from method_tng.layers.contrastive import gather_rows, rows_before, share_of_mean, window_contrast


def localizer_terms(
    model: RNL, batch: Batch, progress: Progress, ratios: list[Ratios] | None = None
) -> dict[str, Tensor]:
    """The weighted terms of the locator.

    Args:
        model: in training mode windows are stretched.
        batch: its labels are the clips of the targets, of one moment per sentence.
        progress: ratios are drawn from its generator.
        ratios: of each sentence's window, instead of those.
    """
    settings = model.settings
    rows, mask, labels = training_windows(model, batch, progress, ratios)
    text, real = model.read_sentence(batch.queries)
    found = model(model.read_frames(rows, mask), mask, text, real)
    targets = proposal_targets(model.table, found.legal, labels, settings.positive_share)
    share = share_of_mean(len(labels), labels.device)
    border_share = share_of_mean(max(1, int(targets.positive.sum())), labels.device)
    return {
        "loss_score": settings.lw_score * share * score_loss(found.logits, found.legal, targets.scores),
        "loss_border": settings.lw_border * border_share * border_loss(found.boxes, labels, targets.positive),
    }


def training_windows(
    model: RNL, batch: Batch, progress: Progress, ratios: list[Ratios] | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Each sentence's own window as the locator reads it.

    Returns:
        (N, T, V) rows, (N, T) bool which are real, (N, 2) int64 first and last row of the moment.
    """
    assert batch.targets is not None
    settings, windows = model.settings, batch.windows
    rows, stretches = rows_of(windows, settings.face_dim), settings.short_windows == "stretch"
    lengths = windows.mask.sum(1)[batch.positive].tolist()
    if ratios is None and settings.stretch and model.training:
        ratios = [_drawn(progress.generator) for _ in lengths]
    taken, labels = [], []
    for number, (window, length) in enumerate(zip(batch.positive.tolist(), lengths, strict=True)):
        first, last = batch.targets.clips[number].clamp(0, length - 1).tolist()
        picks, label = np.arange(length), (first, last)
        if ratios is not None:
            picks, (first, behind) = stretched(length, (first, last + model.behind), ratios[number])
            label = (first, behind - model.behind)
        taken.append(rows[window, torch.from_numpy(picks).to(rows.device)])  # (n, V)
        labels.append(resampled_label(label, places_of(len(picks), settings.num_frames, stretches)))
    counts = torch.tensor([len(one) for one in taken], device=rows.device)
    padded = pad_sequence(taken, batch_first=True)  # (N, n, V)
    real = torch.arange(padded.shape[1], device=rows.device) < counts[:, None]
    return (*model.bring(padded, real), torch.tensor(labels, device=rows.device))


def _drawn(generator: torch.Generator) -> Ratios:
    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    return draw_ratios(uniform)


def retriever_terms(model: ShotRetriever, batch: Batch, mask_same_sources: bool) -> dict[str, Tensor]:
    """The one term of the retriever; in one process or several the same.

    Args:
        mask_same_sources: a shot that tells a narration of a caption is no negative of the caption.
    """
    sentences = {name: gather_rows(rows) for name, rows in model.encode_queries(batch.queries).items()}
    shots = {name: gather_rows(rows) for name, rows in model.encode_windows(batch.windows).items()}
    logits = model.match(sentences, shots)  # (N, M)
    positive = gather_rows(batch.positive + rows_before(len(batch.windows), batch.positive.device))
    ignored = torch.zeros_like(logits, dtype=torch.bool)
    if mask_same_sources and batch.queries.sources is not None:
        sources = gather_rows(batch.queries.sources + 1) - 1  # rows of other processes are padded with zeros
        ignored = tells_a_source(sources, positive, logits.shape[1])
    return {"loss_contrast": window_contrast(logits, positive, ignored, 1.0)}


def tells_a_source(sources: Tensor, positive: Tensor, num_windows: int) -> Tensor:
    """Which windows tell a narration of a caption, as far as the captions say.

    Args:
        sources: (N, S) int64 narrations that each caption is joined from, -1 = padding.
        positive: (N,) int64 the window of each caption.
        num_windows: M.

    Returns:
        (N, M) bool; the own window is among them.
    """
    real = (sources >= 0)[:, None, :, None]  # (N, 1, S, 1)
    share = ((sources[:, None, :, None] == sources[None, :, None, :]) & real).any((2, 3))  # (N, N)
    own = torch.zeros(len(positive), num_windows, device=positive.device)
    own[torch.arange(len(positive), device=positive.device), positive] = 1
    return share.float() @ own > 0
