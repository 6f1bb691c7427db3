"""One span per sentence and window, found without labels: its frames should tell the sentence.

Letters: N queries, M windows, P pairs, L words, T clips, D width, Dq width of a word.
Source: the idea of Zheng et al. 2022 (CNM, AAAI), as small as it can be.
"""

import torch
from torch import Tensor, nn

from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.layers.intervals import borders_of
from tests.smallest_system.settings import SmallestSettings


class SmallestLocalizer(nn.Module):
    """Guesses a span, and rebuilds the sentence from what lies in it."""

    def __init__(self, settings: SmallestSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        self.words = nn.Linear(sizes.words, settings.hidden_size)
        self.frames = nn.Linear(sizes.frames, settings.hidden_size)
        self.guess = nn.Linear(2 * settings.hidden_size, 2)
        self.rebuild = nn.Linear(settings.hidden_size, sizes.words)

    def forward(self, queries: Code, windows: Code, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs (P, 2) -> centre and width (P, 2) in [0, 1], and how badly the sentence is rebuilt from the
        span and from the whole window, (P,) each."""
        rows, columns = pairs.unbind(1)
        words, frames, mask = queries["words"][rows], windows["frames"][columns], windows["mask"][columns]
        share = mask / mask.sum(1, keepdim=True)  # (P, T) of each clip in the whole window
        window = torch.einsum("pt,ptd->pd", share, frames)  # (P, D)
        span = self.guess(torch.cat([self.words(words), window], dim=1)).sigmoid()  # (P, 2)
        centre, width = span.split(1, dim=1)  # (P, 1) each
        place = (mask.cumsum(1) - 0.5) / mask.sum(1, keepdim=True)  # (P, T) middles of the clips
        inside = torch.exp(-(((place - centre) / (width + 0.1)) ** 2)) * mask  # (P, T) around the centre
        inside = torch.einsum("pt,ptd->pd", inside / inside.sum(1, keepdim=True), frames)  # (P, D)
        misfits = [(self.rebuild(frames) - words).square().mean(1) for frames in (inside, window)]
        return span, misfits[0], misfits[1]

    def encode_queries(self, queries: QueryBatch) -> Code:
        """The mean word (N, Dq)."""
        words = queries.words * queries.mask[..., None]  # (N, L, Dq)
        return {"words": words.sum(1) / queries.mask.sum(1, keepdim=True)}

    def encode_windows(self, windows: WindowBatch) -> Code:
        """The clips (M, T, D), and how long the window lasts."""
        seconds = windows.seconds[:, 1] - windows.seconds[:, 0]  # (M,)
        return {"frames": self.frames(windows.frames), "mask": windows.mask, "duration": seconds}

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """One proposal for each of P pairs; the better its frames tell the sentence, the higher its score."""
        span, misfit, _ = self(queries, windows, pairs)
        times = borders_of(span).clamp(0, 1) * windows["duration"][pairs[:, 1], None]  # (P, 2)
        return Spans(times[:, None], {"told": -misfit[:, None]})
