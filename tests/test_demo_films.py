"""The demo from drawn films to typed sentences, whole."""

from pathlib import Path

import pytest

pytest.importorskip("av", reason="films are the extra `video`")
pytest.importorskip("pysubs2", reason="films are the extra `video`")

pytest.importorskip("fastapi", reason="the service is the extra `web`")

from fastapi.testclient import TestClient

from method_tng import demo
from method_tng.extraction.library import Library
from method_tng.extraction.rendering import render_films
from method_tng.search.opening import open_searcher
from method_tng.web.api import make_app


def test_the_quick_demo_goes_from_films_to_answers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert demo.main(["--quick", "--out", str(tmp_path)]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "5 films extracted" in told and "5 films in" in told and "which window" in told
    answers = told.split("$ bash method_tng/scripts/index.sh search")[1:]
    assert len(answers) == 3 and all(answer.count(" to 0:00:") >= 3 for answer in answers)
    film = Library.open(tmp_path / "library").film("Film-01")
    assert film.playable and film.faststart and film.duration == pytest.approx(38, abs=0.1)
    (index,) = tmp_path.glob("index-*")
    with TestClient(make_app(open_searcher(index)), "http://localhost") as client:
        _ask(client, Path(film.source))


def _ask(client: TestClient, film: Path) -> None:
    """The service over the demo's index."""
    moment = client.get("/search", params={"text": "黄色的三角形", "films": "Film-01"}).json()["moments"][0]
    assert moment["film_id"] == "Film-01" and 0 <= moment["start"] < moment["end"] <= 38.1
    curve = client.get("/films/Film-01/curve", params={"text": "A red circle."}).json()
    assert len(curve["seconds"]) == 19
    assert client.get("/films/Film-01/video").content == film.read_bytes()
    assert client.get("/films/Film-01/thumbnails").json()["milliseconds"][:2] == [0, 5000]
    assert client.get("/films/Film-01/thumbnails/5000").content.startswith(b"\xff\xd8")
    assert client.get("/films/Film-01/subtitles").json()[0]["text"].startswith("Look, the ")
    for path in ("/films/Film-01/clip?start=3&end=5", "/export/mp4?text=a+red+circle"):
        clip = client.get(path)
        assert clip.status_code == 200 and clip.content[4:8] == b"ftyp"
        part = client.get(path, headers={"Range": "bytes=0-99"})
        assert part.status_code == 206 and part.content == clip.content[:100]


def test_drawn_films_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        render_films(tmp_path / name, 1, 2)
    for place in ("val.jsonl", "films/Film-01.srt", "films/Film-01.mp4"):
        assert (tmp_path / "one" / place).read_bytes() == (tmp_path / "other" / place).read_bytes()
