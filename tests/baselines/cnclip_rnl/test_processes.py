"""Several processes that share a batch learn what one process with the whole batch learns, in both stages."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from baselines.cnclip_rnl.objective import localizer_terms, retriever_terms
from baselines.cnclip_rnl.retriever import make_retriever
from baselines.cnclip_rnl.settings import CnclipRnlSettings
from method_tng.contract.batch import Batch, Targets, take_queries, take_windows
from method_tng.contract.recipe import Sizes
from method_tng.contract.settings import DataSettings
from tests.baselines.cnclip_rnl.rnl_world import ROWS, VIDEO, WORDS, make_batch, make_model, progress

SHARES = (torch.arange(1), torch.arange(1, 4))
RATIOS = [(1.0, 2.0, 1.0), (1.5, 1.0, 0.5), (1.0, 1.0, 1.0), (0.5, 1.0, 1.0)]
SOURCES = torch.tensor([[0, -1], [1, 2], [2, 3], [4, 5]])


def whole() -> Batch:
    """Four captions, two of which share a narration."""
    batch = make_batch()
    return replace(batch, queries=replace(batch.queries, sources=SOURCES))


def share(batch: Batch, rows: torch.Tensor) -> Batch:
    """Some queries with their windows; the sources are as wide as they need to be."""
    targets = batch.targets
    assert targets is not None
    some = Targets([targets.spans[row] for row in rows], targets.clips[rows], targets.inside[rows])
    queries = take_queries(batch.queries, rows, 4)
    if len(rows) == 1:
        queries = replace(queries, sources=queries.sources[:, :1])
    return Batch(queries, take_windows(batch.windows, rows, ROWS), torch.arange(len(rows)), some)


def gradients(batch: Batch, rows: torch.Tensor) -> torch.Tensor:
    """Of both stages, in one row."""
    torch.manual_seed(0)
    sizes = Sizes(frames=VIDEO, words=WORDS)
    retriever = make_retriever(CnclipRnlSettings(joint_size=6), DataSettings(), sizes)
    locator, found = make_model().train(), []
    ratios = [RATIOS[row] for row in rows]
    for model, terms in (
        (retriever, retriever_terms(retriever, batch, True)),
        (locator, localizer_terms(locator, batch, progress(), ratios)),
    ):
        sum(terms.values()).backward()
        found += [value.grad.flatten() for value in model.parameters()]
    return torch.cat(found)


def work(rank: int, folder: str) -> None:
    """One process; the first writes the mean of the gradients."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=len(SHARES))
    rows = SHARES[rank]
    found = gradients(share(whole(), rows), rows)
    dist.all_reduce(found)
    if rank == 0:
        torch.save(found / len(SHARES), Path(folder, "found.pt"))
    dist.destroy_process_group()


@pytest.mark.slow
def test_processes_of_different_shares_learn_what_one_learns(tmp_path: Path) -> None:
    mp.spawn(work, (str(tmp_path),), len(SHARES))
    expected, found = gradients(whole(), torch.arange(4)), torch.load(tmp_path / "found.pt")
    assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
