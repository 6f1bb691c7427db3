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
from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Progress
from method_tng.layers.contrastive import share_of_mean


def localizer_terms(
    model: RNL, batch: Batch, progress: Progress, ratios: list[Ratios] | None = None
) -> dict[str, Tensor]:
    """The weighted terms of the locator.

    Args:
        model: in training mode windows are stretched.
        batch: its labels are the clips of the targets (the last one included), of one moment per sentence.
        progress: ratios are drawn from its generator.
        ratios: of each sentence's window, instead of those.
    """
    settings, queries = model.settings, batch.queries
    rows, mask, labels = training_windows(model, batch, progress, ratios)
    text, real = model.read_sentence(queries.words, queries.mask, queries.portraits)
    found = model(model.read_frames(rows, mask), mask, text, real)
    targets = proposal_targets(model.table, found.legal, labels, settings.positive_share)
    share = share_of_mean(len(labels), labels.device)
    border_share = share_of_mean(int(targets.positive.sum()), labels.device)
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
            picks, label = stretched(length, label, ratios[number])
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
