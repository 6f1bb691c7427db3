"""A corpus small enough for every test: films of two minutes, narrations of known words, features that fit.

Every word has a vector; a clip's video row is the sum of the words told there, seen through a fixed map, with
noise; its subtitle row the same through another map and zero where nobody speaks; a query's rows are its
words' own vectors.  So there is something to learn, and nothing to download.  A sentence's one vector (for
`sentence_features`, in tiny_sentence.h5) lies in the space of the video rows, as with CLIP.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from method_tng.contract.settings import DataSettings
from method_tng.dataset.feature_store import write_features
from method_tng.dataset.text import words_of

SPLITS = {"train": 4, "val": 2, "test": 2}  # films
WORDS = words_of(
    "man woman child dog opens closes runs sits laughs weeps door window street night "
    "car horse letter garden rain snow music sword bread river lamp stone crowd smoke"
)
CLIP = 2.0
VIDEO, SUBTITLES, QUERY = 12, 8, 10  # widths


@dataclass(frozen=True)
class TinyFilm:
    """A film before it is written: narrations as (start, end, word numbers)."""

    name: str
    duration: float
    told: list[tuple[float, float, list[int]]]


def make_tiny(folder: Path, seed: int = 0, **changes: Any) -> DataSettings:
    """Writes the corpus (TVR layout, one entry per film) and gives the settings that read it.

    Args:
        folder: where; made if it is missing.
        seed: of everything in it.
        changes: fields of the settings that shall differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((len(WORDS), QUERY)).astype(np.float32)
    maps = {width: rng.standard_normal((QUERY, width)).astype(np.float32) for width in (VIDEO, SUBTITLES)}
    video, subtitles, queries, sentences = [], [], [], []
    durations: dict[str, dict[str, list[float]]] = {}
    for split, num_films in SPLITS.items():
        films = [_film(f"{split}-{number}", rng) for number in range(num_films)]
        durations[split] = {
            film.name: [film.duration, 10 * len(durations) + i] for i, film in enumerate(films)
        }
        lines = []
        for film in films:
            content = _content(film, vectors)  # (clips, QUERY)
            noise = 0.3 * rng.standard_normal((len(content), VIDEO)).astype(np.float32)
            video.append((film.name, content @ maps[VIDEO] + noise))
            subtitles.append((film.name, content @ maps[SUBTITLES]))
            for start, end, words in film.told:
                query_id = 100 * (1 + list(SPLITS).index(split)) + len(lines)
                queries.append((str(query_id), vectors[words]))
                sentences.append((str(query_id), vectors[words].sum(axis=0, keepdims=True) @ maps[VIDEO]))
                text = " ".join(WORDS[word] for word in words).capitalize() + "."
                moment = {"vid_name": film.name, "duration": film.duration, "ts": [start, end], "type": "vt"}
                lines.append({"desc_id": query_id, "desc": text, **moment})
        write_lines(folder / f"tiny_{split}.jsonl", lines)
    (folder / "tiny_video2dur_idx.json").write_text(json.dumps(durations))
    write_features(folder / "tiny_video.h5", video)
    write_features(folder / "tiny_sub.h5", subtitles)
    write_features(folder / "tiny_query.h5", queries)
    write_features(folder / "tiny_sentence.h5", sentences)
    return tiny_settings(folder, **changes)


def tiny_settings(folder: Path, **changes: Any) -> DataSettings:
    """The settings that read the corpus in a folder; `changes` are fields that shall differ."""
    settings = DataSettings(
        dset_name="tiny",
        annotations=str(folder / "tiny_{split}.jsonl"),
        durations=str(folder / "tiny_video2dur_idx.json"),
        video_features=str(folder / "tiny_video.h5"),
        sub_features=str(folder / "tiny_sub.h5"),
        query_features=str(folder / "tiny_query.h5"),
        clip_length=CLIP,
        window_seconds=40.0,
        max_ctx_l=20,
        max_desc_l=8,
    )
    return replace(settings, **changes)


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """A JSON lines file."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")


def _film(name: str, rng: np.random.Generator) -> TinyFilm:
    """Narrations follow each other with pauses; the film ends with the last one's clip."""
    told, now = [], 0.0
    while now < 100:
        start = now + float(rng.integers(0, 7))
        end = start + float(rng.integers(2, 13))
        told.append((start, end, rng.choice(len(WORDS), rng.integers(2, 7), replace=False).tolist()))
        now = end
    return TinyFilm(name, float(np.ceil(now / CLIP) * CLIP), told)


def _content(film: TinyFilm, vectors: np.ndarray) -> np.ndarray:
    """(clips, QUERY): the sum of the words told in each clip, zero where nobody tells anything."""
    content = np.zeros((round(film.duration / CLIP), QUERY), np.float32)
    for start, end, words in film.told:
        content[int(start // CLIP) : int(np.ceil(end / CLIP))] += vectors[words].sum(axis=0)
    return content
