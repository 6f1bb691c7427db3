"""One optimiser step: the loss of an objective, its gradients, the update."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from method_tng.contract.batch import Batch
from method_tng.contract.errors import TrainingError
from method_tng.contract.recipe import Objective, Progress
from method_tng.contract.settings import TrainSettings
from method_tng.training.distributed import Process, averaged


class Losses(nn.Module):
    """All objectives behind one `forward`, so that distributed training sees every use of the model."""

    def __init__(self, model: nn.Module, objectives: Sequence[Objective]) -> None:
        super().__init__()
        self.model = model
        self.objectives = objectives

    def forward(self, index: int, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted terms of one objective."""
        return self.objectives[index].loss(batch, progress)


def wrapped(losses: Losses, process: Process) -> nn.Module:
    """The losses, with their gradients averaged over processes where there are several."""
    if process.world == 1:
        return losses
    devices = [process.device.index] if process.device.type == "cuda" else None
    # A term of weight 0, or one that starts later, leaves parameters without a gradient.
    return DistributedDataParallel(losses, device_ids=devices, find_unused_parameters=True)


@contextlib.contextmanager
def only_trainable(model: nn.Module, objective: Objective) -> Iterator[None]:
    """Lets gradients reach the objective's own parameters only."""
    own = {id(parameter) for group in objective.groups for parameter in group.parameters}
    others = [value for value in model.parameters() if value.requires_grad and id(value) not in own]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def arithmetic(train: TrainSettings, device: torch.device) -> contextlib.AbstractContextManager:
    """The precision of the forward pass."""
    torch.set_float32_matmul_precision("high" if train.precision == "tf32" else "highest")
    if train.precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def update(optimizer: torch.optim.Optimizer, loss: Tensor, grad_clip: float) -> None:
    """Backward pass, global clipping if wanted, and the step."""
    loss.backward()
    if grad_clip > 0:
        parameters = [value for group in optimizer.param_groups for value in group["params"]]
        nn.utils.clip_grad_norm_(parameters, grad_clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def finite_terms(
    terms: Mapping[str, Tensor], progress: Progress, batch: Batch, process: Process
) -> dict[str, float]:
    """The terms as numbers: their means over all processes, since gradients are averaged over them too.

    Raises:
        TrainingError: names the term, the step and the batch's queries, in every process at once.
    """
    found = averaged(process, torch.stack([term.detach().float() for term in terms.values()]))
    values = dict(zip(terms, found.tolist(), strict=True))
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        ids = ", ".join(map(str, batch.queries.ids[:8]))
        more = ", ..." if len(batch.queries.ids) > 8 else ""
        raise TrainingError(
            f"loss term {bad[0]} is {values[bad[0]]} at step {progress.step} (epoch {progress.epoch}), "
            f"queries {ids}{more}. Lower --lr, or look for broken features with: "
            "python -m method_tng.prepare check"
        )
    return values
