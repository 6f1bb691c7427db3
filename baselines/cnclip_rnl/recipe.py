"""All that makes CNCLIP+RNL a system: two stages, what each minimises, how their answers are joined.

retrieve    shots of a film against sentences (Chinese-CLIP, or a map of given features)
ground      borders inside the window around a shot (RNL)

The windows that are opened are the shots, widened; so a shot that was found and the window that is searched
bear the same id.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines.cnclip_rnl.localizer import RNL
from baselines.cnclip_rnl.objective import localizer_terms, retriever_terms
from baselines.cnclip_rnl.published import read_published
from baselines.cnclip_rnl.retriever import ShotRetriever, decayed_apart, make_retriever
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import Batch
from method_tng.contract.recipe import Objective, ParameterGroup, Progress, Recipe, Stage
from method_tng.contract.settings import DataSettings


def finding(own: CnclipRnlSettings, data: DataSettings) -> Mapping[str, Any]:
    """The first stage reads shots, features of its own, and has an optimiser of its own."""
    return {
        "video_features": own.shot_features or data.video_features,
        "query_features": own.shot_query_features or data.query_features,
        "sentence_features": own.shot_sentence_features or data.sentence_features,
        **_windows(own.shot_seconds, data),
        "n_epoch": own.retrieve_n_epoch,
        "bsz": own.retrieve_bsz,
        "lr": own.retrieve_lr,
        "optimizer": "adamw",
        "adam_eps": 1e-6,
        "lr_schedule": "warmup_cosine",
        "wd": own.retrieve_wd,
        "window_draw": "nearest",
        "eval_tasks_at_training": ("VR",),
        "stop_task": "VR",
    }


def captions(own: CnclipRnlSettings, data: DataSettings) -> Mapping[str, Any]:
    """While it learns, a shot is asked for by its caption, which may be several narrations long."""
    return {"captions": True, "max_desc_l": 4 * data.max_desc_l} if own.shot_texts == "captions" else {}


def grounding(own: CnclipRnlSettings, data: DataSettings) -> Mapping[str, Any]:
    """The second stage opens the window around a shot; each row of it counts."""
    rows = _windows(own.shot_seconds + 2 * own.around_seconds, data)["max_ctx_l"]
    return {
        **_windows(own.shot_seconds, data),
        "pictures": "",  # it reads rows
        "window_margin": own.around_seconds,
        "max_ctx_l": rows,
        "eval_tasks_at_training": ("SVMR",),
        "stop_task": "SVMR",
    }


def any_window(own: CnclipRnlSettings, data: DataSettings) -> Mapping[str, Any]:
    """While it learns, a moment may lie anywhere in its window."""
    length = own.shot_seconds + 2 * own.around_seconds
    return {
        "window_seconds": length,
        "window_stride": data.clip_length,
        "window_margin": 0.0,
        "window_offsets": "",  # shots start there, these windows anywhere
    }


def _windows(seconds: float, data: DataSettings) -> dict[str, Any]:
    rows = math.ceil(seconds / data.clip_length)
    return {
        "window_seconds": seconds,
        "window_stride": 0.0,
        "window_margin": 0.0,
        "max_ctx_l": rows,
        "captions": False,  # both stages answer single narrations
    }


def retrieval_objective(model: nn.Module, settings: CnclipRnlSettings) -> Sequence[Objective]:
    """Captions against shots."""
    assert isinstance(model, ShotRetriever)

    def loss(batch: Batch, progress: Progress) -> dict[str, Tensor]:
        return retriever_terms(model, batch, settings.mask_same_caption_sources)

    return [Objective("retrieve", decayed_apart(model), loss)]


def grounding_objective(model: nn.Module, settings: CnclipRnlSettings) -> Sequence[Objective]:
    """Scores and borders of the proposals."""
    assert isinstance(model, RNL)

    def loss(batch: Batch, progress: Progress) -> dict[str, Tensor]:
        return localizer_terms(model, batch, progress)

    return [Objective("ground", [ParameterGroup(list(model.parameters()))], loss)]


def fuse(match: Tensor, scores: Mapping[str, Tensor], settings: CnclipRnlSettings) -> Tensor:
    """Joint log score of all proposals of a query: (B, W), (B, W, K) -> (B, W, K).

    The proposals of all opened windows stand in one list by their own scores; with `score_mix` each is
    multiplied by its window's share among the opened ones, to that power.
    """
    opened = match > -torch.inf  # (B, W)
    joint = scores["proposal"].masked_fill(~opened[..., None], -torch.inf)  # (B, W, K)
    share = torch.where(opened, match.log_softmax(-1), 0)  # (B, W)
    return joint + settings.score_mix * share[..., None]


RECIPE = Recipe(
    name="cnclip_rnl",
    settings=CnclipRnlSettings,
    stages=(
        Stage(
            "retrieve",
            make_retriever,
            retrieval_objective,
            options=finding,
            training=captions,
            reads=("sentence_features", "pictures"),
        ),
        Stage(
            "ground",
            RNL,
            grounding_objective,
            options=grounding,
            training=any_window,
            reads=("portrait_features",),
        ),
    ),
    assemble=lambda models: (models.get("retrieve"), models.get("ground")),
    fusion=fuse,
    published=read_published,
)
