"""Several processes that share a batch learn what one process with the whole batch learns."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from baselines.rgnet.objective import Draws, loss_terms
from method_tng.contract.batch import Batch, Targets, take_queries, take_windows
from tests.baselines.rgnet.rgnet_world import make_batch, make_model, progress

FRAMES = torch.tensor([[1, 5]] * 4)
SHARES = (torch.arange(1), torch.arange(1, 4))


def share(batch: Batch, rows: torch.Tensor) -> Batch:
    """Some queries with their windows."""
    targets = batch.targets
    assert targets is not None
    some = Targets([targets.spans[row] for row in rows], targets.clips[rows], targets.inside[rows])
    return Batch(
        take_queries(batch.queries, rows, 4),
        take_windows(batch.windows, rows, 9),
        torch.arange(len(rows)),
        some,
    )


def gradients(batch: Batch, frames: torch.Tensor) -> torch.Tensor:
    """Of all terms together, in one row."""
    model = make_model(lw_gate=1.0)
    sum(loss_terms(model, batch, progress(), Draws(frames=frames)).values()).backward()
    kept = (value.grad if value.grad is not None else torch.zeros_like(value) for value in model.parameters())
    return torch.cat([value.flatten() for value in kept])


def work(rank: int, folder: str) -> None:
    """One process; the first writes the mean of the gradients."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=len(SHARES))
    rows = SHARES[rank]
    found = gradients(share(make_batch(), rows), FRAMES[rows])
    dist.all_reduce(found)
    if rank == 0:
        torch.save(found / len(SHARES), Path(folder, "found.pt"))
    dist.destroy_process_group()


@pytest.mark.slow
def test_processes_of_different_shares_learn_what_one_learns(tmp_path: Path) -> None:
    mp.spawn(work, (str(tmp_path),), len(SHARES))
    expected, found = gradients(make_batch(), FRAMES), torch.load(tmp_path / "found.pt")
    assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
