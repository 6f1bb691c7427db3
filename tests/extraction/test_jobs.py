"""A folder of films into a library: whole films only, resumed, with faults told."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("av", reason="films are the extra `video`")

from method_tng import extract
from method_tng.contract.errors import DataError
from method_tng.contract.files import only_writer
from method_tng.dataset.feature_store import FeatureStore
from method_tng.extraction.choice import plan_of
from method_tng.extraction.jobs import extract as extract_films
from method_tng.extraction.jobs import films_of
from method_tng.extraction.library import Library
from tests.extraction.rendered import render

PLAIN = {"encoder": "descriptors", "source": None, "rate": 2.0, "clip_length": 2.0, "processes": 1}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films, one in a folder and with subtitles beside it, and a file that is none."""
    folder = tmp_path / "films"
    (folder / "old").mkdir(parents=True)
    render(folder / "Snow (1999).mkv", [k / 5 for k in range(60)])
    render(folder / "old/雨.mp4", [k / 10 for k in range(130)])
    (folder / "old/雨.srt").write_text("1\n00:00:04,500 --> 00:00:05,500\nIt rains\n", encoding="utf-8")
    (folder / "broken.avi").write_bytes(b"nothing of a film")
    return folder


def _extract(*words: object) -> int:
    return extract.main([str(word) for word in words])


