"""The serve command: what it listens at, and what it says when it cannot."""

import socket
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service is the extra `web`")

from method_tng import serve
from method_tng.contract.errors import ConfigError
from method_tng.web.serving import _listen


def test_a_missing_index_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert serve.main([str(tmp_path / "nothing"), "--port", "0"]) == 2
    assert "cannot be read as an index" in capsys.readouterr().err


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
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert serve.main(["index"]) == 2
    assert "pip install -e '.[web]'" in capsys.readouterr().err
