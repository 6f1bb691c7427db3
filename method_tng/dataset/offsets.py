"""Where the first whole window of each film starts: a JSON file {film: seconds}."""

import json
from collections.abc import Mapping
from functools import lru_cache
from math import inf
from pathlib import Path

from method_tng.contract.errors import DataError


@lru_cache(maxsize=8)
def read_offsets(path: str) -> Mapping[str, float]:
    """Film -> seconds.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    films = found.items() if isinstance(found, dict) else [("", found)]
    wrong = [
        (film, value) for film, value in films if type(value) not in (int, float) or not 0 <= value < inf
    ]
    if wrong:
        raise DataError(
            f"{path}: found {wrong[0][1]!r} for film {wrong[0][0]!r}; expected an object {{film: seconds}}, "
            'such as {"film": 6}'
        )
    return found
