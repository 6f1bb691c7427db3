"""Typed records out of JSON files; what is wrong is told with file, place, field and an example.

Files are UTF-8; a byte order mark, Windows line ends and blank lines are accepted silently.
The docstring's last line of a record type is an example of it, shown when a record does not fit.
"""

import inspect
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from method_tng.contract.errors import DataError
from method_tng.dataset.faults import Faults

Record = TypeVar("Record")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def path_of(template: str, split: str, what: str = "annotations") -> Path:
    """The file or folder of a split.

    Raises:
        DataError: it does not exist; the message lists the splits that do.
    """
    if not template:
        raise DataError(f"no {what} are named; give their path with --{what}")
    path = Path(template.replace("{split}", split))
    if path.exists():
        return path
    known = _splits_on_disk(template)
    hint = f"; splits that exist: {', '.join(known)}" if known else "; data/README.md says what to put where"
    raise DataError(f"{path} does not exist, it was expected to hold the {what} of split {split!r}{hint}")


def _splits_on_disk(template: str) -> list[str]:
    """Names that stand for {split} in files that exist, where {split} is part of the last name only."""
    folder, name = Path(template).parent, Path(template).name
    if "{split}" not in name or "{split}" in str(folder):
        return []
    before, after = name.split("{split}", 1)
    found = folder.glob(f"{before}*{after}") if folder.is_dir() else ()
    splits = [path for path in found if after or path.is_dir()]  # without an ending, a split is a folder
    return sorted(path.name[len(before) : len(path.name) - len(after)] for path in splits)


def read_text_bytes(path: Path) -> bytes:
    """A whole file without its byte order mark.

    Raises:
        DataError: it cannot be read, or holds nothing.
    """
    try:
        content = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give the path of a file") from error
    if not content.strip():
        raise DataError(f"{path} is empty; expected at least one record, download or make it again")
    return content


def read_lines(path: Path, kind: type[Record], faults: Faults) -> Iterator[tuple[str, Record]]:
    """Records of a JSON lines file, each with its place ("FILE, line 3")."""
    lines = enumerate(read_text_bytes(path).splitlines(), start=1)
    return _decoded(
        ((f"{path}, line {number}", line) for number, line in lines if line.strip()), kind, faults
    )


def read_list(path: Path, kind: type[Record], faults: Faults) -> Iterator[tuple[str, Record]]:
    """Records of a JSON list, each with its place ("FILE, item 0")."""
    items = decode(read_text_bytes(path), list[msgspec.Raw], str(path))
    return _decoded(((f"{path}, item {index}", item) for index, item in enumerate(items)), kind, faults)


def read_object(path: Path, kind: type[Record], faults: Faults) -> Iterator[tuple[str, str, Record]]:
    """Records of a JSON object, each with its key and its place ("FILE, key '17'")."""
    content = read_text_bytes(path)
    items = decode(content, dict[str, msgspec.Raw], str(path))
    for key in _repeated_keys(content):
        faults.add(f"{path}, key {key!r}: it stands there more than once; keys must differ, rename one")
    for key, raw in items.items():
        for place, record in _decoded([(f"{path}, key {key!r}", raw)], kind, faults):
            yield key, place, record


def _repeated_keys(content: bytes) -> list[str]:
    """The keys of a JSON object that stand in it more than once; decoders keep the last one silently."""
    keys = json.loads(content, object_pairs_hook=lambda pairs: [key for key, _ in pairs])
    return [key for key, count in Counter(keys).items() if count > 1]


def decode(content: bytes | msgspec.Raw, kind: Any, place: str) -> Any:
    """One JSON value of a type.

    Raises:
        DataError: broken JSON, a missing field, or a value of another type.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        told = str(error)
        fault = told if told.startswith("JSON") else told[0].lower() + told[1:]
        raise DataError(f"{place}: {fault}{_example(kind)}") from error


def _decoded(
    items: Iterable[tuple[str, Any]], kind: type[Record], faults: Faults
) -> Iterator[tuple[str, Record]]:
    for place, content in items:
        try:
            record = decode(content, kind, place)
        except DataError as error:
            faults.add(str(error))
        else:
            yield place, record


def _example(kind: Any) -> str:
    documentation = (
        inspect.getdoc(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None
    )
    return f"; expected a record like {documentation.splitlines()[-1].strip()}" if documentation else ""
