"""The service over a searcher that answers by itself: every path, every refusal, every limit."""

import asyncio
import csv
import io
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")
httpx = pytest.importorskip("httpx", reason="requests of the tests")

from fastapi.testclient import TestClient

from method_tng.web.api import PAGE, make_app
from tests.web.films import CONTENT, ToldSearcher, entry, told_films

HERE = "http://localhost"


@pytest.fixture
def searcher(tmp_path: Path) -> ToldSearcher:
    """Films of bytes."""
    return told_films(tmp_path)


@pytest.fixture
def client(searcher: ToldSearcher) -> Iterator[TestClient]:
    """A browser on this machine."""
    with TestClient(make_app(searcher), HERE, raise_server_exceptions=False) as one:
        yield one


def _refused(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message"} and answer.json()["code"] == code
    return answer.json()["message"]


def test_a_sentence_gets_its_moments(client: TestClient, searcher: ToldSearcher) -> None:
    answer = client.get("/search", params={"text": "红色的圆", "top": 2, "offset": 1}).json()
    assert answer["total"] == 9 and len(answer["moments"]) == 2
    assert answer["moments"][0] == {
        "film_id": "snow_Two", "title": "Title of snow_Two", "start": 1.0, "end": 5.0, "score": 0.9,
        "stream_scores": {"video": 0.5, "sub": 0.25}, "subtitle": "=1+1 & <said>", "band": "high",
    }  # fmt: skip
    told = (
        "group_by_film=true&films=One&films=snow_Two&folder=snow&min_duration=1&max_duration=99&threshold=-1"
    )
    assert client.get(f"/search?text=x&{told}").status_code == 200
    asked = searcher.asked[-1]
    assert asked.group_by_film and asked.films == ("One", "snow_Two") and asked.folder == "snow"
    assert (asked.min_duration, asked.max_duration, asked.threshold) == (1.0, 99.0, -1.0)


def test_films_curves_lines_and_health_are_told(client: TestClient) -> None:
    found = client.get("/films", params={"top": 2}).json()
    assert found["total"] == 3 and found["seconds"] == 90.0 and found["folders"] == ["", "snow"]
    assert [film["film_id"] for film in found["films"]] == ["One", "snow_Two"]
    film = client.get("/films/One").json()
    assert film["video"] and "source" not in film
    assert not client.get("/films/only-features").json()["video"]
    curve = client.get("/films/One/curve", params={"text": "x"}).json()
    assert len(curve["seconds"]) == len(curve["relevance"]) == 15
    assert client.get("/films/One/subtitles").json()[0] == {
        "start": 1.0, "end": 3.0, "text": "看，圆！", "track": "zh",
    }  # fmt: skip
    health = client.get("/health").json()
    assert health["status"] == "ok" and health["films"] == 3 and health["searches_waiting"] == 0


@pytest.mark.parametrize(
    "words",
    [
        "", "text=", "text=%20%20", f"text={'x' * 501}", "text=x&top=0", "text=x&top=101", "text=x&offset=-1",
        "text=x&offset=99999", "text=x&min_duration=nan", "text=x&threshold=inf", "text=x&tpo=3",
        "text=x&group_by_film=perhaps", "text=x&" + "&".join(["films=One"] * 101),
    ],
)  # fmt: skip
def test_requests_out_of_bounds_are_refused(client: TestClient, words: str) -> None:
    assert ": " in _refused(client.get(f"/search?{words}"), 422, "invalid_request")


def test_refusals_have_codes_and_tell_no_paths(client: TestClient, searcher: ToldSearcher) -> None:
    for path in ("/films/no", "/films/no/curve?text=x", "/films/no/video", "/films/no/thumbnails",
                 "/films/no/thumbnails/0", "/films/no/subtitles", "/films/no/clip?start=0&end=1",
                 "/search?text=x&films=no", "/export/csv?text=x&films=no"):  # fmt: skip
        assert str(searcher.folder) not in _refused(client.get(path), 404, "unknown_film")
    assert "typed" in _refused(client.get("/search?text=typed"), 409, "unreadable")
    _refused(client.get("/nothing"), 404, "not_found")
    _refused(client.post("/search"), 405, "method_not_allowed")
    _refused(client.get("/films/only-features/video"), 404, "no_video")
    _refused(client.get("/films/only-features/thumbnails/5"), 404, "no_picture")
    _refused(client.get("/export/xml?text=x"), 422, "invalid_request")


def test_an_error_of_ours_is_a_fault_without_its_words(client: TestClient, searcher: ToldSearcher) -> None:
    def breaks() -> None:
        raise RuntimeError("secret")

    searcher.before = breaks
    answer = client.get("/search?text=x")
    assert "secret" not in _refused(answer, 500, "internal")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("told", "status", "content", "place"),
    [
        (None, 200, CONTENT, None),
        ("bytes=0-0", 206, CONTENT[:1], "bytes 0-0/10240"),
        ("bytes=100-199", 206, CONTENT[100:200], "bytes 100-199/10240"),
        ("bytes=10000-", 206, CONTENT[10000:], "bytes 10000-10239/10240"),
        ("bytes=-40", 206, CONTENT[-40:], "bytes 10200-10239/10240"),
        ("bytes=-99999", 206, CONTENT, "bytes 0-10239/10240"),
        ("bytes=10000-99999", 206, CONTENT[10000:], "bytes 10000-10239/10240"),
        ("bytes=10240-", 416, None, "bytes */10240"),
        ("bytes=-0", 416, None, "bytes */10240"),
        ("bytes=9-3", 200, CONTENT, None),
        ("bytes=x-y", 200, CONTENT, None),
        ("bytes=0-1,5-6", 200, CONTENT, None),
        ("bytes=-", 200, CONTENT, None),
        ("lines=0-1", 200, CONTENT, None),
        ("bytes=0-" + "9" * 5000, 200, CONTENT, None),
    ],
)
def test_a_film_is_given_in_parts(
    client: TestClient, told: str | None, status: int, content: bytes | None, place: str | None
) -> None:
    for method in ("GET", "HEAD"):
        answer = client.request(method, "/films/One/video", headers={"Range": told} if told else {})
        assert (answer.status_code, answer.headers.get("content-range")) == (status, place)
        if content is None:
            assert method == "HEAD" or _refused(answer, 416, "range_not_satisfiable")
            continue
        assert answer.content == (content if method == "GET" else b"")
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["accept-ranges"] == "bytes"


