"""ReLoCLNet: finds the window a sentence is about by its best clip, and the moment by start and end.

Two streams (video, subtitles or narration track) or one of them.  A window is encoded without the query, so a
corpus is encoded once.  Names of the parts are those of published state dicts.

Letters: N queries, M windows, P pairs, L words, T clips, D hidden width.

Source: Zhang et al. 2021, "Video Corpus Moment Retrieval with Contrastive Learning", sections 3.2-3.4.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.layers.attention import MultiHeadAttention
from method_tng.layers.blocks import InputProjection, SelfAttentionBlock
from method_tng.layers.pooling import WordPooling
from method_tng.layers.position import LearnedPositions
from method_tng.layers.similarity import best_clip, pair_products
from method_tng.layers.spans import band_scores, span_grid, span_seconds
from method_tng.reloclnet.settings import ReLoCLNetSettings

SOURCES = {"video": "frames", "sub": "subtitles"}  # stream -> where a batch holds its rows


class Levels(NamedTuple):
    """What each stream knows of the clips, stream -> (M, T, D), after each of its three encoders."""

    first: dict[str, Tensor]
    middle: dict[str, Tensor]
    last: dict[str, Tensor]


class ReLoCLNet(nn.Module):
    """The published network; its figure, way by way:

        words    two encoders, then pooled with weights of each stream    word_features, encode_queries
        clips    first encoder; each stream reads the other; two more     clip_levels, encode_windows
        match    cosine with the best clip, mean over the streams         stream_scores, retrieval_scores
        borders  similarity of the clips, convolved to start and end      clip_similarity, span_logits

    What losses contrast besides is the clips' second level (`middle_products`).

    Args:
        settings: its options; those marked (spans) are not used.
        data: longest window and query, label convention, clip length.
        sizes: widths of the inputs; a stream of width 0 does not exist.
    """

    def __init__(self, settings: ReLoCLNetSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        widths = {"video": sizes.frames, "sub": sizes.subtitles}
        self.streams = [stream for stream, size in widths.items() if size]
        self.settings = settings
        self.max_clips = data.max_ctx_l
        self.label_end = data.label_end
        self.lengths = span_lengths(settings, data)
        width, drop, input_drop = settings.hidden_size, settings.drop, settings.input_drop
        _check(settings, self.streams)

        def block() -> SelfAttentionBlock:
            return SelfAttentionBlock(width, settings.n_heads, drop, lowered=settings.pad_compat)

        self.query_input_proj = InputProjection(sizes.words, width, input_drop)
        self.query_pos_embed = LearnedPositions(data.max_desc_l, width, input_drop)
        self.query_encoder, self.query_encoder1 = block(), block()
        self.modular_vector_mapping = WordPooling(width, len(self.streams))
        self.ctx_pos_embed = LearnedPositions(data.max_ctx_l, width, input_drop)
        for stream in self.streams:
            self.add_module(f"{stream}_input_proj", InputProjection(widths[stream], width, input_drop))
            for level in (1, 2, 3):
                self.add_module(f"{stream}_encoder{level}", block())
            if len(self.streams) == 2:
                cross = MultiHeadAttention(width, settings.n_heads, drop, lowered=settings.pad_compat)
                self.add_module(f"{stream}_cross_att", cross)
                self.add_module(f"{stream}_cross_layernorm", nn.LayerNorm(width))
            self.add_module(f"{stream}_query_linear", nn.Linear(width, width))
        kernel = settings.conv_kernel_size
        self.merged_st_predictor = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.merged_ed_predictor = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.apply(self._initialise)

    def encode_queries(self, queries: QueryBatch) -> Code:
        """One vector per stream: {"video": (N, D), "sub": (N, D)}."""
        words = self.word_features(queries)[1]  # (N, L, D)
        vectors = self.modular_vector_mapping(words, queries.mask)  # (N, S, D)
        return dict(zip(self.streams, vectors.unbind(1), strict=True))

    def encode_windows(self, windows: WindowBatch, middle: bool = False) -> Code:
        """What is kept of M windows: unit clips and their norms, and the window's clock.

        Args:
            windows: rows of every stream this model has.
            middle: keep the second level too, as "video_middle" and "sub_middle", which losses contrast.
        """
        windows = self.padded(windows)
        levels = self.clip_levels(windows)
        code = {
            "mask": windows.mask,  # (M, T)
            "clip_seconds": windows.clip_seconds,  # (M,)
            "duration": windows.seconds[:, 1] - windows.seconds[:, 0],  # (M,)
        }
        for stream, clips in levels.last.items():
            norm = clips.float().norm(dim=-1).clamp_min(1e-12)  # (M, T)
            code |= {stream: clips / norm[:, :, None], f"{stream}_norm": norm}
        if middle:
            code |= {f"{stream}_middle": clips for stream, clips in levels.middle.items()}
        return code

    def match(self, queries: Code, windows: Code) -> Tensor:
        """Log relevance (N, M): `q2c_alpha` times the retrieval score."""
        return self.settings.q2c_alpha * self.retrieval_scores(queries, windows)

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """Log-probability of every span of allowed length: pairs (P, 2) -> K = T * lengths proposals each."""
        start, end = self.border_log_probabilities(queries, windows, pairs)  # (P, T) each
        return Spans(self._times(windows, pairs[:, 1]), {"span": band_scores(start, end, self.lengths)})

    def query_vectors(self, queries: Code) -> dict[str, Tensor]:
        """Stream -> (N, D), as they are matched."""
        return {stream: queries[stream] for stream in self.streams}

    def window_vectors(self, windows: Code) -> dict[str, tuple[Tensor, Tensor]]:
        """Stream -> clips (M, T, D) and their norms (M, T), 0 at padding."""
        found = {}
        for stream in self.streams:
            norms = windows[f"{stream}_norm"] * windows["mask"]
            found[stream] = (windows[stream] * norms[:, :, None], norms)
        return found

    def word_features(self, queries: QueryBatch) -> tuple[Tensor, Tensor]:
        """The words after the first and the second encoder, (N, L, D) each."""
        rows = self.query_pos_embed(self.query_input_proj(queries.words))  # (N, L, D)
        first = self.query_encoder(rows, queries.mask)
        return first, self.query_encoder1(first, queries.mask)

    def clip_levels(self, windows: WindowBatch) -> Levels:
        """The way of the clips through both streams, which look at each other once, after the first level."""
        first, crossed, middle, last = {}, {}, {}, {}
        for stream in self.streams:
            rows = self._part(stream, "input_proj")(getattr(windows, SOURCES[stream]))  # (M, T, D)
            first[stream] = self._part(stream, "encoder1")(self.ctx_pos_embed(rows), windows.mask)
        for stream in self.streams:
            crossed[stream] = self._crossed(stream, first, windows.mask)
            middle[stream] = self._part(stream, "encoder2")(crossed[stream], windows.mask)
            last[stream] = self._part(stream, "encoder3")(middle[stream], windows.mask)
        return Levels(first, middle, last)

    def stream_scores(self, queries: Code, windows: Code) -> dict[str, Tensor]:
        """Stream -> cosine of each query with the best clip of each window, (N, M) in [-1, 1]."""
        return {
            stream: best_clip(F.normalize(queries[stream].float(), dim=-1), windows[stream], windows["mask"])
            for stream in self.streams
        }

    def retrieval_scores(self, queries: Code, windows: Code) -> Tensor:
        """The mean of the streams' scores, (N, M) in [-1, 1]."""
        return mean(self.stream_scores(queries, windows))

    def clip_similarity(self, queries: Code, windows: Code, pairs: Tensor) -> Tensor:
        """How well the clips of a window fit a query, not normalised: pairs (P, 2) -> (P, T)."""
        found = {}
        for stream in self.streams:
            asked = self._part(stream, "query_linear")(queries[stream])  # (N, D)
            cosines = pair_products(asked.float(), windows[stream], pairs)  # (P, T)
            found[stream] = cosines * windows[f"{stream}_norm"][pairs[:, 1]]
        return mean(found)

    def span_logits(self, queries: Code, windows: Code, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Start and end logits of P pairs, (P, T) float32 each, -inf at padding."""
        hidden = ~windows["mask"][pairs[:, 1]]  # (P, T)
        similarity = self.clip_similarity(queries, windows, pairs)  # (P, T)
        if not self.settings.pad_compat:  # else padding leaks into the last clips, as published
            similarity = similarity.masked_fill(hidden, 0)
        kernels = torch.cat((self.merged_st_predictor.weight, self.merged_ed_predictor.weight))  # (2, 1, k)
        logits = F.conv1d(similarity[:, None], kernels, padding=kernels.shape[2] // 2)  # (P, 2, T)
        start, end = logits.float().masked_fill(hidden[:, None], -torch.inf).unbind(1)
        return start, end

    def border_log_probabilities(self, queries: Code, windows: Code, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability of every clip to be the start, or the end, of the moment, (P, T) each."""
        start, end = self.span_logits(queries, windows, pairs)
        return start.log_softmax(dim=1), end.log_softmax(dim=1)

    def middle_products(self, queries: Code, windows: Code) -> dict[str, Tensor]:
        """Stream -> dot product of every query with every clip's second level, (N, M, T)."""
        return {
            stream: torch.einsum("nd,mtd->nmt", queries[stream], windows[f"{stream}_middle"]).float()
            for stream in self.streams
        }

    def padded(self, windows: WindowBatch) -> WindowBatch:
        """The windows as they are, or with zero rows up to `max_ctx_l` where padding matters."""
        room = self.max_clips - windows.mask.shape[1]
        if not self.settings.pad_compat or room <= 0:
            return windows
        rows = {source: getattr(windows, source) for source in SOURCES.values()}
        wider: dict[str, Any] = {
            source: F.pad(value, (0, 0, 0, room)) for source, value in rows.items() if value is not None
        }
        return replace(windows, mask=F.pad(windows.mask, (0, room)), **wider)

    def _crossed(self, stream: str, first: dict[str, Tensor], mask: Tensor) -> Tensor:
        """The stream with what it read in the other one, (M, T, D)."""
        if len(self.streams) == 1:
            return first[stream]
        (other,) = (first[name] for name in self.streams if name != stream)
        seen = mask[:, :, None] & mask[:, None] if self.settings.pad_compat else mask
        read = self._part(stream, "cross_att")(first[stream], other, seen)  # (M, T, D)
        return self._part(stream, "cross_layernorm")(read + first[stream])

    def _times(self, windows: Code, rows: Tensor) -> Tensor:
        """Start and end of every proposal in seconds of its window, (1 or P, K, 2); rows (P,)."""
        grid = span_grid(windows["mask"].shape[1], self.lengths, rows.device)  # (K, 2)
        if self.label_end == "inclusive":
            grid = grid + torch.tensor([0, 1], device=grid.device)  # seconds end behind the last clip
        return span_seconds(grid, windows["clip_seconds"], windows["duration"], rows)

    def _part(self, stream: str, name: str) -> nn.Module:
        return getattr(self, f"{stream}_{name}")

    def _initialise(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.settings.initializer_range)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def mean(streams: dict[str, Tensor]) -> Tensor:
    """The mean over streams of equal shape."""
    first, *rest = streams.values()
    return sum(rest, first) / len(streams)


def span_lengths(settings: ReLoCLNetSettings, data: DataSettings) -> range:
    """Clips from the start label to the end label of an allowed moment, both counted.

    With inclusive labels that is the moment's length, the longest allowed.  With upstream labels the end
    label is the clip behind the moment, so one more is counted, and `max_pred_l` itself is left out, as
    published.  Limits in seconds are those of clips that were not pooled.
    """
    shortest, longest = settings.min_pred_l, settings.max_pred_l
    if settings.min_pred_seconds:
        shortest = max(1, math.ceil(settings.min_pred_seconds / data.clip_length - 1e-6))
    if settings.max_pred_seconds:
        longest = math.floor(settings.max_pred_seconds / data.clip_length + 1e-6)
    if data.label_end == "inclusive":
        return _not_empty(range(max(1, shortest), longest + 1))
    if settings.max_pred_seconds:
        longest += 1  # seconds say what is allowed, not where it stops
    return _not_empty(range(max(0, shortest) + 1, longest + 1))


def _not_empty(lengths: range) -> range:
    if not lengths:
        raise ConfigError(
            "min_pred_l and max_pred_l (or min_pred_seconds and max_pred_seconds) allow no moment at all; "
            "the least must be below the most"
        )
    return lengths


def _check(settings: ReLoCLNetSettings, streams: list[str]) -> None:
    """Refuses what cannot be built.  Raises ConfigError."""
    if not streams:
        raise ConfigError("ctx_mode names no stream with features; give video_features or sub_features")
    if settings.conv_stride != 1 or settings.conv_kernel_size % 2 == 0:
        raise ConfigError(
            f"conv_stride {settings.conv_stride} and conv_kernel_size {settings.conv_kernel_size} give a "
            "start and an end for other clips than there are; take stride 1 and an odd kernel"
        )
    if settings.hidden_size % settings.n_heads:
        raise ConfigError(
            f"hidden_size {settings.hidden_size} cannot be shared by {settings.n_heads} heads; "
            "take a multiple of n_heads"
        )
