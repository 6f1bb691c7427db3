"""Frames at their true times: varying rates, late starts, broken ends."""

from pathlib import Path

import pytest

av = pytest.importorskip("av", reason="films are the extra `video`")

from method_tng.contract.errors import DataError
from method_tng.extraction.film import ClipMeans
from method_tng.extraction.video import Video
from tests.extraction.rendered import brightness, render, sounding, with_subtitles

UNSTEADY = [0.0, 0.1, 0.5, 0.52, 1.7, 1.72, 1.9, 2.05, 4.3, 4.32]


def presented(path: Path) -> list[float]:
    """The container's own presentation times, from its video's start."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            float((frame.pts - stream.start_time) * stream.time_base) for frame in container.decode(stream)
        ]


@pytest.mark.parametrize("start", [0.0, 3.0])
@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_times_are_the_containers_and_pictures_belong_to_them(
    tmp_path: Path, start: float, ending: str
) -> None:
    path = render(tmp_path / f"film{ending}", UNSTEADY, start=start)
    with Video(path) as video:
        seen = [(seconds, video.picture(frame, (8, 8)).mean()) for seconds, frame in video.frames(1000.0)]
    assert [seconds for seconds, _ in seen] == pytest.approx(presented(path), abs=1e-9)
    assert [seconds for seconds, _ in seen] == pytest.approx(UNSTEADY, abs=2e-3)
    for number, (_, light) in enumerate(seen):
        assert light == pytest.approx(brightness(number), abs=3)


def test_the_first_frame_at_or_after_each_grid_point_is_taken_and_a_long_one_once(tmp_path: Path) -> None:
    with Video(render(tmp_path / "film.mkv", UNSTEADY)) as video:
        taken = [round(seconds, 3) for seconds, _ in video.frames(2.0)]
    assert taken == [0.0, 0.5, 1.7, 2.05, 4.3]  # 1.0, 1.5 -> 1.7 once; 2.0 -> 2.05; 2.5 ... 4.0 -> 4.3
    assert video.count.frames == 10 and video.count.used == 5


def test_a_file_that_breaks_off_ends_there_and_says_so(tmp_path: Path) -> None:
    path = render(tmp_path / "film.mkv", [k / 25 for k in range(250)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with Video(path) as video:
        times = [seconds for seconds, _ in video.frames(25.0)]
        told = video.facts().told_duration
    assert 2 < times[-1] < 9.5 and times == sorted(times)
    assert video.count.end < 9.6 and (told == 0 or told > 9.6)


def test_a_stamp_beyond_any_film_is_left_out_and_counted(tmp_path: Path) -> None:
    with Video(render(tmp_path / "film.mkv", [0.0, 0.1, 2_000_000.0])) as video:
        assert len(list(video.frames(10.0))) == 2
    assert video.count.faults == 1 and video.count.end < 1


def test_a_second_film_in_the_same_file_is_left_out_and_counted(tmp_path: Path) -> None:
    path = render(tmp_path / "film.ts", [k / 10 for k in range(40)])
    path.write_bytes(2 * path.read_bytes())
    with Video(path) as video:
        times = [seconds for seconds, _ in video.frames(10.0)]
    assert len(times) == 40 and times == sorted(times)
    assert video.count.frames == 80 and video.count.faults > 10 and video.count.end < 4.2


@pytest.mark.parametrize(("ending", "start"), [("mkv", 3.0), ("mp4", 3.0), ("mp4", 0.0)])
def test_where_the_pictures_begin_on_the_files_own_clock_is_told(
    tmp_path: Path, ending: str, start: float
) -> None:
    with Video(render(tmp_path / f"film.{ending}", UNSTEADY, start=start)) as video:
        list(video.frames(1.0))
        assert video.facts().begin == pytest.approx(start, abs=1e-3)


def test_pictures_of_narrow_pixels_are_shown_as_wide_as_they_are_meant(tmp_path: Path) -> None:
    with Video(render(tmp_path / "film.mp4", [0.0, 0.1], size=(64, 48), pixel=(4, 3))) as video:
        frame = next(frame for _, frame in video.frames(10.0))
        assert video.shown_size(frame) == (85, 48)
        assert (video.facts().width, video.facts().height) == (85, 48)


def test_a_codec_is_told_by_its_own_name_not_its_decoders(tmp_path: Path) -> None:
    with Video(render(tmp_path / "film.mp4", [0.0, 0.1], codec="libsvtav1")) as video:
        list(video.frames(10.0))
        assert video.facts().video_codec == "av1" and video.facts().playable


def test_a_cover_is_no_film_and_neither_is_what_nobody_can_decode(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no video stream"):
        Video(sounding(tmp_path / "song.m4v", cover=True))
    film = render(tmp_path / "film.mp4", UNSTEADY)
    film.write_bytes(film.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(DataError, match="holds no video stream that can be decoded"):
        Video(film)


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    text = tmp_path / "film.mp4"
    text.write_text("no film")
    with pytest.raises(DataError, match=r"film\.mp4 cannot be opened as a film"):
        Video(text)
    sound = tmp_path / "sound.srt"
    sound.write_text("1\n00:00:00,500 --> 00:00:01,200\nHello\n")
    with pytest.raises(DataError, match="holds no video stream"):
        Video(sound)


def test_a_turned_film_is_shown_upright(tmp_path: Path) -> None:
    with Video(render(tmp_path / "film.mkv", [0.0, 0.1])) as video:
        frame = next(frame for _, frame in video.frames(10.0))
        lying = video.picture(frame, (32, 24))
        video._rotation = 90
        assert video.shown_size(frame) == (48, 64)
        assert video.picture(frame, (24, 32)).shape == (32, 24, 3) and lying.shape == (24, 32, 3)


def test_subtitles_inside_a_film_are_read_on_the_same_pass(tmp_path: Path) -> None:
    srt = tmp_path / "x.srt"
    srt.write_text(
        "1\n00:00:00,500 --> 00:00:01,200\n<i>Hello</i>, you\n\n2\n00:00:01,300 --> 00:00:01,600\n你好\n"
    )
    film = with_subtitles(render(tmp_path / "bare.mkv", UNSTEADY), srt, tmp_path / "film.mkv")
    with Video(film) as video:
        assert len(list(video.frames(2.0))) == 5
        lines = video.captions_from_start()
    assert [one for line in lines for one in (line.start, line.end)] == pytest.approx([0.5, 1.2, 1.3, 1.6])
    assert "Hello" in lines[0].text and lines[1].text == "你好"


def test_a_clip_is_the_mean_of_its_frames_and_shows_the_last_one_when_none_begins() -> None:
    import numpy as np

    means = ClipMeans(2.0, 1)
    means.add([0.0, 1.0, 2.0, 7.0], np.array([[1.0], [3.0], [5.0], [9.0]]))
    assert means.whole(9.0)[:, 0].tolist() == [2.0, 5.0, 5.0, 9.0, 9.0]
