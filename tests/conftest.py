"""What all tests share: how many examples a property is tried on, and a tiny corpus."""

import os
import shutil
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one worker per core; more threads are in each other's way

import pytest
from hypothesis import settings

from method_tng.contract.settings import DataSettings
from tests.tiny import make_tiny, tiny_settings

settings.register_profile("quick", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=200, deadline=None, derandomize=True)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def tiny_original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus, made once; copy it, never change it."""
    folder = tmp_path_factory.mktemp("original") / "tiny"
    make_tiny(folder)
    return folder


@pytest.fixture
def tiny(tiny_original: Path, tmp_path: Path) -> DataSettings:
    """The tiny corpus, fresh in a folder of its own."""
    return tiny_settings(shutil.copytree(tiny_original, tmp_path / "tiny"))
