"""The demo from drawn films to typed sentences, whole."""

from pathlib import Path

import pytest

pytest.importorskip("av", reason="films are the extra `video`")
pytest.importorskip("pysubs2", reason="films are the extra `video`")

from method_tng import demo
from method_tng.extraction.library import Library
from method_tng.extraction.rendering import render_films


def test_the_quick_demo_goes_from_films_to_answers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert demo.main(["--quick", "--out", str(tmp_path)]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "5 films extracted" in told and "5 films in" in told and "which window" in told
    answers = told.split("$ index.sh search")[1:]
    assert len(answers) == 3 and all(answer.count(" to 0:00:") >= 3 for answer in answers)
    film = Library.open(tmp_path / "library").film("Film-01")
    assert film.playable and film.faststart and film.duration == pytest.approx(38, abs=0.1)


def test_drawn_films_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        render_films(tmp_path / name, 1, 2)
    for place in ("val.jsonl", "films/Film-01.srt", "films/Film-01.mp4"):
        assert (tmp_path / "one" / place).read_bytes() == (tmp_path / "other" / place).read_bytes()
