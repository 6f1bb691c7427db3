"""Files that are whole or absent: written under a temporary name, flushed to the disk, then renamed."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from method_tng.contract.errors import ConfigError


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary neighbour of `path`, then renames it; a kill leaves the old file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # some writers make files that only their owner can read
        os.replace(temporary, path)
    except OSError as error:  # a full disk is told without a name
        if error.errno and not error.filename:
            with contextlib.suppress(AttributeError):  # some libraries' errors cannot be told more
                error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Holds a folder for this process; the lock falls when it ends, however it ends.

    Raises:
        ConfigError: another process holds it.
    """
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = f"{folder} is being written by another process; wait for it to end, or stop it first"
            raise ConfigError(told) from error
        yield


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """UTF-8."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Indented JSON with a final newline."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
