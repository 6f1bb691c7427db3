"""What all tests share: how many examples a property is tried on, and a tiny corpus."""

from pathlib import Path

import pytest
from hypothesis import settings

from method_tng.contract.settings import DataSettings
from tests.tiny import make_tiny

settings.register_profile("quick", max_examples=20, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=200, deadline=None, derandomize=True)
settings.load_profile("quick")


@pytest.fixture
def tiny(tmp_path: Path) -> DataSettings:
    """The tiny corpus, fresh in a folder of its own."""
    return make_tiny(tmp_path / "tiny")
