"""The one table of systems.  Nothing else in the shared rooms knows a system's name.

A system is a package with `settings.py` (SETTINGS, its options; no torch, so that `--help` stays quick),
`recipe.py` (RECIPE) and `configs/*.yaml` (presets).
"""

import difflib
import importlib
from pathlib import Path
from typing import Any

from method_tng.contract.errors import ConfigError

SYSTEMS = {
    "reloclnet": "method_tng.reloclnet",
    "rgnet": "baselines.rgnet",
    "cnclip_rnl": "baselines.cnclip_rnl",
    "clip_zeroshot": "baselines.clip_zeroshot",
}
UNTRAINED = "clip_zeroshot"  # the one that answers where nothing was trained


def package_of(system: str) -> str:
    """The package of a system.  Raises ConfigError for a name that is not in the table."""
    if system not in SYSTEMS:
        near = difflib.get_close_matches(system, SYSTEMS, n=1, cutoff=0.0)
        raise ConfigError(
            f"there is no system {system!r}; did you mean {near[0]!r}? All: {', '.join(SYSTEMS)}"
        )
    return SYSTEMS[system]


def settings_of(system: str) -> type:
    """The dataclass of a system's own options."""
    return importlib.import_module(f"{package_of(system)}.settings").SETTINGS


def recipe_of(system: str) -> Any:
    """The system's `contract.recipe.Recipe`; imports torch."""
    return importlib.import_module(f"{package_of(system)}.recipe").RECIPE


def presets_of(system: str) -> dict[str, Path]:
    """Name -> file of the system's presets."""
    package = importlib.import_module(package_of(system))
    return {path.stem: path for path in sorted(Path(package.__path__[0], "configs").glob("*.yaml"))}
