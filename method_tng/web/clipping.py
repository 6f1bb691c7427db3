"""Cut clips of moments, kept for a while in a folder of the service's own."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

from method_tng.contract.errors import DataError, MissingExtra
from method_tng.web.faults import refusal
from method_tng.web.lane import Lane, Wanted
from method_tng.web.schema import CLIP_SECONDS

KEPT = 1 << 30  # bytes of clips on the disk
PATIENCE = 120.0  # seconds of work for one


class Clips:
    """Cuts clips one after the other.

    Args:
        folder: where they are kept, empty at first.
        lane: where they are cut.
    """

    def __init__(self, folder: Path, lane: Lane) -> None:
        self._folder, self._lane = folder, lane
        self._kept: OrderedDict[Path, int] = OrderedDict()  # and their bytes, those asked for last at the end

    async def clip(
        self, source: Path, start: float, end: float, is_gone: Callable[[], Awaitable[bool]]
    ) -> Path:
        """An MP4 of a moment.  Refuses one that is empty, too long, or cannot be cut.

        Args:
            source: the film.
            start, end: seconds.
            is_gone: whether nobody waits for it any more.
        """
        if end <= start:
            raise refusal(422, "no_moment", "end: expected a second after start")
        if end - start > CLIP_SECONDS:
            raise refusal(422, "clip_too_long", f"a clip has at most {CLIP_SECONDS:g} s")
        return await self._lane.do(lambda wanted: self._cut(source, start, end, wanted), is_gone)

    def _cut(self, source: Path, start: float, end: float, wanted: Wanted) -> Path:
        try:
            from method_tng.extraction.clips import cut_clip
        except ImportError as error:
            raise MissingExtra(error.name or "av", "video") from error
        stat = source.stat()
        told = f"{source} {stat.st_size} {stat.st_mtime_ns} {start:.3f} {end:.3f}"
        path = self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.mp4"
        if not path.is_file():
            until = time.monotonic() + PATIENCE
            try:
                cut_clip(source, start, end, path, lambda: wanted() and time.monotonic() < until)
            except DataError as error:
                sentence = str(error).replace(str(source), "the film")
                raise refusal(422, "no_clip", sentence) from error
        self._kept[path] = path.stat().st_size
        self._kept.move_to_end(path)
        while len(self._kept) > 1 and sum(self._kept.values()) > KEPT:
            self._kept.popitem(last=False)[0].unlink(missing_ok=True)
        return path