def test_a_part_of_another_state_of_the_file_is_the_whole(client: TestClient) -> None:
    first = client.get("/films/One/video", headers={"Range": "bytes=0-9"})
    told = {"Range": "bytes=10-19", "If-Range": first.headers["etag"]}
    assert client.get("/films/One/video", headers=told).content == CONTENT[10:20]
    assert client.get("/films/One/video", headers=told | {"If-Range": '"other"'}).content == CONTENT


def test_small_pictures_are_those_nearest_to_a_time(client: TestClient) -> None:
    assert client.get("/films/One/thumbnails").json() == {"milliseconds": [0, 10000, 20000]}
    pictures = [client.get(f"/films/One/thumbnails/{time}").content for time in (0, 4999, 5001, 99999999)]
    assert pictures[0] == pictures[1] != pictures[2] != pictures[3]
    assert client.get("/films/One/thumbnails/0").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    "film_id",
    [
        "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2Fetc%2Fpasswd", "One%00", "One%2f..%2fOne", "%c0%ae%c0%ae",
        "..%5c..%5cwindows", "%ff%fe", "%252e%252e", "x" * 4000,
    ],
)  # fmt: skip
def test_no_path_leads_out_by_its_name(client: TestClient, film_id: str) -> None:
    for rest in ("", "/video", "/thumbnails", "/thumbnails/0", "/subtitles", "/clip?start=0&end=1"):
        answer = client.get(f"/films/{film_id}{rest}")
        assert answer.status_code in (404, 422), answer.text
        assert set(answer.json()) == {"code", "message"}
    for place in ("/page/../api.py", "/page/%2e%2e/api.py", "/page/..%2fapi.py", "/page//etc/passwd"):
        assert client.get(place).status_code == 404


