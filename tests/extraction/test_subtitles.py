"""Subtitle files as people have them: any encoding, any of three formats, markup inside."""

from pathlib import Path

import pytest

pytest.importorskip("av", reason="films are the extra `video`")
pytest.importorskip("pysubs2", reason="films are the extra `video`")

from method_tng.contract.errors import DataError
from method_tng.extraction.subtitles import decoded, lines_beside, plain

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>他们走进房间，关上了门。</i>
第二行

2
00:00:03,000 --> 00:00:04,000
{\\an8}再见
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encoding_is_recognised(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "Film.zh.srt").write_bytes(SRT.encode(encoding))
    lines = lines_beside(tmp_path / "Film.mp4")
    assert [(line.start, line.end, line.text, line.track) for line in lines] == [
        (1.0, 2.5, "他们走进房间，关上了门。 第二行", "zh"),
        (3.0, 4.0, "再见", "zh"),
    ]


def test_files_of_other_films_are_left_alone_and_three_formats_are_read(tmp_path: Path) -> None:
    (tmp_path / "Film.vtt").write_text("WEBVTT\n\n00:05.000 --> 00:06.000\nlater\n")
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    fields = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    line = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}first{\\b0}\\Nline\n"
    (tmp_path / "Film.en.ass").write_text(head + fields + line)
    (tmp_path / "Film2.srt").write_text(SRT)
    lines = lines_beside(tmp_path / "Film.mkv")
    assert [(line.text, line.track) for line in lines] == [("first line", "en"), ("later", "vtt")]


def test_what_is_no_subtitle_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "Film.srt").write_bytes(b"\x00\x01nothing")
    with pytest.raises(DataError, match=r"Film\.srt cannot be read as subtitles"):
        lines_beside(tmp_path / "Film.mp4")


def test_markup_goes_and_western_letters_stay() -> None:
    assert plain("0,0,Default,,0,0,0,,Hello {\\i1}you{\\i0}, there\\Nand") == "Hello you, there and"
    assert plain("One, two, <b>three</b>") == "One, two, three"
    assert decoded("Schön".encode("cp1252")).startswith("Sch")