def test_films_become_rows_thumbnails_lines_and_facts(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "library"
    assert _extract(films, out, "--processes", 1) == 1  # one was left out
    told = capsys.readouterr()
    assert "2 films extracted (25 s), 0 were complete, 1 left out" in told.out
    assert "broken.avi cannot be opened as a film" in told.out
    library = Library.open(out)
    assert [film.film_id for film in library.films] == ["Snow-1999", "old_雨"]
    rain = library.film("old_雨")
    assert (rain.title, rain.folder, rain.container, rain.video_codec) == ("雨", "old", "mp4", "h264")
    assert rain.duration == pytest.approx(13.0, abs=0.11) and rain.frames == 130 and rain.playable
    assert [line.text for line in library.subtitles("old_雨")] == ["It rains"]
    assert [seconds for seconds, _ in library.thumbnails("old_雨")] == [0.0, 5.0, 10.0]
    store, said = FeatureStore(library.features), FeatureStore(out / "sub_features")
    assert store.num_rows("old_雨") == 7 and np.isfinite(store.read("old_雨")).all()
    assert np.flatnonzero(said.read("old_雨").any(axis=1)).tolist() == [2]
    with h5py.File(out / "features/old_雨.h5") as file:
        assert file["times"][:].tolist() == pytest.approx([k / 2 for k in range(26)], abs=1e-3)


def test_what_is_complete_stays_and_what_changed_is_made_again(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (films / "broken.avi").unlink()
    out = tmp_path / "library"
    assert _extract(films, out, "--processes", 1) == 0
    first = (out / "films/Snow-1999.json").stat().st_mtime_ns
    (out / "films/old_雨.json").unlink()  # killed before its last file
    capsys.readouterr()
    assert _extract(films, out, "--processes", 1) == 0
    assert "1 films extracted" in capsys.readouterr().out
    assert (out / "films/Snow-1999.json").stat().st_mtime_ns == first
    render(films / "Snow (1999).mkv", [k / 5 for k in range(40)])
    assert _extract(films, out, "--processes", 1) == 0
    assert Library.open(out).film("Snow-1999").frames == 40
    assert not list(out.rglob("*.part"))


def test_a_folder_that_moved_is_followed_and_new_subtitles_are_read(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (films / "broken.avi").unlink()
    out = tmp_path / "library"
    assert _extract(films, out, "--processes", 1) == 0
    moved = films.rename(tmp_path / "elsewhere")
    capsys.readouterr()
    assert _extract(moved, out, "--processes", 1) == 0
    assert "0 films extracted (0 s), 2 were complete" in capsys.readouterr().out
    assert [film.source for film in Library.open(out).films] == [
        str(moved / "Snow (1999).mkv"),
        str(moved / "old/雨.mp4"),
    ]
    (moved / "Snow (1999).en.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nIt snows\n")
    assert _extract(moved, out, "--processes", 1) == 0
    assert "1 films extracted" in capsys.readouterr().out
    assert [line.text for line in Library.open(out).subtitles("Snow-1999")] == ["It snows"]


def test_a_film_that_goes_away_meanwhile_is_told_and_the_others_stay(films: Path, tmp_path: Path) -> None:
    sources, plan = films_of(films), plan_of(PLAIN, 1)
    (films / "Snow (1999).mkv").unlink()
    outcome = extract_films(sources, tmp_path / "library", plan)
    assert [film.film_id for film in outcome.done] == ["old_雨"] and len(outcome.failed) == 2
    (films / "old/雨.mp4").unlink()
    outcome = extract_films(sources, tmp_path / "library", plan)
    assert not outcome.done and len(outcome.failed) == 3


def test_what_could_not_be_decoded_inside_a_film_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "films").mkdir()
    path = render(tmp_path / "films" / "Holes.mp4", [k / 25 for k in range(250)])
    raw = bytearray(path.read_bytes())
    first = raw.index(b"mdat") + 2000
    raw[first : first + 500] = b"\xff" * 500
    path.write_bytes(raw)
    assert _extract(tmp_path / "films", tmp_path / "library", "--processes", 1) == 0
    film = Library.open(tmp_path / "library").film("Holes")
    told = f"{film.faults} packets or frames could not be decoded and are left out"
    assert film.faults > 0 and told in film.remarks and told in caplog.text


def test_a_second_extraction_into_a_library_is_refused(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "library"
    out.mkdir()
    with only_writer(out):
        assert _extract(films, out, "--processes", 1) == 2
    assert f"{out} is being written by another process" in capsys.readouterr().err


def test_a_library_is_made_in_one_way(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "library"
    _extract(films, out, "--processes", 1)
    capsys.readouterr()
    assert _extract(films, out, "--rate", 1) == 2
    assert "library.json says rate 2.0, asked for is 1.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rate", "0"], "--rate is 0.0; expected a number above 0"),
        (["--encoder", "transformers"], "needs --source"),
        (["--encoder", "transformers", "--source", "nowhere"], "holds no image-text model"),
        (["--source", "x"], "--source has no effect with --encoder descriptors"),
        (["--processes", "-1"], "--processes is -1"),
    ],
)
def test_a_wrong_word_is_told(
    words: list[str], told: str, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert _extract(films, tmp_path / "library", *words) == 2
    assert told in capsys.readouterr().err


def test_names_are_safe_and_differ(tmp_path: Path) -> None:
    for name in (
        "a b.mp4",
        "a/b.mp4",
        "a-b.mp4",
        "..x.mp4",
        "电影：一.mkv",
        ".bin/a.mp4",
        "Ame\u0301lie.mp4",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    for name in ("很长的片名" * 16, "很长的片名" * 14):
        deep = tmp_path / ("文件夹" * 25) / f"{name}.mp4"
        deep.parent.mkdir(exist_ok=True)
        deep.write_bytes(b"")
    found = films_of(tmp_path)
    ids = [source.film_id for source in found]
    assert max(len(one.encode()) for one in ids) <= 200  # a file's name has 255 bytes at most
    assert "Amélie" in ids
    assert len(set(ids)) == len(ids) == 7  # a name that begins with a dot is hidden
    assert all("/" not in one and " " not in one and not one.startswith(".") for one in ids)
    with pytest.raises(DataError, match="holds no film"):
        films_of(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_a_damaged_manifest_is_told(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "library"
    _extract(films, out, "--processes", 1)
    path = out / "films/Snow-1999.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["duration"] = "long"
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"Snow-1999\.json cannot be read .*duration"):
        Library.open(out)
    with pytest.raises(DataError, match="expected a library"):
        Library.open(tmp_path)


def test_two_extractions_are_compared(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    _extract(films, one, "--processes", 1)
    _extract(films, other, "--processes", 2)
    capsys.readouterr()
    assert _extract(films, one, "--verify", other) == 0
    assert "the libraries are alike" in capsys.readouterr().out
    with h5py.File(other / "features/Snow-1999.h5", "r+") as file:
        file["Snow-1999"][2, 5] += 0.5
    (other / "films/old_雨.json").unlink()
    assert _extract(films, one, "--verify", other) == 1
    told = capsys.readouterr().out
    assert "Snow-1999: features: Snow-1999 differs by" in told and "old_雨 is in" in told


def test_a_full_disk_leaves_no_half_film(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    out, writes = tmp_path / "library", []
    fsync = os.fsync

    def full(descriptor: int) -> None:
        writes.append(descriptor)
        if len(writes) == 6:
            raise OSError(errno.ENOSPC, "No space left on device", "library")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert _extract(films, out, "--processes", 1) == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert not list(out.rglob("*.part")) and list(out.rglob(".*")) == [out / ".lock"]
    assert _extract(films, out, "--processes", 1) == 1
    assert len(Library.open(out).films) == 2


@pytest.mark.slow
def test_kills_at_random_moments_leave_whole_films_only(films: Path, tmp_path: Path) -> None:
    (films / "broken.avi").unlink()
    for number in range(6):
        render(films / f"more-{number}.mkv", [k / 25 for k in range(1500)], size=(320, 240))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert _extract(films, whole, "--processes", 1) == 0
    words = [sys.executable, "-m", "method_tng.extract", str(films), str(killed), "--processes", "2"]
    draw = random.Random(0)
    for _ in range(20):
        child = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(draw.uniform(0.2, 3.5))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for film in Library.open(killed).films if (killed / "library.json").is_file() else ():
            assert FeatureStore(killed / "features").num_rows(film.film_id) > 0
    assert _extract(films, killed, "--processes", 1) == 0
    assert _extract(films, whole, "--verify", killed) == 0