def test_links_out_of_the_library_are_refused(tmp_path: Path) -> None:
    searcher = told_films(tmp_path / "library")
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    films = tmp_path / "library" / "films"
    (films / "link.mp4").symlink_to(secret)
    (films / "out").symlink_to(tmp_path)
    (films / "within.mp4").symlink_to(films / "One.mp4")
    entries = [*searcher.films(), entry("link", films / "link.mp4"), entry("within", films / "within.mp4")]
    entries += [entry("out_secret", films / "out" / "secret.mp4", "out"), entry("gone", films / "gone.mp4")]
    entries += [entry("folder", films / "snow")]
    searcher = ToldSearcher(searcher.folder, entries)
    pictures = searcher.folder / "thumbnails"
    (pictures / "link").symlink_to(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "000000000.jpg").write_bytes(b"secret")
    (pictures / "One" / "000030000.jpg").symlink_to(secret)
    with TestClient(make_app(searcher), HERE) as client:
        for film_id in ("link", "out_secret", "gone", "folder"):
            _refused(client.get(f"/films/{film_id}/video"), 404, "no_video")
            _refused(client.get(f"/films/{film_id}/clip?start=0&end=1"), 404, "no_video")
        assert client.get("/films/within/video").content == CONTENT
        _refused(client.get("/films/link/thumbnails/0"), 404, "no_picture")
        _refused(client.get("/films/One/thumbnails/30000"), 404, "no_picture")


def test_moments_are_taken_away_in_every_format(client: TestClient) -> None:
    def taken(kind: str, words: str = "") -> str:
        answer = client.get(f"/export/{kind}?text=%3Da%20%3C--%3E%20b{words}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="moments.{kind}"'
        return answer.content.decode()

    assert '"total":9' in taken("json")
    rows = list(csv.DictReader(io.StringIO(taken("csv").removeprefix("\ufeff"))))
    assert len(rows) == 9 and rows[0]["start"] == "1.000" and rows[0]["rank"] == "1"
    assert rows[0]["subtitle"] == "'=1+1 & <said>" and rows[0]["sentence"] == "'=a <--> b"
    wide = client.get(
        "/export/csv", params={"text": "＝1+1"}
    ).content.decode()  # as Chinese keyboards write it
    assert wide.splitlines()[1].endswith(",'＝1+1")
    assert taken("srt", "&films=One").startswith(
        "1\n00:00:01,000 --> 00:00:05,000\n1. =a <→ b\n\n2\n00:00:11,000"
    )
    assert "00:00:01.000 --> 00:00:05.000\n1. =a &lt;→ b\n" in taken("vtt", "&films=One")
    assert taken("vtt", "&films=One").startswith("WEBVTT\n\n")
    listed = taken("edl", "&films=One").split("\r\n")
    assert listed[3] == "001  AX       V     C        00:00:01:00 00:00:05:00 01:00:00:00 01:00:04:00"
    assert listed[4] == "* FROM CLIP NAME: Title of One" and "01:00:04:00 01:00:08:00" in listed[5]
    _refused(client.get("/export/srt?text=x"), 422, "one_film")
    _refused(client.get("/export/mp4?text=x&offset=500"), 404, "no_moment")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("start=5&end=5", "no_moment"), ("start=5&end=4", "no_moment"), ("start=0&end=181", "clip_too_long"),
        ("start=nan&end=4", "invalid_request"), ("start=-1&end=4", "invalid_request"),
        ("start=0&end=inf", "invalid_request"), ("start=0", "invalid_request"), ("start=0&end=4", "no_clip"),
    ],
)  # fmt: skip
def test_clips_that_cannot_be_are_refused(
    client: TestClient, searcher: ToldSearcher, words: str, code: str
) -> None:
    if code == "no_clip":
        pytest.importorskip("av", reason="cutting is the extra `video`")
    assert str(searcher.folder) not in _refused(client.get(f"/films/One/clip?{words}"), 422, code)


