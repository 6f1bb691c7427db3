"""All that decides how training goes on: weights, averages, optimisers, draws, place, best score."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from method_tng.contract.errors import CheckpointError
from method_tng.runs.checkpoint import fill

WHOLE = ("model", "average", "optimizers", "draws", "place", "journal")


class Average:
    """Exponential moving average of a model's weights; decay 0 = the weights themselves."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.weights = (
            {name: value.detach().clone() for name, value in model.state_dict().items()} if decay else {}
        )

    @torch.no_grad()
    def update(self) -> None:
        """After an optimiser step."""
        for name, value in self.model.state_dict().items() if self.decay else ():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - self.decay)
            else:
                self.weights[name].copy_(value)

    def current(self) -> Mapping[str, Tensor]:
        """The weights that are evaluated and saved."""
        return self.weights if self.decay else self.model.state_dict()


@dataclass
class Place:
    """Where training stands."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best_score: float = -math.inf
    evaluations_without_gain: int = 0
    done: bool = False


@dataclass
class TrainerState:
    """One stage in training."""

    model: nn.Module
    optimizers: Mapping[str, torch.optim.Optimizer]
    average: Average
    generator: torch.Generator  # the draws of the losses; the dropouts use torch's own
    place: Place = field(default_factory=Place)

    def to_dict(self, journal: Mapping[str, Any]) -> dict[str, Any]:
        """Tensors and plain values only."""
        draws = {"loss": self.generator.get_state(), "cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            draws["cuda"] = torch.cuda.get_rng_state()
        return {
            "model": self.model.state_dict(),
            "average": self.average.weights,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "draws": draws,
            "place": vars(self.place),
            "journal": dict(journal),
        }

    def restore(self, state: Mapping[str, Any], source: str) -> None:
        """The reverse of `to_dict`.  Raises CheckpointError for anything else."""
        if missing := [name for name in WHOLE if name not in state]:
            raise CheckpointError(f"{source} is no trainer state of ours: {', '.join(missing)} missing")
        fill(self.model, state["model"], source)
        for name, value in state["average"].items():
            self.average.weights[name].copy_(value)
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.generator.set_state(state["draws"]["loss"])
        torch.set_rng_state(state["draws"]["cpu"])
        if "cuda" in state["draws"] and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["draws"]["cuda"])
        self.place = Place(**state["place"])
