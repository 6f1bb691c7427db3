"""The bookkeeping of a conformance run: every array and number of a folder is accounted for by name.

An entry is an array of an .npz file, or a number or a list of numbers in a .json file; its name is the file
and the keys that lead to it.  Texts are no entries.
"""

import fnmatch
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

TOLERANCE = 1e-5
Part = Callable[[np.ndarray], np.ndarray]
MASKED = -1e9  # what is below stands for "masked", whatever its value


class Ledger:
    """The entries of a folder and what became of them."""

    def __init__(self, folder: Path) -> None:
        self.entries: dict[str, np.ndarray] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix == ".npz":
                with np.load(path) as arrays:
                    self.entries |= {f"{path.name}/{key}": arrays[key] for key in arrays.files}
            elif path.suffix == ".json":
                self.entries |= dict(_numbers(path.name, json.loads(path.read_text())))
            elif path.suffix != ".md":
                self.entries[path.name] = np.array(np.nan)  # an unknown file, which nothing will account for
        self.fate: dict[str, str] = {}
        self.failed = 0

    def take(self, name: str) -> np.ndarray:
        """An entry that is fed to our code."""
        self.fate[name] = "input"
        return self.entries[name]

    def names(self, pattern: str) -> list[str]:
        """The entries that fit a pattern of the shell's kind."""
        return fnmatch.filter(self.entries, pattern)

    def exclude(self, pattern: str, reason: str) -> None:
        """Leaves entries out, and says why."""
        names = self.names(pattern)
        self.fate |= dict.fromkeys(names, "excluded")
        if names:
            print(f"{pattern} · excluded, {len(names)} entries: {reason}")

    def compare(
        self,
        name: str,
        ours: Any,
        part: Part | None = None,
        tiny: float = 0.0,
        tolerance: float = TOLERANCE,
        absolute: float = 0.0,
    ) -> None:
        """Sets our value against an entry, or a part of it, and prints the line.

        Args:
            name: of the entry.
            ours: an array or number.
            part: what of the entry is meant.
            tiny: where the expected value is at most this, ours only has to be, too.
            tolerance: of the relative difference, where the folder's README allows another.
            absolute: of the difference itself; below it the relative one does not count.
        """
        self.fate[name] = "compared"
        theirs = self.entries[name]
        ours = np.asarray(ours.detach() if isinstance(ours, Tensor) else ours)
        if part:
            theirs, name = part(theirs), f"{name} ({part.__name__})"
        if theirs.shape != ours.shape:
            self._tell(name, f"shape {ours.shape} instead of {theirs.shape}", False)
            return
        masked = theirs < MASKED
        same_mask = bool(np.array_equal(masked, ours < MASKED))
        theirs, ours = theirs[~masked].astype(np.float64), ours[~masked].astype(np.float64)
        largest = np.abs(theirs).max(initial=0)
        difference = np.abs(theirs - ours).max(initial=0)
        if largest <= tiny:
            self._tell(name, f"{difference:.1e} (absolute)", same_mask and bool(difference <= 10 * tiny))
            return
        relative = difference / largest if largest else difference
        close = relative <= tolerance or difference <= absolute
        self._tell(name, f"{relative:.1e}", same_mask and bool(close))

    def check(self, name: str, holds: bool) -> None:
        """A statement about an entry that is not a difference of numbers."""
        self._tell(name, "holds" if holds else "does not hold", holds)

    def close(self) -> int:
        """Prints what was left over and the counts; 0 when all is accounted for and within tolerance."""
        for name in (name for name in self.entries if name not in self.fate):
            self._tell(name, "unknown: neither compared nor used nor on the exclusion list", False)
        fates = list(self.fate.values())
        counts = ", ".join(f"{fates.count(fate)} {fate}" for fate in ("compared", "input", "excluded"))
        print(f"{counts}, {self.failed} failed of {len(self.entries)} entries")
        return 1 if self.failed or not self.entries else 0

    def _tell(self, name: str, result: str, passed: bool) -> None:
        self.failed += not passed
        print(f"{name} · {result} · {'pass' if passed else 'FAIL'}")


def _numbers(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The entries inside a parsed JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(f"{name}/{key}", item)
    elif isinstance(value, list) and not _is_array(value):
        for index, item in enumerate(value):
            yield from _numbers(f"{name}/{index}", item)
    elif isinstance(value, list | int | float):
        yield name, np.asarray(value)


def _is_array(value: Any) -> bool:
    """Whether nested lists hold nothing but numbers, in equal rows."""
    if not isinstance(value, list):
        return isinstance(value, int | float)
    lengths = {len(item) if isinstance(item, list) else -1 for item in value}
    return len(lengths) <= 1 and all(_is_array(item) for item in value)
