"""The system's own options."""

from dataclasses import dataclass

from method_tng.contract.settings import option


@dataclass(frozen=True)
class SmallestSettings:
    """One width, one margin."""

    hidden_size: int = option(16, "width in which words and frames meet", least=1)
    margin: float = option(0.1, "by how much the span should fit better than the whole window", least=0)


SETTINGS = SmallestSettings
