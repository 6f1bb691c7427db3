"""Movie101v2 from a checkout of its public repository: a text file per film, Chinese or English.

A line is `h:m:s|h:m:s|text`.  Role names stand in square brackets in most places; the brackets are removed,
the names stay.  Times are cut to whole seconds, so a narration may have none: it gets one second.  A query is
called FILM#LINE, lines counted from 0.  Split: the test and val films of Movie101 (v1), train all others.
Source: Yue et al., Movie101v2: Improved Movie Narration Benchmark, arXiv 2404.13370.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from method_tng.contract.errors import DataError
from method_tng.contract.items import Narration
from method_tng.contract.settings import DataSettings
from method_tng.dataset.faults import Faults
from method_tng.dataset.found import Found
from method_tng.dataset.records import decode, path_of, read_text_bytes

logger = logging.getLogger(__name__)

SPLIT_FILE = Path(__file__).with_name("movie101_split.json")
TIME = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)")
BRACKETS = str.maketrans("", "", "[]")


def read(data: DataSettings, split: str, faults: Faults) -> Found:
    """The narrations of a split, film by film; `data.annotations` is the checkout."""
    folder = _folder(path_of(data.annotations, split), f"{data.narration_set}-{data.language}")
    found = Found()
    num_empty = 0
    for path in _files(folder, split):
        found.films[path.stem] = None
        for index, place, fields in _lines(path):
            narration = _narration(f"{path.stem}#{index}", path.stem, fields)
            if isinstance(narration, str):
                faults.add(f"{place}: {narration}")
                continue
            start, end = narration.spans[0]
            if start == end:
                num_empty += 1
                narration = Narration(narration.query_id, narration.text, path.stem, ((start, start + 1),))
            found.add(narration, place)
    if num_empty:
        logger.info("%s: %d narrations without length were given one second", split, num_empty)
    return found


def _folder(checkout: Path, name: str) -> Path:
    folders = [checkout / inner / name for inner in ("data/narration", "narration", "")]
    for folder in folders:
        if folder.is_dir():
            return folder
    raise DataError(
        f"{folders[0]} does not exist; expected the narrations of a Movie101v2 checkout, give its path"
    )


def _files(folder: Path, split: str) -> list[Path]:
    """The films of a split, by name."""
    held_out: dict[str, list[str]] = decode(
        read_text_bytes(SPLIT_FILE), dict[str, list[str]], str(SPLIT_FILE)
    )
    if split not in ("train", *held_out):
        raise DataError(
            f"Movie101v2 has no split {split!r}; its splits are train, val and test, take one of them"
        )
    files = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    others = {film for films in held_out.values() for film in films}
    wanted = [
        film for film in files if film in held_out.get(split, ()) or (split == "train" and film not in others)
    ]
    if not wanted:
        raise DataError(
            f"{folder} holds no film of split {split!r} ({len(files)} files); check out all of it"
        )
    return [files[film] for film in wanted]


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(index from 0, place, fields) of each line."""
    try:
        lines = [line.decode("utf-8") for line in read_text_bytes(path).rstrip().splitlines()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}); check it out again") from error
    for index, line in enumerate(lines):
        yield index, f"{path}, line {index + 1}", line.split("|", 2)


def _narration(query_id: str, film: str, fields: list[str]) -> Narration | str:
    """A narration, or what is wrong with its line."""
    if len(fields) != 3:
        return f"found {len(fields)} fields; expected h:m:s|h:m:s|text, correct the line"
    times = [TIME.fullmatch(field.strip()) for field in fields[:2]]
    if not all(times):
        return f"found the times {fields[0]!r} and {fields[1]!r}; expected h:m:s like 1:05:07, correct them"
    start, end = (_seconds(*time.groups()) for time in times if time)
    if end < start:
        return (
            f"the end {fields[1]} lies before the start {fields[0]}; expected start <= end, correct the line"
        )
    return Narration(query_id, fields[2].translate(BRACKETS).strip(), film, ((start, end),))


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return float(int(hours) * 3600 + int(minutes) * 60 + int(seconds))
