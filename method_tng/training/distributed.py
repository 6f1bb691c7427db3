"""Training in several processes (torchrun): who am I, and how do we start and stop."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from method_tng.contract.errors import ConfigError

EVALUATION = timedelta(hours=12)  # the other processes wait while the leading one evaluates


@dataclass(frozen=True)
class Process:
    """This process among those that train together."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether it writes files, evaluates and prints."""
        return self.rank == 0


@contextlib.contextmanager
def process_group(device: str) -> Iterator[Process]:
    """This process; joins the group when torchrun started it, and leaves it in the end.

    One process makes no group.  `device` auto = a GPU where there is one.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Process(0, 1, chosen)
        return
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=EVALUATION)
    try:
        yield Process(rank, world, chosen)
    finally:
        dist.destroy_process_group()


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """The device of an option: auto, cpu, cuda or cuda:N."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        device = f"cuda:{local_rank}"
    try:
        chosen = torch.device(device)
        if chosen.type == "cuda" and not torch.cuda.is_available():
            raise ConfigError(f"device {device!r} cannot be used: this torch sees no GPU; take cpu or auto")
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
    except RuntimeError as error:
        raise ConfigError(
            f"device {device!r} cannot be used here ({str(error).splitlines()[0]}); take cpu or auto"
        ) from error
    return chosen


def agree(process: Process, mine: bool) -> bool:
    """Whether any process says so: all must stop at the same step."""
    if process.world == 1:
        return mine
    flag = torch.tensor([int(mine)], device=process.device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag.item())


def averaged(process: Process, values: torch.Tensor) -> torch.Tensor:
    """The mean of all processes' values, of any shape; works in place."""
    if process.world > 1:
        dist.all_reduce(values)
    return values / process.world


def shared(process: Process, value: Any) -> Any:
    """The leading process' value, in every process."""
    if process.world == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0, device=process.device)
    return box[0]
