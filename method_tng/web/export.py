"""Moments as files that other programs read: a table, chapters, an edit decision list.

Sources: WebVTT (W3C), SubRip as players read it, CMX 3600 for the edit decision list.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from method_tng.search.answers import FoundMoment

FORMULA = tuple("=+-@＝＋－＠\t\r\n")  # a cell that begins so is computed by spreadsheets
EDIT_RATE = 25  # frames a second of the time codes
COLUMNS = ("rank", "film_id", "title", "start", "end", "score", "band", "subtitle")


def table(text: str, moments: Sequence[FoundMoment]) -> str:
    """CSV with a row per moment; a byte order mark lets spreadsheets see that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, "sentence"])
    for rank, one in enumerate(moments, start=1):
        times = (f"{one.start:.3f}", f"{one.end:.3f}", f"{one.score:.6g}")
        words = (_cell(one.film_id), _cell(one.title), *times, one.band, _cell(one.subtitle or ""))
        writer.writerow([rank, *words, _cell(text)])
    return "\ufeff" + out.getvalue()


def subrip(text: str, moments: Sequence[FoundMoment]) -> str:
    """A cue per moment of one film, in the order of time."""
    cues = _in_time(moments)
    blocks = [
        f"{number}\n{_stamp(one.start, ',')} --> {_stamp(one.end, ',')}\n{_line(f'{rank}. {text}')}\n"
        for number, (rank, one) in enumerate(cues, start=1)
    ]
    return "\n".join(blocks)


def webvtt(text: str, moments: Sequence[FoundMoment]) -> str:
    """Chapters of one film, in the order of time."""
    cues = [
        f"{_stamp(one.start, '.')} --> {_stamp(one.end, '.')}\n{_markup_free(_line(f'{rank}. {text}'))}\n"
        for rank, one in _in_time(moments)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def edit_list(text: str, moments: Sequence[FoundMoment]) -> str:
    """A cut of all moments after one another, best first, from 01:00:00:00 on."""
    lines = [f"TITLE: {_line(text)[:70]}", "FCM: NON-DROP FRAME", ""]
    at = 3600 * EDIT_RATE
    for number, one in enumerate(moments, start=1):
        first = round(one.start * EDIT_RATE)
        last = max(first + 1, round(one.end * EDIT_RATE))
        codes = (first, last, at, at + last - first)
        told = " ".join(_time_code(code) for code in codes)
        lines += [f"{number:03}  AX       V     C        {told}", f"* FROM CLIP NAME: {_line(one.title)}"]
        at += last - first
    return "\r\n".join([*lines, ""])


WRITERS: Mapping[str, tuple[Callable[[str, Sequence[FoundMoment]], str], str]] = {
    "csv": (table, "text/csv"),
    "srt": (subrip, "application/x-subrip"),
    "vtt": (webvtt, "text/vtt"),
    "edl": (edit_list, "text/plain"),
}
"""Format -> writer and media type."""
CHAPTERS = ("srt", "vtt")  # of one film


def _cell(words: str) -> str:
    return f"'{words}" if words.startswith(FORMULA) else words


def _in_time(moments: Sequence[FoundMoment]) -> list[tuple[int, FoundMoment]]:
    """Moments with their rank."""
    return sorted(enumerate(moments, start=1), key=lambda pair: pair[1].start)


def _line(words: str) -> str:
    """One line, in which no arrow separates times."""
    return " ".join(words.split()).replace("-->", "→")


def _markup_free(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(seconds: float, point: str) -> str:
    whole = round(1000 * seconds)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _time_code(frames: int) -> str:
    seconds, rest = divmod(frames, EDIT_RATE)
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{rest:02}"
