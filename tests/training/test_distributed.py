"""Which device a process takes."""

import pytest
import torch

from method_tng.contract.errors import ConfigError
from method_tng.training.distributed import choose_device


def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    for device in ("cuda", "cuda:1"):
        with pytest.raises(ConfigError, match="this torch sees no GPU; take cpu or auto"):
            choose_device(device)


def test_a_device_that_torch_does_not_know_is_told() -> None:
    with pytest.raises(ConfigError, match="device 'gpu' cannot be used here"):
        choose_device("gpu")
