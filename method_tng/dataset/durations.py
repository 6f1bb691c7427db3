"""Films of a split and how long they are: from a file of durations, or from what the annotations tell.

Two layouts of the file: TVR's `{split: {film: [seconds, index]}}`, whose keys are the corpus of the split in
file order, also films without a query; and `{film: seconds}`, where the annotations say which films belong
to the split (all of them, if the annotations name none).
"""

import math
from pathlib import Path
from typing import Any

from method_tng.contract.errors import DataError
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found
from method_tng.dataset.records import decode, path_of, read_text_bytes


def read_durations(template: str, split: str, faults: Faults) -> tuple[dict[str, float], bool]:
    """Film -> seconds, in file order, and whether the file lists the films of this very split."""
    path = path_of(template, split, "durations")
    content = decode(read_text_bytes(path), dict[str, Any], str(path))
    by_split = all(isinstance(value, dict) for value in content.values())
    if by_split and split not in content:
        raise DataError(
            f"{path} knows no split {split!r}; its splits are {', '.join(content) or 'none'}; take another"
        )
    films = content[split] if by_split else content
    seconds = {film: _seconds(path, film, value, faults) for film, value in films.items()}
    if not seconds:
        faults.add(f"{path} lists no film for split {split!r}; expected {{film: [seconds, index]}}")
    return seconds, by_split


def _seconds(path: Path, film: str, value: Any, faults: Faults) -> float:
    number = value[0] if isinstance(value, list) and value else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
        faults.add(
            f"{path}, film {film!r}: {value!r} is no duration; expected seconds above 0 or [seconds, index]"
        )
        return math.nan
    return float(number)


def clip_end(seconds: float, clip_length: float) -> float:
    """The end of the clip in which a time lies or ends: seconds rounded up to whole clips."""
    return math.ceil(seconds / clip_length - 1e-6) * clip_length


def last_ends(found: Found) -> dict[str, float]:
    """Film -> end of its last narration, seconds."""
    ends: dict[str, float] = {}
    for narration in found.narrations:
        for _, end in narration.spans:
            ends[narration.movie_id] = max(end, ends.get(narration.movie_id, 0.0))
    return ends
