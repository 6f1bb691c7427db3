"""The demo corpus: small invented films in the ordinary file formats, made in seconds, always the same.

demo_{train,val,test}.jsonl    one narration per line (TVR's layout, times in film seconds)
demo_video2dur_idx.json        {split: {film: [seconds, number]}}
demo_vid.h5, demo_sub.h5       film -> (clips of 2 s, width): what is seen, what is said
demo_query_hashed.h5           narration -> (words, width) of `HashedEncoder`
demo.json                      version and seed; written last, so that a broken folder is made anew
"""

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from method_tng.contract.files import write_json, write_whole
from method_tng.corpora.demo_features import subtitle_rows, video_rows
from method_tng.corpora.demo_story import Film, write_film
from method_tng.corpora.demo_telling import Narrator, name_people
from method_tng.dataset.feature_store import write_features
from method_tng.encoders.hashed import HashedEncoder

log = logging.getLogger(__name__)

VERSION = 2  # raise when the same seed gives other files
NUM_FILMS = {"train": 28, "val": 7, "test": 8}
FILM_SECONDS = (560.0, 680.0)
NARRATED = 0.9  # share of the events that somebody narrates
QUERY_WIDTH = 128


def make_demo(folder: Path, seed: int = 0) -> None:
    """Makes the demo corpus in a folder, unless it is there already with this version and seed.

    Args:
        folder: where the files go; made if missing.
        seed: another seed gives other films of the same kind.
    """
    manifest = folder / "demo.json"
    mark = {"version": VERSION, "seed": seed}
    if manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8")) == mark and _complete(folder):
        log.info("the demo corpus in %s is up to date", folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    manifest.unlink(missing_ok=True)
    films = {split: _films(split, seed) for split in NUM_FILMS}
    told = {split: _narrations(split, films[split], seed) for split in films}
    for split, rows in told.items():
        _write_lines(folder / f"demo_{split}.jsonl", rows)
    write_json(folder / "demo_video2dur_idx.json", _durations(films))
    about = {"made_by": f"demo corpus of method_tng, version {VERSION}, seed {seed}"}
    every = [film for split in films.values() for film in split]
    write_features(folder / "demo_vid.h5", _stream(every, video_rows, [seed, 2]), about)
    write_features(folder / "demo_sub.h5", _stream(every, subtitle_rows, [seed, 3]), about)
    _write_queries(folder / "demo_query_hashed.h5", [row for rows in told.values() for row in rows], about)
    write_json(manifest, mark)


def demo_files() -> list[str]:
    """The names of the demo corpus's files, without its manifest."""
    tables = ["demo_video2dur_idx.json", "demo_vid.h5", "demo_sub.h5", "demo_query_hashed.h5"]
    return [f"demo_{split}.jsonl" for split in NUM_FILMS] + tables


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in demo_files())


def _films(split: str, seed: int) -> list[Film]:
    """The films of a split; each has a generator of its own."""
    before = {"train": 0, "val": NUM_FILMS["train"], "test": NUM_FILMS["train"] + NUM_FILMS["val"]}[split]
    films = []
    for number in range(before + 1, before + NUM_FILMS[split] + 1):
        generator = np.random.default_rng([seed, number])
        films.append(write_film(f"film-{number:02d}", generator.uniform(*FILM_SECONDS), generator))
    return films


def _narrations(split: str, films: list[Film], seed: int) -> list[dict]:
    """The rows of a split's annotation file."""
    return [row for film in films for row in _film_narrations(film, split == "test", seed)]


def _film_narrations(film: Film, unseen: bool, seed: int) -> list[dict]:
    generator = np.random.default_rng([seed, _number(film), 1])
    narrator = Narrator(name_people(generator), unseen, generator)
    told = [(scene.place, event) for scene in film.scenes for event in scene.events]
    told = [pair for pair in told if generator.random() < NARRATED]
    return [
        {
            "desc_id": 1000 * _number(film) + index,
            "desc": narrator.tell(event, place),
            "type": "vt" if event.topic else "v",
            "vid_name": film.film_id,
            "duration": film.duration,
            "ts": [event.start, event.end],
        }
        for index, (place, event) in enumerate(told)
    ]


def _write_lines(path: Path, rows: list[dict]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _write_queries(path: Path, rows: list[dict], about: dict[str, str]) -> None:
    encoder = HashedEncoder(QUERY_WIDTH)
    words = encoder.encode(row["desc"] for row in rows)
    items = ((str(row["desc_id"]), part.astype(np.float16)) for row, part in zip(rows, words, strict=True))
    write_features(path, items, {**about, "text_encoder": json.dumps(encoder.describe())})


def _number(film: Film) -> int:
    return int(film.film_id.rpartition("-")[2])


def _durations(films: dict[str, list[Film]]) -> dict[str, dict[str, list]]:
    """{split: {film: [seconds, number]}}, numbers unique over the splits."""
    numbers = iter(range(sum(map(len, films.values()))))
    return {
        split: {film.film_id: [film.duration, next(numbers)] for film in members}
        for split, members in films.items()
    }


def _stream(films: list[Film], rows_of: Callable, seed: list[int]) -> Iterable[tuple[str, np.ndarray]]:
    for film in films:
        generator = np.random.default_rng([*seed, _number(film)])
        yield film.film_id, rows_of(film, generator, seed[0]).astype(np.float16)
