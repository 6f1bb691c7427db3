"""Optimisers.

BertAdam is the TVR family's: Adam without bias correction, each tensor's gradient clipped on its own, decay
apart from the gradient.  Source: Devlin et al. 2019's released optimiser, as ReLoCLNet uses it.
Adam here is that of RNL and CNM: with bias correction, which eps has no part in, and decay apart from the
gradient.  Source: Kingma and Ba 2015, the reordered form at the end of section 2.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from method_tng.contract.recipe import Objective
from method_tng.contract.settings import TrainSettings

ADAMW_BETA1 = 0.9


class BertAdam(torch.optim.Optimizer):
    """Adam without bias correction, its learning rate set from outside before every step.

    Args:
        params: parameters or groups of them; a group may have its own `lr` and `weight_decay`.
        lr: learning rate of the coming step.
        weight_decay: share of lr by which weights shrink.
        betas: decays of the running means of gradient and squared gradient.
        eps: added to the root of the latter.
        max_norm: most L2 norm of one tensor's gradient.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        max_norm: float = 1.0,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps, "max_norm": max_norm}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        assert closure is None, "the loss is computed by the caller"
        for group in self.param_groups:
            parameters = [value for value in group["params"] if value.grad is not None]
            if parameters:
                self._update(parameters, group)

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        found = [value.grad for value in parameters if value.grad is not None]
        gradients = _clipped(found, group["max_norm"])
        means = [self._state(value, "mean") for value in parameters]
        squares = [self._state(value, "square") for value in parameters]
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, group["eps"])
        changes = torch._foreach_div(means, roots)
        if group["weight_decay"] > 0:
            torch._foreach_add_(changes, parameters, alpha=group["weight_decay"])
        torch._foreach_add_(parameters, changes, alpha=-group["lr"])

    def _state(self, parameter: Tensor, name: str) -> Tensor:
        state = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter)
        return state[name]


class Adam(torch.optim.Optimizer):
    """Adam whose eps stands beside the uncorrected root, weights shrunk just before they move.

    With step t from 1: weight -= lr decay weight, then weight -= lr sqrt(1 - beta2^t) / (1 - beta1^t) mean /
    (sqrt(square) + eps).

    Args:
        params: parameters or groups of them; a group may have its own `lr` and `weight_decay`.
        lr: learning rate of the coming step.
        weight_decay: share of lr by which weights shrink.
        betas: decays of the running means of gradient and squared gradient.
        eps: added to the root of the latter.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        assert closure is None, "the loss is computed by the caller"
        for group in self.param_groups:
            parameters = [value for value in group["params"] if value.grad is not None]
            if parameters:
                self._update(parameters, group)

    def _update(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        gradients = [value.grad for value in parameters if value.grad is not None]
        states = [self._next_state(value) for value in parameters]
        means, squares = ([state[name] for state in states] for name in ("mean", "square"))
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, group["eps"])
        changes = torch._foreach_div(means, roots)
        corrections = [(1 - beta2 ** one["steps"]) ** 0.5 / (1 - beta1 ** one["steps"]) for one in states]
        torch._foreach_mul_(changes, [-group["lr"] * correction for correction in corrections])
        if group["weight_decay"] > 0:
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, changes)

    def _next_state(self, parameter: Tensor) -> dict[str, Any]:
        state = self.state[parameter]
        if not state:
            state |= {"steps": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        state["steps"] += 1
        return state


def make_optimizer(objective: Objective, train: TrainSettings) -> torch.optim.Optimizer:
    """The optimiser of an objective; every group knows its `lr_scale`, by which the loop sets its `lr`."""
    groups = [
        {
            "params": list(group.parameters),
            "lr": train.lr * group.lr_scale,
            "lr_scale": group.lr_scale,
            "weight_decay": train.wd if group.decay else 0.0,
        }
        for group in objective.groups
        if group.parameters
    ]
    if train.optimizer == "adamw":
        betas = (ADAMW_BETA1, train.adamw_beta2)
        return torch.optim.AdamW(groups, lr=train.lr, betas=betas, eps=train.adam_eps, fused=True)
    if train.optimizer == "adam":
        return Adam(groups, lr=train.lr, eps=train.adam_eps)
    return BertAdam(groups, lr=train.lr)


def _clipped(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """The gradients, each scaled down to an L2 norm of at most `max_norm`."""
    shares = [(max_norm / (norm + 1e-6)).clamp(max=1.0) for norm in torch._foreach_norm(gradients)]
    return list(torch._foreach_mul(gradients, shares))
