"""RGNet: one encoding of a sentence together with a window says both whether it is there and where.

Nothing of a window is known without the sentence but its projected frames, so `match` and `localize` encode
pairs, a bounded number at a time.  Parameter names are the published ones.
Source: Hannan et al. 2024 (RGNet, ECCV), section 3.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.rgnet.matching import best_frames, frame_cosines, matching_scores, moment_frames
from baselines.rgnet.settings import RGNetSettings
from baselines.rgnet.transformer import Frames, Read, Transformer, Words
from method_tng.contract.batch import QueryBatch, WindowBatch
from method_tng.contract.errors import ConfigError
from method_tng.contract.protocols import Code, Spans
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from method_tng.layers.anchor_decoder import logit
from method_tng.layers.blocks import InputProjection, Perceptron
from method_tng.layers.intervals import borders_of

FRAMES_AT_ONCE = 1 << 14  # of all pairs that are encoded together


@dataclass(frozen=True)
class Proposals:
    """Q proposals of every decoder layer for P pairs."""

    logits: Tensor  # (layers, P, Q, 2) of moment and background
    spans: Tensor  # (layers, P, Q, 2) centre and width in [0, 1] of the window


class RGNet(nn.Module):
    """The network.

    Args:
        settings: its own.
        data: says whether rows know their place in the window.
        sizes: widths of words, sentence and rows of a window.

    Raises:
        ConfigError: sentences and frames are to be compared and have different widths, or there are none.
    """

    def __init__(self, settings: RGNetSettings, data: DataSettings, sizes: Sizes) -> None:
        super().__init__()
        width = settings.hidden_size
        self.settings = settings
        self.appearance = sizes.frames - 2 * data.with_endpoints
        adapts, selects = settings.adapter != "none", settings.window_select != "retrieval"
        self.matching = settings.matching and sizes.sentence > 0
        self.compares = self.matching or adapts or selects
        self.input_txt_proj = projections(sizes.words, settings)
        self.input_vid_proj = projections(sizes.frames + sizes.subtitles, settings)
        self.global_rep_token = nn.Parameter(torch.randn(width))
        self.global_rep_pos = nn.Parameter(torch.randn(width))
        self.transformer = Transformer(settings)
        self.saliency_proj1 = nn.Linear(width, width)
        self.saliency_proj2 = nn.Linear(width, width)
        self.saliency_proj3 = nn.Linear(width, 1)
        self.query_embed = nn.Embedding(settings.num_queries, 2)
        self.class_embed = nn.Linear(width, 2)
        self.span_embed = Perceptron(width, width, width, 2)
        if (adapts or selects) and not sizes.sentence:
            name = f"adapter {settings.adapter}" if adapts else f"window_select {settings.window_select}"
            raise ConfigError(
                f"{name} compares frames with sentences, but no sentence_features are given; give them with "
                "--sentence_features, or choose another value"
            )
        if self.compares and sizes.sentence != self.appearance:
            raise ConfigError(
                f"sentence_features has {sizes.sentence} numbers per sentence, the video stream "
                f"{self.appearance} per row; expected one space: give other sentence_features, or none"
            )
        if adapts:
            self.adapter_layer = Perceptron(self.appearance, width, self.appearance)

    def encode_queries(self, queries: QueryBatch) -> Code:
        """Projected words, and the sentence's own vector where frames are compared with it."""
        code = {"words": self.input_txt_proj(queries.words), "mask": queries.mask}
        if self.compares:
            assert queries.sentence is not None
            code["sentence"] = queries.sentence
        return code

    def encode_windows(self, windows: WindowBatch) -> Code:
        """Projected frames, and the frames themselves where sentences are compared with them."""
        rows = [rows for rows in (windows.frames, windows.subtitles) if rows is not None]
        code = {
            "frames": self.input_vid_proj(torch.cat(rows, dim=-1)),  # (M, T, D)
            "mask": windows.mask,
            "clip_seconds": windows.clip_seconds,
        }
        if self.compares:
            assert windows.frames is not None
            code["appearance"] = self.adapted(windows.frames[..., : self.appearance])
        return code

    def match(self, queries: Code, windows: Code) -> Tensor:
        """(Nq, Nw) what chooses windows: by default the logit that the sentence happens there."""
        select = self.settings.window_select
        if select == "retrieval":
            return self.retrieve(queries, windows)
        cosines = best_frames(windows["appearance"], windows["mask"], queries["sentence"])
        return cosines if select == "clip" else cosines * self.retrieve(queries, windows).sigmoid()

    def retrieve(self, queries: Code, windows: Code) -> Tensor:
        """(Nq, Nw) logit that the sentence happens in the window."""
        shape = (len(queries["mask"]), len(windows["mask"]))
        rows = (torch.arange(count, device=queries["mask"].device) for count in shape)
        blocks = self._blocks(torch.cartesian_prod(*rows), windows)
        scores = [self.retrieval(self.read(queries, windows, pairs)) for pairs in blocks]
        return torch.cat(scores).view(shape)

    def localize(self, queries: Code, windows: Code, pairs: Tensor) -> Spans:
        """Q proposals of each of P pairs, "proposal" the log probability to be a moment, and "matching".

        "window" is the logit that the sentence happens in the window, where `match` says something else.
        """
        times, scores = [], []
        for block in self._blocks(pairs, windows):
            read = self.read(queries, windows, block)
            proposals = self.propose(read)
            length = windows["mask"][block[:, 1]].sum(1)  # (p,)
            borders = borders_of(proposals.spans[-1]) * length[:, None, None]  # (p, Q, 2) in frames
            found = {"proposal": proposals.logits[-1].log_softmax(-1)[..., 0]}  # (p, Q)
            if self.settings.window_select != "retrieval":
                found["window"] = self.retrieval(read)[:, None].expand_as(found["proposal"])
            if self.matching:
                found["matching"] = self.match_moments(queries, windows, block, borders)
            times.append(borders * windows["clip_seconds"][block[:, 1], None, None].to(borders))
            scores.append(found)
        return Spans(torch.cat(times), {name: torch.cat([one[name] for one in scores]) for name in scores[0]})

    def read(self, queries: Code, windows: Code, pairs: Tensor, noise: Tensor | None = None) -> Read:
        """Encodes P pairs together; pairs (P, 2), noise (P, 1 + T) of the gate."""
        query, window = pairs.unbind(1)
        frames = Frames(windows["frames"][window], windows["mask"][window])
        words = Words(queries["words"][query], queries["mask"][query])
        return self.transformer((self.global_rep_token, self.global_rep_pos), frames, words, noise)

    def retrieval(self, read: Read) -> Tensor:
        """(P,) logit that the sentence happens in the window."""
        return self.saliency_proj3(read.token).squeeze(-1)

    def saliency(self, read: Read) -> Tensor:
        """(P, T) how much each frame belongs to the sentence; meaningless at padding."""
        frames, token = self.saliency_proj1(read.frames), self.saliency_proj2(read.token)
        return torch.einsum("ptd,pd->pt", frames, token) / math.sqrt(frames.shape[-1])

    def propose(self, read: Read) -> Proposals:
        """The proposals of every decoder layer."""
        results, started = self.transformer.decode(self.query_embed.weight.sigmoid(), read)
        return Proposals(self.class_embed(results), (self.span_embed(results) + logit(started)).sigmoid())

    def adapted(self, frames: Tensor) -> Tensor:
        """Frames (..., Dv) in the space in which they are compared with sentences."""
        return frames + self.adapter_layer(frames) if hasattr(self, "adapter_layer") else frames

    def match_moments(self, queries: Code, windows: Code, pairs: Tensor, borders: Tensor) -> Tensor:
        """(P, K) how well the frames of moments fit the sentences; borders (P, K, 2) in frames."""
        query, window = pairs.unbind(1)
        frames, mask = windows["appearance"][window], windows["mask"][window]  # (P, T, Dv), (P, T)
        length = mask.sum(1)
        cosines = frame_cosines(frames, queries["sentence"][query])  # (P, T)
        if self.settings.overrun_compat:
            length = torch.full_like(length, mask.shape[1])
        else:
            cosines = cosines.nan_to_num(0)  # a black frame fits nothing
        return matching_scores(cosines, moment_frames(borders, length, mask.shape[1]))

    def _blocks(self, pairs: Tensor, windows: Code) -> tuple[Tensor, ...]:
        """The pairs in portions of bounded size."""
        return pairs.split(max(1, FRAMES_AT_ONCE // windows["mask"].shape[1]))


def projections(features: int, settings: RGNetSettings) -> nn.Sequential:
    """Maps from the features' width to the network's; all but the last rectify."""
    width, count = settings.hidden_size, settings.n_input_proj
    widths = [features] + [width] * count
    return nn.Sequential(
        *(
            InputProjection(widths[place], width, settings.input_drop, rectify=place + 1 < count)
            for place in range(count)
        )
    )
