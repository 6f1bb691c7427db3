"""The `movies` preset: ReLoCLNet with linear towers and span cosines.

The published model's plan is kept: films are encoded once and without the query, a sentence becomes one
vector per stream, the streams' scores are added, the borders of a moment are read from the curve of clip
similarities.  New are the closed-form start of the towers (`span_start`), the cosine of a whole span instead
of its best clip (`span_scores`), and softmax losses (`span_losses`).

Letters: N queries, M windows, P pairs, T clips, L words, R clips of the longest span, S streams, H width.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.layers.spans import span_grid, span_seconds
from method_tng.reloclnet.model import SOURCES, span_lengths
from method_tng.reloclnet.settings import ReLoCLNetSettings
from method_tng.reloclnet.span_content import Content
from method_tng.reloclnet.span_heads import OUTSIDE, ClipConvolution, Damping, SpanHead, WindowHead
from method_tng.reloclnet.span_query import QueryTower
from method_tng.reloclnet.span_scores import curves, pair_curves, span_norms, spans_inside

CANDIDATE_LENGTH = 4  # clips of the spans whose vectors stand for a window in an index


class SpanReLoCLNet(nn.Module):
    """Says which window a sentence is about and which span of it, by cosines of summed clips.

    Args:
        settings: the block marked (spans) of the system's options, and `hidden_size`.
        data: its label convention must be the inclusive one.
        sizes: widths of the streams, 0 = no such stream, and the vocabulary, empty = none.
    """

    def __init__(self, settings: ReLoCLNetSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        self.alpha, self.longest = settings.q2c_alpha, longest_span(settings, data)
        self.register_buffer("allowed", allowed_lengths(settings, data), persistent=False)  # (R,)
        widths = {"video": sizes.frames, "sub": sizes.subtitles}
        self.content = nn.ModuleDict(
            {
                stream: Content(
                    width, settings.hidden_size, settings.content_drop, magnitude=stream == "video"
                )
                for stream, width in widths.items()
                if width
            }
        )
        streams = len(self.content)
        check_streams(streams, data)
        self.query = QueryTower(settings, sizes, streams)
        self.prior = ClipConvolution(1 + streams, 1)
        self.damping = Damping(streams, self.longest)
        self.window_head = WindowHead(self.longest)
        self.span_head = SpanHead(streams, self.longest)

    def encode_queries(self, queries: QueryBatch) -> Code:
        """One vector per stream: {"query": (N, S, H)}."""
        return {"query": self.query(queries)}

    def encode_windows(self, windows: WindowBatch) -> Code:
        """All that is kept of a window; nothing in it depends on a query or on another window."""
        mask = windows.mask
        streams = list(self.streams(windows))
        content = torch.stack([tower(rows, mask) for tower, rows in streams], dim=2)  # (M, T, S, H)
        sides = torch.stack([tower.side(rows) for tower, rows in streams], dim=2)  # (M, T, S)
        channels = torch.cat([mask[:, None].to(sides.dtype), sides.transpose(1, 2)], dim=1)  # (M, 1 + S, T)
        norms = torch.stack([span_norms(stream, self.longest) for stream in content.unbind(dim=2)], dim=3)
        prior = self.prior(channels, mask)[:, 0].float()  # (M, T)
        code = {
            "content": content,
            "sides": sides * mask[:, :, None],
            "prior": prior,
            "norms": norms,  # (M, T, R, S)
            "mask": mask,
            "clip_seconds": windows.clip_seconds,  # (M,)
            "duration": windows.seconds[:, 1] - windows.seconds[:, 0],  # (M,)
        }
        # What no query changes is kept with what is searched; while training it is made once anyway.
        return code if self.training else code | self._window_terms(code)

    def streams(self, windows: WindowBatch) -> Iterator[tuple[Content, Tensor]]:
        """The tower and the raw rows (M, T, D) of each stream."""
        for name, tower in self.content.items():
            yield tower, getattr(windows, SOURCES[name])

    def match(self, queries: Code, windows: Code) -> Tensor:
        """How well windows fit, (N, M): logits over windows times `q2c_alpha`."""
        return self.alpha * self.window_scores(curves(queries["query"], windows["content"]), windows)

    def window_scores(self, curve: Tensor, windows: Code) -> Tensor:
        """Logits over windows, (N, M), from the similarity of all clips, (S, N, M, T)."""
        terms = windows if "slopes" in windows else self._window_terms(windows)
        return self.window_head(curve, terms["slopes"], terms["offsets"], terms["inside"])

    def _window_terms(self, windows: Code) -> Code:
        inside = spans_inside(windows["mask"], self.longest)
        return self.window_head.terms(self.damping(windows["norms"]), windows["prior"], inside)

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """Log-probability of every span of P pairs (P, 2), K = T * R proposals in the order of first clips.

        Spans of a length that `min_pred_l` and its neighbours forbid have no part in it.
        """
        curve, rows = pair_curves(queries["query"], windows["content"], pairs), pairs[:, 1]
        proposed = (spans_inside(windows["mask"], self.longest) & self.allowed)[rows].flatten(1)  # (P, K)
        scores = self.span_scores(curve, windows, rows).flatten(1).masked_fill(~proposed, OUTSIDE)
        scores = scores.log_softmax(dim=1).masked_fill(~proposed, -torch.inf)
        return Spans(self.times(windows, rows), {"span": scores})

    def span_scores(self, curve: Tensor, windows: Code, rows: Tensor) -> Tensor:
        """Logits over the spans of P windows (P, T, R), from their similarity curves (S, P, T).

        Args:
            curve: one per pair of query and window.
            windows: M windows.
            rows: (P,) int64, the window of each pair.
        """
        mask, norms = windows["mask"], self.damping(windows["norms"])
        parts = (norms, windows["prior"], windows["sides"], mask, spans_inside(mask, self.longest))
        return self.span_head(curve, *(part[rows] for part in parts))

    def times(self, windows: Code, rows: Tensor) -> Tensor:
        """Start and end of every span in seconds of its window, (1 or P, K, 2); rows (P,)."""
        lengths = range(1, self.longest + 1)
        grid = span_grid(windows["mask"].shape[1], lengths, rows.device)  # (K, 2) first, last
        grid = grid + torch.tensor([0, 1], device=grid.device)  # a span ends behind its last clip
        return span_seconds(grid, windows["clip_seconds"], windows["duration"], rows)

    def query_vectors(self, queries: Code) -> dict[str, Tensor]:
        """Stream -> (N, H): what an index searches with."""
        return dict(zip(self.content, queries["query"].unbind(dim=1), strict=True))

    def window_vectors(self, windows: Code) -> dict[str, tuple[Tensor, Tensor]]:
        """Stream -> sums of short spans (M, T, H) and their damped norms (M, T), 0 at padding."""
        length = min(CANDIDATE_LENGTH, self.longest)
        norms = self.damping(windows["norms"])[:, :, length - 1] * windows["mask"][:, :, None]  # (M, T, S)
        content, num_clips = windows["content"], norms.shape[1]
        vectors = content.clone()  # (M, T, S, H)
        for later in range(1, min(length, num_clips)):
            vectors[:, : num_clips - later] += content[:, later:]
        names = list(self.content)
        return {name: (vectors[:, :, k], norms[:, :, k]) for k, name in enumerate(names)}


def allowed_lengths(settings: ReLoCLNetSettings, data: DataSettings) -> Tensor:
    """Whether a span of 1, 2, ... R clips may be predicted, (R,) bool.  Raises ConfigError if none may."""
    lengths, longest = span_lengths(settings, data), longest_span(settings, data)
    allowed = torch.tensor([length in lengths for length in range(1, longest + 1)])
    if not allowed.any():
        raise ConfigError(
            f"min_pred_l and its neighbours allow moments of {lengths[0]} to {lengths[-1]} clips, but the "
            f"scorer 'spans' learns spans of up to {longest} (max_span_seconds)"
        )
    return allowed


def longest_span(settings: ReLoCLNetSettings, data: DataSettings) -> int:
    """Clips of the longest span that is learned, at least one; of clips that were not pooled."""
    return max(1, math.floor(settings.max_span_seconds / data.clip_length + 1e-6))


def check_streams(streams: int, data: DataSettings) -> None:
    """Refuses what cannot be built.  Raises ConfigError."""
    if not streams:
        raise ConfigError("ctx_mode names no stream with features; give video_features or sub_features")
    if data.label_end != "inclusive":
        raise ConfigError(
            f"label_end is {data.label_end!r}, but the spans of scorer 'spans' end with their last clip; "
            "set label_end to inclusive"
        )
