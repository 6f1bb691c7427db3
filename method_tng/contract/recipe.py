"""What makes a system a system: its models, what they minimise, how their answers are joined."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from method_tng.contract.batch import Batch
from method_tng.contract.protocols import Localizer, Matcher
from method_tng.contract.settings import DataSettings


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What a model must know of the data before it can be built; found in the files, stored in the run."""

    frames: int = 0  # width of the video rows, place of the clip included; 0 = no such stream
    subtitles: int = 0
    words: int = 0
    sentence: int = 0  # width of the whole sentence's vector; 0 = none is given
    clips: int = 0  # most clips of a window
    tokens: int = 0  # most words of a query
    document_frequency: Sequence[int] = ()  # per vocabulary id, training queries that hold the word
    num_queries: int = 0  # training queries


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    epoch: int  # from 0
    step: int  # optimiser steps done, from 0
    num_epochs: int
    num_steps: int  # in all epochs together
    generator: torch.Generator  # on the CPU; all draws of a loss come from it, a resumed run repeats them
    length_buckets: int = 1  # groups of similar length in which a loss may encode the windows of a batch


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share an optimiser's settings."""

    parameters: Sequence[nn.Parameter]
    lr_scale: float = 1.0  # times the learning rate
    decay: bool = True  # whether weight decay applies


@dataclass(frozen=True)
class Objective:
    """One thing that is minimised, by one optimiser of its own."""

    name: str
    groups: Sequence[ParameterGroup]  # gradients reach these only
    loss: Callable[[Batch, Progress], dict[str, Tensor]]  # weighted terms; their sum is minimised


StageOptions = Callable[[Any, DataSettings], Mapping[str, Any]]
"""(the system's own settings, the run's data settings) -> options that a stage has otherwise, by name."""


def as_the_run(_own: Any, _data: DataSettings) -> Mapping[str, Any]:
    """No option that differs."""
    return {}


@dataclass(frozen=True)
class Stage:
    """One trainable model.

    Attributes:
        build: (settings, data settings, sizes) -> the model, parameters drawn from torch's global seed.
        objectives: (model, settings) -> what is minimised, in the order of one training step; none = the
            stage is complete as it is built and started.
        start: optional; (model, settings, batches of the whole training set, unshuffled) before the first
            step of a fresh run: closed-form starts, data statistics.
        options: what differs from the run's options in this stage: its windows, features, optimiser.
        training: what differs besides while it learns: the windows and queries it is shown then.
        reads: the options of those inputs beside words and clips that the model looks at.
    """

    name: str
    build: Callable[[Any, DataSettings, Sizes], nn.Module]
    objectives: Callable[[nn.Module, Any], Sequence[Objective]]
    start: Callable[[nn.Module, Any, Iterable[Batch]], None] | None = None
    options: StageOptions = as_the_run
    training: StageOptions = as_the_run
    reads: Sequence[str] = ()


Fusion = Callable[[Tensor, Mapping[str, Tensor], Any], Tensor]
"""(match (B, W), named span scores (B, W, K), the system's settings) -> (B, W, K) joint score of the W
windows opened for each of B queries: only its order matters, and -inf, which marks what is no proposal.  A
window that may not be opened has match -inf.  The spans' scores are not used again: it may work in place."""


@dataclass(frozen=True)
class Published:
    """What a published checkpoint says of its model."""

    settings: Any  # the system's own
    data: Mapping[str, Any]  # data options that differ from their defaults
    sizes: Sizes
    unknown: Sequence[str] = ()  # options that mean nothing to us
    unread: Sequence[str] = ()  # beginnings of the names of weights that the model has no use for
    stage: str = ""  # whose model it is; "" = the first one's


@dataclass(frozen=True)
class Recipe:
    """A system.

    Attributes:
        settings: dataclass of the system's own options.
        stages: one for ReLoCLNet, RGNet and CNM; retrieve, then ground for the two-stage systems.
        assemble: (models by stage name) -> matcher and localizer.  Either may be missing, because the system
            has none, or while its stage is not there: another run's matcher is taken then.  In a system of
            two stages the first one's windows are found, and the last one's of the same ids are opened.
        fusion: joins the window's score with the spans' scores.
        published: options of a published checkpoint -> what they say of the model; None = it reads none.
        reported: (log score, settings) -> the score that is written; the published one is its exponential.
    """

    name: str
    settings: type
    stages: Sequence[Stage]
    assemble: Callable[[Mapping[str, nn.Module]], tuple[Matcher | None, Localizer | None]]
    fusion: Fusion
    published: Callable[[Mapping[str, Any]], Published] | None = None
    reported: Callable[[Tensor, Any], Tensor] = lambda score, _settings: score.exp()
