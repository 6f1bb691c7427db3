"""Subtitle files as people have them: any encoding, any of three formats, markup inside."""

from pathlib import Path

import pytest

pytest.importorskip("av", reason="films are the extra `video`")
pytest.importorskip("pysubs2", reason="films are the extra `video`")

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
    lines = lines_beside(tmp_path / "Film.mp4", [])
    assert [(line.start, line.end, line.text, line.track) for line in lines] == [
        (1.0, 2.5, "他们走进房间，关上了门。 第二行", "zh"),
        (3.0, 4.0, "再见", "zh"),
    ]


def test_files_of_other_films_are_left_alone_and_three_formats_are_read(tmp_path: Path) -> None:
    (tmp_path / "Film.vtt").write_text("WEBVTT\n\n00:05.000 --> 00:06.000\nlater\n")
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
    fields = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    line = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}first{\\b0}\\Nline\n"
    line += "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\pos(0,0)\\p1}m 0 0 l 100 0\n"
    (tmp_path / "Film.en.ass").write_text(head + fields + line)
    (tmp_path / "Film2.srt").write_text(SRT)
    lines = lines_beside(tmp_path / "Film.mkv", [])
    assert [(line.text, line.track) for line in lines] == [("first line", "en"), ("later", "vtt")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("words", ["好", "Yes"])
def test_one_short_line_is_enough_to_recognise_two_bytes_a_letter(encoding: str, words: str) -> None:
    text = f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n"
    assert decoded(text.encode(encoding)) == text


def test_what_is_no_subtitle_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "Film.en.srt").write_bytes(b"\x00\x01nothing")
    (tmp_path / "Film.zh.srt").write_text(SRT, encoding="utf-8")
    faults: list[str] = []
    assert [line.track for line in lines_beside(tmp_path / "Film.mp4", faults)] == ["zh", "zh"]
    assert len(faults) == 1 and "Film.en.srt cannot be read as subtitles (no line found)" in faults[0]


def test_markup_goes_and_western_letters_stay() -> None:
    assert plain("Hello {\\i1}you{\\i0}, there\\Nand") == "Hello you, there and"
    assert plain("9, 8, 7, 6, 5, 4, 3, 2, 1, go!") == "9, 8, 7, 6, 5, 4, 3, 2, 1, go!"
    assert plain("One, two, <b>three</b>") == "One, two, three"
    assert plain("<v Roger>Tom &amp; I <00:01.500>know: 3 < 5 &lt; 7 > 2") == "Tom & I know: 3 < 5 < 7 > 2"
    assert plain("{\\an7\\p1}m 0 0 l 100 0{\\p0}drawn") == "drawn" and plain("{\\p2}m 0 0") == ""
    assert decoded("Schön".encode("cp1252")).startswith("Sch")
