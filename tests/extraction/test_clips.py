"""Clips cut out of films: the right pictures and sounds at the right seconds, upright, whole or absent."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="films are the extra `video`")

from method_tng.contract.errors import DataError
from method_tng.extraction.clips import cut_clip
from method_tng.extraction.video import Video
from tests.extraction.rendered import brightness, render, sounding

STEADY = [number / 25 for number in range(150)]  # 6 s, one key frame


def _pictures(clip: Path) -> list[tuple[float, float]]:
    """Seconds and brightness of every picture."""
    with av.open(str(clip)) as container:
        return [
            (frame.time, float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)
        ]


def _with_sound(path: Path, beep: float, start: float = 0.0) -> Path:
    """A film of 6 s that is silent but for a beep of a tenth of a second."""
    rate = 44100
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=rate, layout="mono")
        for number in range(150):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + round(25 * start), Fraction(1, 25)
            container.mux(video.encode(frame))
        seconds = np.arange(6 * rate) / rate
        loud = np.where((seconds >= beep) & (seconds < beep + 0.1), np.sin(seconds * 6000), 0.0)
        for first in range(0, len(loud), 1024):
            samples = loud[None, first : first + 1024].astype(np.float32)
            sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = (
                rate,
                first + round(rate * start),
                Fraction(1, rate),
            )
            container.mux(audio.encode(sound))
        container.mux(video.encode())
        container.mux(audio.encode())
    return path


def _turned(path: Path) -> Path:
    """The same MP4 with a head that says: turn it by a quarter, clockwise."""
    raw = bytearray(path.read_bytes())
    place = raw.index(b"tkhd") + 44
    raw[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 64 << 16, 0, 1 << 30)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_a_clip_begins_with_the_picture_of_its_second_far_from_a_key_frame(
    tmp_path: Path, ending: str
) -> None:
    film = render(tmp_path / f"film.{ending}", STEADY)
    cut_clip(film, 3.0, 4.2, tmp_path / "clip.mp4")
    found = _pictures(tmp_path / "clip.mp4")
    assert [seconds for seconds, _ in found] == pytest.approx([number / 25 for number in range(30)], abs=1e-3)
    told = [brightness(75 + number) for number in range(30)]
    assert [grey for _, grey in found] == pytest.approx(told, abs=4)


def test_a_late_clock_and_a_varying_rate_keep_their_seconds(tmp_path: Path) -> None:
    times = [0.0, 0.5, 0.6, 2.0, 2.1, 2.2, 4.0]
    film = render(tmp_path / "film.mkv", times, start=7.0)
    cut_clip(film, 1.0, 3.0, tmp_path / "clip.mp4")  # the picture of 0.6 s is seen till 2.0 s
    found = _pictures(tmp_path / "clip.mp4")
    assert [seconds for seconds, _ in found] == pytest.approx([0.0, 1.0, 1.1, 1.2], abs=1e-3)
    assert [grey for _, grey in found] == pytest.approx(
        [brightness(number) for number in (2, 3, 4, 5)], abs=4
    )
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        assert clip.duration / av.time_base == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("start", [0.0, 3.0])
def test_sound_stays_with_the_picture(tmp_path: Path, start: float) -> None:
    film = _with_sound(tmp_path / "film.mp4", beep=2.5, start=start)
    cut_clip(film, 2.0, 4.0, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        assert [stream.codec_context.name for stream in clip.streams] == ["h264", "aac"]
        loud = [frame.time for frame in clip.decode(audio=0) if np.abs(frame.to_ndarray()).max() > 0.3]
    assert min(loud) == pytest.approx(0.5, abs=0.05) and max(loud) == pytest.approx(0.6, abs=0.05)


def test_a_turned_film_gives_an_upright_clip(tmp_path: Path) -> None:
    film = _turned(render(tmp_path / "film.mp4", STEADY, size=(64, 48)))
    cut_clip(film, 0.0, 1.0, tmp_path / "clip.mp4")
    with Video(tmp_path / "clip.mp4") as clip:
        next(clip.frames(1.0))
        facts = clip.facts()
    assert (facts.width, facts.height, facts.rotation) == (48, 64, 0)
    assert facts.playable and facts.faststart


def test_large_and_odd_pictures_become_small_and_even(tmp_path: Path) -> None:
    film = render(tmp_path / "film.mkv", STEADY[:5], size=(1300, 734))
    cut_clip(film, 0.0, 0.2, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        context = clip.streams.video[0].codec_context
        assert (context.width, context.height) == (1276, 720)


def test_brightness_stays_whatever_its_range(tmp_path: Path) -> None:
    film = render(tmp_path / "film.mkv", STEADY[:20], codec="mjpeg", pixels="yuvj420p")  # 0 to 255
    cut_clip(film, 0.0, 0.8, tmp_path / "clip.mp4")
    found = [grey for _, grey in _pictures(tmp_path / "clip.mp4")]
    assert found == pytest.approx([brightness(number) for number in range(20)], abs=4)


def test_a_moment_over_the_end_is_cut_there(tmp_path: Path) -> None:
    film = render(tmp_path / "film.mp4", STEADY)
    cut_clip(film, 5.0, 60.0, tmp_path / "clip.mp4")
    assert len(_pictures(tmp_path / "clip.mp4")) == 25


def test_what_cannot_be_cut_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    film, out = render(tmp_path / "film.mp4", STEADY), tmp_path / "out" / "clip.mp4"
    out.parent.mkdir()
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    sounding(tmp_path / "sound.mp4")
    sounding(tmp_path / "song.m4v", cover=True)
    for path, span, told in (
        (film, (3.0, 3.0), "expected 0 <= start < end"),
        (film, (-1.0, 3.0), "expected 0 <= start < end"),
        (film, (float("nan"), 3.0), "expected 0 <= start < end"),
        (film, (600.0, 610.0), "the film ends before"),
        (tmp_path / "text.mp4", (0.0, 1.0), "no clip can be cut"),
        (tmp_path / "sound.mp4", (0.0, 1.0), "holds no video"),
        (tmp_path / "song.m4v", (0.0, 1.0), "holds no video"),
        (tmp_path / "gone.mp4", (0.0, 1.0), "no clip can be cut"),
    ):
        with pytest.raises(DataError, match=told):
            cut_clip(path, *span, out)
        assert not list(out.parent.iterdir())


def test_work_that_nobody_wants_any_more_ends(tmp_path: Path) -> None:
    film = render(tmp_path / "film.mp4", STEADY)
    answers = iter([True] * 20 + [False] * 999)
    with pytest.raises(DataError, match="was given up"):
        cut_clip(film, 0.0, 6.0, tmp_path / "clip.mp4", lambda: next(answers))
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