def test_a_service_that_cannot_cut_says_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "method_tng.extraction.clips", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    told = _refused(client.get("/films/One/clip?start=0&end=4"), 501, "missing_extra")
    assert "pip install -e '.[video]'" in told


def test_a_full_queue_is_told_and_the_rest_is_still_answered(searcher: ToldSearcher) -> None:
    go = threading.Event()
    searcher.before = go.wait

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(make_app(searcher, searches=3))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            asked = [asyncio.create_task(client.get("/search?text=x")) for _ in range(8)]
            while sum(one.done() for one in asked) < 5:
                await asyncio.sleep(0.01)
            assert (await client.get("/health")).json()["searches_waiting"] == 3  # nothing blocks
            go.set()
            answers = [await one for one in asked]
            return [*answers, await client.get("/search?text=x")]

    answers = asyncio.run(asyncio.wait_for(crowd(), 20))
    busy = [answer for answer in answers if answer.status_code != 200]
    assert len(busy) == 5 and answers[-1].status_code == 200
    assert all("try again" in _refused(answer, 503, "busy") for answer in busy)
    assert busy[0].headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("localhost:8000", True), ("127.0.0.1:8000", True), ("[::1]:8000", True), ("192.168.0.7", True),
        ("films.home:80", True), ("evil.example", False), ("localhost.evil.example", False), ("", False),
    ],
)  # fmt: skip
def test_only_known_names_are_served(searcher: ToldSearcher, host: str, served: bool) -> None:
    with TestClient(make_app(searcher, names=["films.home"]), HERE) as client:
        answer = client.get("/health", headers={"Host": host})
        assert answer.status_code == 200 if served else _refused(answer, 400, "bad_host")


def test_other_sites_may_not_ask_and_the_page_may_load_nothing_foreign(client: TestClient) -> None:
    told = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    _refused(client.get("/search?text=x", headers=told), 403, "cross_site")
    page = client.get("/", headers=told | {"Sec-Fetch-Mode": "navigate"})
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert "http" not in policy
    for name in ("page.js", "page.css", "icon.svg"):
        answer = client.get(f"/page/{name}")
        assert answer.status_code == 200 and "x-content-type-options" in answer.headers


def test_the_page_asks_nobody_else_and_builds_no_markup_of_data() -> None:
    for name, path in PAGE.items():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\w+://[^\"'\s)]*", text)) <= {"http://www.w3.org/2000/svg"}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\son\w+=", text), (
            name
        )


def test_both_languages_say_the_same_things() -> None:
    text = PAGE["words.js"].read_text(encoding="utf-8")
    english, chinese = text[text.index("  en: {") : text.index("let language")].split("  zh: {")
    phrases = [dict(re.findall(r'(\w+): "([^"]*)"', part)) for part in (english, chinese)]
    assert set(phrases[0]) == set(phrases[1]) and len(phrases[0]) > 50
    for name, phrase in phrases[0].items():
        assert set(re.findall(r"\{\w+\}", phrase)) == set(re.findall(r"\{\w+\}", phrases[1][name])), name
    used = [path.read_text(encoding="utf-8") for path in PAGE.values()]
    said = {
        word for one in used for word in re.findall(r'(?:say\(|data-(?:word|label|placeholder)=)"(\w+)"', one)
    }
    assert said <= set(phrases[0])


def test_the_document_of_the_service_is_complete(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {
        "/search",
        "/films",
        "/films/{film_id}/video",
        "/films/{film_id}/curve",
        "/export/{kind}",
        "/health",
    } <= set(paths)
