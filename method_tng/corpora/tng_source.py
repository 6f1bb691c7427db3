"""Timed narrations of Movie101v2 in both languages, cleaned: from a checkout or from a prepared file.

A checkout holds `data/narration/short-71k-{zh,en}/FILM.txt`, lines `h:m:s|h:m:s|text`, the same times line
by line in both languages, and `data/metadata/meta/FILM.json` with the cast.  Cleaning: a narration without
length gets one second; brackets that open or close nothing are removed; a narration that repeats the one just
before it (same Chinese text, at most a second later) is dropped.  Ids count the narrations of all films, by
film name.
A prepared file has one JSON object per line: desc_id, movie, st, ed, zh, en, and masked texts if it likes.
Source: Yue et al., Movie101v2: Improved Movie Narration Benchmark, arXiv 2404.13370.
"""

import gzip
import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from method_tng.contract.errors import DataError
from method_tng.corpora.tng_names import mask_chinese, mask_english, ordinary_english, own_names

log = logging.getLogger(__name__)

LINE = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)\|(\d+):([0-5]?\d):([0-5]?\d)\|(.*\S.*)")
REPEAT_SECONDS = 1  # a repeat starts at most so long after the end of what it repeats


@dataclass(frozen=True)
class Line:
    """One narration in both languages; times in whole seconds, names in brackets where they were known."""

    desc_id: int
    movie: str
    start: int
    end: int
    zh: str
    en: str
    zh_masked: str = ""
    en_masked: str = ""

    def text(self, language: str, names: str) -> str:
        """The text in "zh" or "en", with `names` "mask" or "keep"."""
        return str(getattr(self, f"{language}_masked" if names == "mask" else language))


Film = list[Line]


def read_checkout(checkout: Path, films: Iterable[str]) -> dict[str, Film]:
    """The films of a checkout, cleaned and with names masked; film -> its narrations in time order.

    Raises:
        DataError: a file is missing or a line is not what it should be.
    """
    read: dict[str, Film] = {}
    casts: dict[str, list[tuple[str, str]]] = {}
    count = 0
    for film in sorted(films):
        zh, en = (
            _read(_file(checkout / f"data/narration/short-71k-{code}/{film}.txt")) for code in ("zh", "en")
        )
        read[film] = clean(film, zh, en, count)
        casts[film] = _cast(_file(checkout / f"data/metadata/meta/{film}.json"))
        count += len(read[film])
    return mask(read, casts)


def read_prepared(path: Path) -> dict[str, Film]:
    """The films of a prepared file (jsonl or jsonl.gz)."""
    opened = gzip.open if path.suffix == ".gz" else open
    films: dict[str, Film] = {}
    with opened(_file(path), "rt", encoding="utf-8") as lines:
        for number, text in enumerate(lines, start=1):
            try:
                row = json.loads(text)
                masked = [row.get(f"{code}_masked", row[code]) for code in ("zh", "en")]
                line = Line(row["desc_id"], row["movie"], row["st"], row["ed"], row["zh"], row["en"], *masked)
            except (ValueError, KeyError) as error:
                raise DataError(
                    f"{path}, line {number}: {error}; expected an object with desc_id, movie, st, ed, zh, en"
                ) from error
            films.setdefault(line.movie, []).append(line)
    return {film: sorted(films[film], key=lambda line: (line.start, line.desc_id)) for film in films}


def clean(
    film: str, zh: Sequence[tuple[int, int, str]], en: Sequence[tuple[int, int, str]], first_id: int
) -> Film:
    """The narrations of a film out of its lines (start, end, text) in both languages.

    Raises:
        DataError: the two languages do not run side by side.
    """
    if [line[:2] for line in zh] != [line[:2] for line in en]:
        raise DataError(
            f"film {film}: the Chinese and the English narrations ({len(zh)} and {len(en)} lines) differ in "
            "their times; expected the same line by line, check out both folders again"
        )
    lines: Film = []
    for (start, end, chinese), (_, _, english) in zip(zh, en, strict=True):
        texts = balanced(chinese), balanced(english)
        end = end if end > start else start + 1
        before = lines[-1] if lines else None
        if before and before.zh == texts[0] and start - before.end <= REPEAT_SECONDS:
            log.info("film %s, %d s: a repeated narration was dropped", film, start)
            continue
        lines.append(Line(first_id + len(lines), film, start, end, *texts))
    return lines


def balanced(text: str) -> str:
    """A text without the brackets that open or close nothing."""
    kept = list(text.strip())
    opened = -1
    for place, character in enumerate(kept):
        if character == "[":
            if opened >= 0:
                kept[opened] = ""
            opened = place
        elif character == "]":
            if opened < 0:
                kept[place] = ""
            opened = -1
    if opened >= 0:
        kept[opened] = ""
    return "".join(kept)


def mask(films: dict[str, Film], casts: dict[str, list[tuple[str, str]]]) -> dict[str, Film]:
    """The same narrations with masked texts; casts: film -> (Chinese, English) names of its roles."""
    ordinary = ordinary_english(line.en for film in films.values() for line in film)
    names = [
        own_names(
            {film: "\n".join(getattr(line, code) for line in lines) for film, lines in films.items()},
            {film: [role[place] for role in casts[film]] for film in films},
        )
        for place, code in enumerate(("zh", "en"))
    ]
    masked: dict[str, Film] = {}
    for film, lines in films.items():
        zh = mask_chinese([line.zh for line in lines], names[0][film])
        en = mask_english([line.en for line in lines], names[1][film], ordinary)
        masked[film] = [
            Line(line.desc_id, line.movie, line.start, line.end, line.zh, line.en, *texts)
            for line, *texts in zip(lines, zh, en, strict=True)
        ]
    return masked


def _read(path: Path) -> list[tuple[int, int, str]]:
    """(start, end, text) of each line of a file."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8-sig").rstrip().splitlines(), start=1):
        found = LINE.fullmatch(text)
        if not found:
            raise DataError(
                f"{path}, line {number}: found {text[:60]!r}; expected h:m:s|h:m:s|text, correct it"
            )
        times = [int(part) for part in found.groups()[:6]]
        start, end = (times[i] * 3600 + times[i + 1] * 60 + times[i + 2] for i in (0, 3))
        if end < start:
            raise DataError(f"{path}, line {number}: the end lies before the start; correct the line")
        lines.append((start, end, found.group(7)))
    return lines


def _cast(path: Path) -> list[tuple[str, str]]:
    """The (Chinese, English) names of a film's roles."""
    roles = json.loads(path.read_text(encoding="utf-8")).get("role", {})
    return [
        ((role.get("role") or "").strip(), (role.get("role_en") or "").strip()) for role in roles.values()
    ]


def _file(path: Path) -> Path:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist; expected a file of a Movie101v2 checkout, give the checkout's path"
        )
    return path
