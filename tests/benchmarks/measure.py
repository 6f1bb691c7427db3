"""What benchmarks share: processor seconds, peak memory, a plain matrix product of equal arithmetic."""

import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def processor_seconds(work: Callable[[], object], runs: int = 3) -> tuple[float, float, float]:
    """Least, median and most processor seconds (of all threads) of a call; on a GPU, wall seconds."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    taken = []
    for _ in range(runs):
        _wait()
        before = clock()
        work()
        _wait()
        taken.append(clock() - before)
    return min(taken), statistics.median(taken), max(taken)


def arithmetic(work: Callable[[], object]) -> float:
    """Floating point operations of the matrix products in a call, backward pass included."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def seconds_per_operation(device: str, size: int = 1536, runs: int = 5) -> float:
    """Seconds that one floating point operation takes in a plain square matrix product."""
    one, other = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    _, median, _ = processor_seconds(lambda: one @ other, runs)
    return median / (2 * size**3)


def peak_gigabytes() -> float:
    """Most memory this process has held (of the GPU where there is one)."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
