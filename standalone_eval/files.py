"""Output files: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def written(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under ``path`` only when the block ends well."""
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def json_text(value: Any, **how: Any) -> str:
    """JSON in which every script reads as itself; lone surrogates, which UTF-8 cannot hold, stay escapes."""
    return json.dumps(value, ensure_ascii=False, **how).encode("utf-8", "backslashreplace").decode()


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text atomically; lone surrogates, which UTF-8 cannot hold, become references."""
    with written(path) as file:
        file.write(text.encode("utf-8", errors="xmlcharrefreplace"))
