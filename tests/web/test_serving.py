"""The serve command: what it listens at, and what it says when it cannot."""

import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")

from method_tng import serve
from method_tng.contract.errors import ConfigError, DataError
from method_tng.web.serving import _listen
from tests.web.films import told_films
from tests.web.served import serving


def test_a_missing_index_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert serve.main([str(tmp_path / "nothing"), "--port", "0"]) == 2
    assert "holds no index; make one with: index.sh add" in capsys.readouterr().err


def test_a_taken_port_and_a_strange_host_are_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert serve.main([str(tmp_path), "--port", port]) == 2
    assert f"127.0.0.1:{port} cannot be listened at" in capsys.readouterr().err
    assert serve.main([str(tmp_path), "--host", "no.such.host.invalid", "--port", "0"]) == 2
    assert "cannot be listened at" in capsys.readouterr().err
    assert serve.main([str(tmp_path), "--port", "99999"]) == 2
    assert "expected 0 to 65535" in capsys.readouterr().err


def test_only_this_machine_is_answered_unless_told(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with _listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.proto == socket.IPPROTO_TCP  # else every answer waits for 40 ms
    assert serve.main([str(tmp_path), "--port", "0"]) == 2
    assert "warning" not in capsys.readouterr().out
    assert serve.main([str(tmp_path), "--port", "0", "--host", "0.0.0.0"]) == 2
    assert "there is no login" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="choose another --port"):
        _listen("192.0.2.1", 0)


def test_a_missing_package_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for name in ("method_tng.web.serving", "uvicorn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert serve.main(["index"]) == 2
    assert "pip install -e '.[web]'" in capsys.readouterr().err


def _until(port: int, count: int, what: str = "clips_waiting") -> None:
    """Returns when so many clips, or searches, are under way; fails after 10 s."""
    for _ in range(1000):
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
        connection.request("GET", "/health")
        found = json.loads(connection.getresponse().read())[what]
        connection.close()
        if found == count:
            return
        time.sleep(0.01)
    pytest.fail(f"{what}: {found}, not {count}")


def _leaves(port: int, path: str, count: int = 1, what: str = "clips_waiting") -> None:
    """A browser that asks, and is gone when that makes `count` under way."""
    with socket.create_connection(("127.0.0.1", port)) as browser:
        browser.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        _until(port, count, what)


def test_a_clip_that_nobody_waits_for_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = pytest.importorskip("method_tng.extraction.clips", reason="cutting is the extra `video`")
    ended = []

    def cut(source: Path, start: float, end: float, out: Path, wanted: Callable[[], bool]) -> None:
        while wanted():
            time.sleep(0.01)
        ended.append(start)
        raise DataError("given up")

    monkeypatch.setattr(clips, "cut_clip", cut)
    with serving(told_films(tmp_path)) as address:
        port = int(address.rstrip("/").split(":")[-1])
        for start in (1, 2):
            _leaves(port, f"/films/One/clip?start={start}&end=9")
            _until(port, 0)
    assert ended == [1, 2]


def test_a_search_that_nobody_waits_for_is_dropped_before_its_turn(tmp_path: Path) -> None:
    searcher, go = told_films(tmp_path), threading.Event()
    searcher.before = go.wait
    with serving(searcher) as address:
        port = int(address.rstrip("/").split(":")[-1])
        _leaves(port, "/search?text=first", 1, "searches_waiting")  # its turn has come: it ends
        for text in ("second", "third"):
            _leaves(port, f"/search?text={text}", 2, "searches_waiting")
            _until(port, 1, "searches_waiting")
        go.set()
        _until(port, 0, "searches_waiting")
    assert [asked.text for asked in searcher.asked] == ["first"]
