"""Cut clips are kept for a while, and not without end."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")
pytest.importorskip("av", reason="films are the extra `video`")

from method_tng.web import clipping
from method_tng.web.lane import Lane
from tests.extraction.rendered import render


async def _stays() -> bool:
    return False


def test_the_clips_asked_for_last_are_kept_in_the_room_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, folder = render(tmp_path / "film.mp4", [k / 10 for k in range(40)]), tmp_path / "clips"
    folder.mkdir()
    lane = Lane("clips", 2)
    clips = clipping.Clips(folder, lane)

    def cut(start: float) -> Path:
        return asyncio.run(clips.clip(film, start, start + 1.0, _stays))

    first = cut(0.0)
    monkeypatch.setattr(clipping, "KEPT", int(2.5 * first.stat().st_size))
    second, made = cut(1.0), first.stat().st_mtime_ns
    assert cut(0.0) == first and first.stat().st_mtime_ns == made  # it is there already
    third = cut(2.0)
    assert set(folder.iterdir()) == {first, third} and not second.exists()
    lane.close()
