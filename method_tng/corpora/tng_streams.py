"""A film's narrations in one language as a feature stream: 2 s clips, projected tf-idf, blurred or gappy.

The characters (Chinese) or words (English) of a narration are spread evenly over its time; a seeded draw
keeps a share of them; what is kept, and kept neighbours as a pair, falls into the clip in which it is spoken.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from method_tng.corpora.tng_source import Line

CLIP_SECONDS = 2.0
PUNCTUATION = re.compile(r"[\s，。！？、；：,.!?;:\"'“”‘’《》()（）…—\-·\[\]]+")
SENTENCE_MARKS = re.compile(r"[，。！？、；：,.!?;:\"“”‘’《》()（）…—\[\]]+")
BLUR_REACH = 3  # standard deviations


@dataclass(frozen=True)
class StreamSettings:
    """How much of a narration a stream shows.

    Attributes:
        tag: name of the stream; seeds its draws.
        keep: share of the characters or words that is kept.
        sigma: blur over time, standard deviation in clips; 0 = none.
        noise: norm of the noise that is added to each clip.
    """

    tag: str
    keep: float
    sigma: float
    noise: float


VIDEO = StreamSettings("vid", 0.35, 2.0, 0.09)  # a visual backbone: always on, blurred, incomplete
SUBTITLES = StreamSettings("sub", 0.30, 0.0, 0.0)  # speech: sharp in time, with gaps


@dataclass(frozen=True)
class GramTable:
    """What a content language is made of: `index` n-gram -> row, `idf` (G,), `projection` (G, D)."""

    index: dict[str, int]
    idf: np.ndarray
    projection: np.ndarray


def runs_of(text: str, language: str) -> Iterator[Sequence[str]]:
    """The stretches of a text between punctuation, each a sequence of characters ("zh") or words ("en")."""
    if language == "zh":
        yield from (run for run in PUNCTUATION.split(text) if run)
        return
    for run in SENTENCE_MARKS.split(text.lower()):
        words = [word for word in PUNCTUATION.split(run) if word]
        if words:
            yield words


def pair_of(first: str, second: str, language: str) -> str:
    """The n-gram of two neighbours."""
    return first + second if language == "zh" else f"{first} {second}"


def num_clips(film: Sequence[Line]) -> int:
    """Clips up to the end of a film's last narration."""
    return int(np.ceil(max(line.end for line in film) / CLIP_SECONDS))


def content_stream(
    film: Sequence[Line], texts: Sequence[str], language: str, table: GramTable, settings: StreamSettings
) -> np.ndarray:
    """The stream of one film, (T, D) float32; zero where nothing was kept, unless noise is added.

    Args:
        film: its narrations in time order.
        texts: what to read of each of them.
        language: "zh" or "en", of the texts.
        table: fitted on the training films.
        settings: which stream.
    """
    count = num_clips(film)
    clips, grams = [], []
    for number, (line, text) in enumerate(zip(film, texts, strict=True)):
        runs = list(runs_of(text, language))
        total = sum(map(len, runs))
        generator = np.random.default_rng(zlib.crc32(f"{line.movie}|{number}|{settings.tag}".encode()))
        kept = generator.random(total) < settings.keep
        for seconds, gram in _spoken(line, runs, kept, language):
            if gram in table.index:
                clips.append(min(int(seconds // CLIP_SECONDS), count - 1))
                grams.append(table.index[gram])
    rows = _projected(np.asarray(clips, int), np.asarray(grams, int), count, table)
    rows = _blurred(rows, settings.sigma) if settings.sigma > 0 else rows
    if settings.noise > 0:
        generator = np.random.default_rng(zlib.crc32(f"{film[0].movie}|{settings.tag}|noise".encode()))
        scale = np.float32(settings.noise / np.sqrt(rows.shape[1]))
        rows += generator.standard_normal(rows.shape).astype(np.float32) * scale
    return rows


def _spoken(
    line: Line, runs: Sequence[Sequence[str]], kept: np.ndarray, language: str
) -> Iterator[tuple[float, str]]:
    """(second, n-gram) of everything that is kept of a narration."""
    step = (line.end - line.start) / max(len(kept), 1)
    pieces = [(run, position) for run in runs for position in range(len(run))]
    for place, (run, position) in enumerate(pieces):
        if kept[place]:
            seconds = line.start + (place + 0.5) * step
            yield seconds, run[position]
            if position + 1 < len(run) and kept[place + 1]:
                yield seconds + step / 2, pair_of(run[position], run[position + 1], language)


def _projected(clips: np.ndarray, grams: np.ndarray, count: int, table: GramTable) -> np.ndarray:
    """Sublinear tf-idf of each clip, unit norm, projected: (T, D) float32."""
    rows = np.zeros((count, table.projection.shape[1]), np.float32)
    if len(clips) == 0:
        return rows
    cells, times = np.unique(clips * len(table.idf) + grams, return_counts=True)
    clip, gram = cells // len(table.idf), cells % len(table.idf)
    weight = (1 + np.log(times)) * table.idf[gram]
    norm = np.sqrt(np.bincount(clip, weight * weight, count))
    weight = weight / np.maximum(norm, 1e-12)[clip]  # a clip of words that are everywhere has norm 0
    filled, first = np.unique(clip, return_index=True)
    weighted = weight[:, None].astype(np.float32) * table.projection[gram]
    rows[filled] = np.add.reduceat(weighted, first, axis=0)
    return rows


def _blurred(rows: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing over clips, zeros beyond the film's ends."""
    reach = int(np.ceil(BLUR_REACH * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    shifted = (share * padded[shift : shift + len(rows)] for shift, share in enumerate(kernel))
    return np.asarray(sum(shifted), np.float32)
