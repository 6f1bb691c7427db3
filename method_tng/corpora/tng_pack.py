"""Packs for grounding a narration of one language in films told in the other, from a Movie101v2 checkout.

The films are turned into features from the timed narrations of the content language; a query is the same
narration in the other language.  Films of a pack and the number of queries: `packs.json`.

    NAME_FORM_{split}.jsonl             TVR's layout; FORM is `windows` (200 s each) or `movies`
    NAME_FORM_video2dur_idx.json        {split: {window or film: [seconds, number]}}: the corpus of each split
    NAME_vid_FORM.h5, NAME_sub_FORM.h5  (clips of 2 s, 256)
    NAME_query_table.h5                 (words, 300)
    NAME_tables.npz                     the fitted tables, unless they were given

NAME is the pack's with `_` for `-`, and ends in `_zh` when the queries are Chinese.  Everything is
deterministic; a film lasts until the end of its last narration, rounded up to a clip.
"""

import json
import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from method_tng.contract.errors import ConfigError, DataError
from method_tng.contract.files import write_whole
from method_tng.contract.items import Movie, Narration, Window
from method_tng.contract.settings import DataSettings
from method_tng.corpora.tng_source import Film, Line, read_checkout, read_prepared
from method_tng.corpora.tng_streams import (
    CLIP_SECONDS,
    SUBTITLES,
    VIDEO,
    StreamSettings,
    content_stream,
    num_clips,
)
from method_tng.corpora.tng_tables import Tables, fit_tables
from method_tng.dataset.feature_store import write_features
from method_tng.dataset.windows import cut, own_window

log = logging.getLogger(__name__)

PACKS = Path(__file__).with_name("packs.json")
TABLE_PACK = "tng-full"  # tables are fitted on its training films, ids count the films of it
FORMS = ("windows", "movies")


@dataclass(frozen=True)
class PackOptions:
    """What can be chosen of a pack; the defaults are what published numbers were measured on.

    Attributes:
        languages: "zh-en" = Chinese content, English queries; "en-zh" = the other way round.
        names: "mask" = nobody is named; "keep" = names stay in their brackets.
        forms: "windows" and "movies", or one of them.
        window_seconds, window_stride: how the windows form is cut.
        video, subtitles: how much of the narrations the two streams show.
        dtype: type of the stored numbers.
    """

    languages: str = "zh-en"
    names: str = "mask"
    forms: Sequence[str] = FORMS
    window_seconds: float = 200.0
    window_stride: float = 200.0
    video: StreamSettings = VIDEO
    subtitles: StreamSettings = SUBTITLES
    dtype: str = "float16"

    def __post_init__(self) -> None:
        for name, allowed in (("languages", ("zh-en", "en-zh")), ("names", ("mask", "keep"))):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; expected {' or '.join(allowed)}")
        if not self.forms or not set(self.forms) <= set(FORMS):
            raise ConfigError(f"forms are {list(self.forms)}; expected some of {', '.join(FORMS)}")


@dataclass(frozen=True)
class Query:
    """A narration that is asked for, with its film's duration."""

    line: Line
    text: str
    movie: Movie


def build_pack(
    checkout: Path | None,
    pack: str,
    out: Path,
    options: PackOptions | None = None,
    *,
    narrations: Path | None = None,
    tables: Path | None = None,
    packs: Path = PACKS,
) -> None:
    """Builds a pack in a folder.

    Args:
        checkout: a checkout of Movie101v2 with all films of the pack `tng-full`; None with `narrations`.
        pack: tng-tiny, tng-mini or tng-full.
        out: the folder; made if missing.
        options: what differs from the published packs.
        narrations: a prepared file instead of the checkout.
        tables: fitted tables; without them they are fitted, on the training films of `tng-full`.
        packs: the list of packs.

    Raises:
        ConfigError: no such pack, or neither checkout nor prepared file.
        DataError: a film of the pack is not there.
    """
    options = options or PackOptions()
    lists = json.loads(packs.read_text(encoding="utf-8"))
    if pack not in lists:
        raise ConfigError(f"there is no pack {pack!r}; expected one of {', '.join(lists)}")
    films = _read(checkout, narrations, lists)
    content, query = options.languages.split("-")
    out.mkdir(parents=True, exist_ok=True)
    stem = pack.replace("-", "_") + ("" if query == "en" else f"_{query}")
    tables = tables or _fit(films, lists, out / f"{stem}_tables.npz", options)
    splits = {split: [films[film] for film in names] for split, names in lists[pack]["splits"].items()}
    most = lists[pack].get("max_queries", {})
    asked = {split: _queries(members, most.get(split), options) for split, members in splits.items()}
    for form in options.forms:
        _write_annotations(out, f"{stem}_{form}", form, splits, asked, options)
    _write_content(out, stem, splits, Tables.load(tables).grams(content), options)
    _write_queries(out / f"{stem}_query_table.h5", asked, Tables.load(tables), tables, options)
    log.info("%s: %s queries", pack, ", ".join(f"{len(rows)} {split}" for split, rows in asked.items()))


def _read(checkout: Path | None, narrations: Path | None, lists: Mapping[str, Any]) -> dict[str, Film]:
    wanted = {film for one in lists.values() for names in one["splits"].values() for film in names}
    if narrations is not None:
        films = read_prepared(narrations)
    elif checkout is not None:
        films = read_checkout(checkout, wanted)
    else:
        raise ConfigError("neither a Movie101v2 checkout nor a file of narrations is given; name one")
    missing = sorted(wanted - set(films))
    if missing:
        raise DataError(
            f"{narrations} lacks {len(missing)} films of the packs, the first is {missing[0]}; add them"
        )
    return films


def _fit(films: Mapping[str, Film], lists: Mapping[str, Any], path: Path, options: PackOptions) -> Path:
    content, query = options.languages.split("-")
    lines = [line for film in sorted(lists[TABLE_PACK]["splits"]["train"]) for line in films[film]]
    told, asked = ([line.text(code, options.names) for line in lines] for code in (content, query))
    fit_tables(told, content, asked, query).save(path)
    return path


def _queries(films: Sequence[Film], most: int | None, options: PackOptions) -> list[Query]:
    """The narrations that are asked for, film by film: a fixed draw of at most so many."""
    ids = [line.desc_id for film in films for line in film]
    ids.sort(key=lambda desc_id: (zlib.crc32(f"q{desc_id}".encode()), desc_id))
    chosen = set(ids[:most])
    language = options.languages.split("-")[1]
    return [
        Query(line, line.text(language, options.names), _movie(film))
        for film in films
        for line in film
        if line.desc_id in chosen
    ]


def _movie(film: Film) -> Movie:
    return Movie(film[0].movie, num_clips(film) * CLIP_SECONDS)


def _windows(movie: Movie, form: str, options: PackOptions) -> list[Window]:
    seconds, stride = (options.window_seconds, options.window_stride) if form == "windows" else (0.0, 0.0)
    return cut(movie, DataSettings(clip_length=CLIP_SECONDS, window_seconds=seconds, window_stride=stride))


def _write_annotations(
    out: Path,
    stem: str,
    form: str,
    splits: Mapping[str, Sequence[Film]],
    asked: Mapping[str, Sequence[Query]],
    options: PackOptions,
) -> None:
    durations: dict[str, dict[str, list[float]]] = {}
    number = 0
    for split, films in splits.items():
        windows = {film[0].movie: _windows(_movie(film), form, options) for film in films}
        rows = (_row(query, windows[query.movie.movie_id]) for query in asked[split])
        _write(
            out / f"{stem}_{split}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        )
        durations[split] = {}
        for window in (window for some in windows.values() for window in some):
            durations[split][window.window_id] = [window.end - window.start, number]
            number += 1
    _write(out / f"{stem}_video2dur_idx.json", json.dumps(durations))


def _row(query: Query, windows: Sequence[Window]) -> dict[str, Any]:
    """A line of the annotations; `alt` = other windows that hold the narration's middle, nearest first."""
    line = query.line
    spans = ((float(line.start), float(line.end)),)
    half = (windows[0].end - windows[0].start) / 2
    own = own_window(Narration(str(line.desc_id), query.text, line.movie, spans), windows, half)
    window = windows[own]
    row = {
        "desc_id": line.desc_id,
        "desc": query.text,
        "type": "vt",
        "vid_name": window.window_id,
        "duration": window.end - window.start,
        "ts": _inside(line, window),
    }
    middle = (line.start + line.end) / 2
    others = [other for other in windows if other is not window and other.start <= middle < other.end]
    others.sort(key=lambda other: abs(middle - other.start - half))
    if others:
        row["alt"] = [{"vid_name": other.window_id, "ts": _inside(line, other)} for other in others]
    return row


def _inside(line: Line, window: Window) -> list[float]:
    return [round(max(0.0, line.start - window.start), 2), round(min(line.end, window.end) - window.start, 2)]


def _write_content(
    out: Path, stem: str, splits: Mapping[str, Sequence[Film]], table: Any, options: PackOptions
) -> None:
    language = options.languages.split("-")[0]
    films = [film for members in splits.values() for film in members]
    for settings in (options.video, options.subtitles):
        streams = {}
        for film in films:
            texts = [line.text(language, options.names) for line in film]
            rows = content_stream(film, texts, language, table, settings)
            streams[film[0].movie] = rows.astype(options.dtype)
        for form in options.forms:
            items = _cut_streams(films, streams, form, options)
            write_features(
                out / f"{stem}_{settings.tag}_{form}.h5", items, {"clip_seconds": str(CLIP_SECONDS)}
            )


def _cut_streams(
    films: Sequence[Film], streams: Mapping[str, np.ndarray], form: str, options: PackOptions
) -> Iterator[tuple[str, np.ndarray]]:
    for film in films:
        for window in _windows(_movie(film), form, options):
            first, behind = (round(seconds / CLIP_SECONDS) for seconds in (window.start, window.end))
            yield window.window_id, streams[window.movie_id][first:behind]


def _write_queries(
    path: Path, asked: Mapping[str, Sequence[Query]], tables: Tables, source: Path, options: PackOptions
) -> None:
    encoder = tables.encoder(options.languages.split("-")[1], source)
    queries = [query for rows in asked.values() for query in rows]
    words = encoder.encode(query.text for query in queries)
    items = (
        (str(query.line.desc_id), rows.astype(options.dtype))
        for query, rows in zip(queries, words, strict=True)
    )
    write_features(path, items, {"text_encoder": json.dumps(encoder.describe(), ensure_ascii=False)})


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
